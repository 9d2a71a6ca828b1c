from collections.abc import Sequence
from datetime import date
from uuid import UUID

from services.gateway.applications import actions as applications
from services.gateway.applications.queries import (
    Application,
    count_accepted,
    count_seats_taken,
    lock_any_application,
    select_application,
    select_project_of,
)
from services.gateway.applications.rules import check_start
from services.gateway.lifecycles.project import Status as ProjectStatus
from services.gateway.projects.moves import move as move_project
from services.gateway.projects.queries import Project, acts_for, lock_project
from services.gateway.projects.wages import day_of
from services.gateway.selection import queries, rules
from services.gateway.selection.queries import Ranking, Waiting
from services.gateway.selection.rules import Load
from services.gateway.viewer import Viewer
from shared import clock
from shared.database import Connection
from shared.errors import Conflict, NotFound

TAKEN_HOURS = "hours_taken"


async def rank(
    conn: Connection,
    *,
    project_id: UUID,
    viewer: Viewer,
    application_ids: Sequence[UUID],
    message: str,
    starts_on: date,
) -> Ranking:
    """Say whom to ask, in which order, whenever a seat falls free."""
    check_start(starts_on, today=day_of(clock.now()))
    async with conn.transaction():
        project = await lock_project(conn, project_id, viewer_id=viewer.id)
        if project is None or not project.is_mine:
            raise NotFound("No such project of yours.")
        rules.check_may_rank(project.state)
        known = await queries.select_ids_under(conn, project_id)
        rules.check_ranked(application_ids, known=known)
        await queries.upsert_ranking(
            conn,
            project_id=project_id,
            application_ids=application_ids,
            message=message,
            starts_on=starts_on,
            made_by=viewer.id,
        )
        return await show_ranking(conn, project_id=project_id, viewer=viewer)


async def show_ranking(conn: Connection, *, project_id: UUID, viewer: Viewer) -> Ranking:
    if not await acts_for(conn, project_id=project_id, person_id=viewer.id):
        raise NotFound("No such project of yours.")
    ranking = await queries.select_ranking(conn, project_id)
    if ranking is None:
        raise NotFound("Nobody is ranked for this project yet.")
    return ranking


async def offer_next(conn: Connection, *, project_id: UUID, after_id: UUID) -> None:
    """Offer the seat that one application lost to the next in the standing order."""
    project = await _choosing(conn, project_id)
    if project is None:
        return
    ranking = await queries.select_ranking(conn, project_id)
    next_id = await queries.select_next_ranked(conn, project_id)
    if ranking is None or next_id is None:
        return
    if await count_seats_taken(conn, project_id) >= project.seats:
        return
    application = await lock_any_application(conn, next_id)
    if application is None or application.state not in rules.IN_WAITING:
        return
    if await queries.insert_runner_up(conn, after_id=after_id, application_id=next_id):
        await applications.hold_seat(
            conn,
            project,
            application,
            message=ranking.message,
            starts_on=rules.start_of(ranking.starts_on, today=day_of(clock.now())),
            made_by=ranking.made_by,
        )


async def _choosing(conn: Connection, project_id: UUID) -> Project | None:
    """The project under its lock, if it looks for people; with a lost seat it does so again."""
    project = await lock_project(conn, project_id, viewer_id=None)
    if project is None:
        return None
    if project.state is ProjectStatus.FILLED:
        accepted = await count_accepted(conn, project_id)
        if accepted < project.seats:
            project = await move_project(conn, project, "seat_lost")
    return project if project.state in rules.CHOOSING else None


async def decide(
    conn: Connection,
    *,
    project_id: UUID,
    application_id: UUID,
    viewer: Viewer,
    command: str,
    reason: str | None,
    criteria_not_met: list[int],
) -> Application:
    """One of many decisions on the applications to one project."""
    if await select_project_of(conn, application_id) != project_id:
        raise NotFound("No such application to this project.")
    if command == "not_select":
        return await applications.not_select(
            conn,
            application_id=application_id,
            viewer=viewer,
            reason=reason,
            criteria_not_met=criteria_not_met,
            expected=None,
        )
    return await applications.command(
        conn,
        application_id=application_id,
        command=command,
        viewer=viewer,
        reason=reason,
        expected=None,
    )


async def clashes(conn: Connection, person_id: UUID) -> tuple[Load, list[Waiting]]:
    """What a person has taken on, and the live applications that would no longer fit."""
    load = await queries.select_load(conn, person_id)
    waiting = await queries.select_waiting(conn, person_id)
    return load, [each for each in waiting if not load.fits(each.work)]


async def withdraw(conn: Connection, *, application_id: UUID, viewer: Viewer) -> Application:
    """Leave an application in the way that its state asks for."""
    async with conn.transaction():
        application = await select_application(
            conn, application_id, viewer_id=viewer.id, moderates=False
        )
        if application is None or not application.is_applicant:
            raise NotFound("No such application of yours.")
        command = rules.WAY_OUT.get(application.state)
        if command is None:
            raise Conflict(
                f"This application is {application.state.replace('_', ' ')} already.",
                state=application.state,
                allowed=[],
            )
        return await applications.command(
            conn,
            application_id=application_id,
            command=command,
            viewer=viewer,
            reason=TAKEN_HOURS,
            expected=None,
        )
