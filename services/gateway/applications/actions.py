from datetime import date
from uuid import UUID

from services.gateway.applications import queries, rules
from services.gateway.applications.moves import move
from services.gateway.applications.queries import Application
from services.gateway.engagements.agreement import agreement_text
from services.gateway.engagements.queries import insert_engagement
from services.gateway.lifecycles import Who
from services.gateway.lifecycles.application import Status
from services.gateway.milestones.queries import insert_milestones
from services.gateway.profiles.queries import lock_profile_version, select_profile
from services.gateway.projects.moves import move as move_project
from services.gateway.projects.queries import Project, lock_project, share_project
from services.gateway.projects.rules import check_seats, may_see
from services.gateway.versions import check_version
from services.gateway.viewer import Viewer
from shared import clock
from shared.database import Connection
from shared.errors import Conflict, Invalid, NotFound

APPLICANT = frozenset({Who.APPLICANT})


async def apply(
    conn: Connection, *, project_id: UUID, viewer: Viewer, cover_letter: str, draft: bool
) -> Application:
    async with conn.transaction():
        project = await share_project(conn, project_id, viewer_id=viewer.id)
        if project is None or not may_see(
            state=project.state, is_mine=project.is_mine, moderates=viewer.moderates
        ):
            raise NotFound("No such project.")
        # One after the other, or two at once would both be the last one allowed.
        await lock_profile_version(conn, viewer.id)
        rules.check_may_apply(
            project_state=project.state,
            is_member=project.is_mine,
            live=await queries.count_live_of(conn, viewer.id),
        )
        profile = await select_profile(conn, viewer.id)
        if profile is None or not profile.skills:
            raise Conflict("Fill in your profile first: PUT /v1/me/profile, with your skills.")
        application_id = await queries.insert_application(
            conn, project_id=project_id, profile=profile, cover_letter=cover_letter
        )
        if application_id is None:
            raise Conflict("You have already applied to this project.")
        application = await _locked(conn, application_id, viewer)
        return application if draft else await move(conn, application, "submit", APPLICANT)


async def change_letter(
    conn: Connection,
    *,
    application_id: UUID,
    viewer: Viewer,
    cover_letter: str,
    expected: int | None,
) -> Application:
    async with conn.transaction():
        application = await _locked(conn, application_id, viewer)
        check_version(expected, application.version)
        rules.check_editable(application.state)
        await queries.update_letter(conn, application_id=application_id, cover_letter=cover_letter)
        return await _locked(conn, application_id, viewer)


async def command(
    conn: Connection,
    *,
    application_id: UUID,
    command: str,
    viewer: Viewer,
    reason: str | None,
    expected: int | None,
) -> Application:
    async with conn.transaction():
        if command == "submit":
            await _check_still_open(conn, application_id, viewer)
        application = await _locked(conn, application_id, viewer)
        check_version(expected, application.version)
        return await move(conn, application, command, _roles(viewer, application), reason=reason)


async def offer(
    conn: Connection,
    *,
    application_id: UUID,
    viewer: Viewer,
    message: str,
    starts_on: date,
    expected: int | None,
) -> Application:
    """Hold a seat for the applicant."""
    if starts_on < clock.now().date():
        raise Invalid("The work cannot start in the past.")
    async with conn.transaction():
        project = await _project_locked(conn, application_id, viewer)
        application = await _locked(conn, application_id, viewer)
        check_version(expected, application.version)
        await move(conn, application, "offer", _roles(viewer, application))
        rules.check_selecting(project.state)
        taken = await queries.count_seats_taken(conn, project.id)
        check_seats(seats=project.seats, taken=taken - 1)
        await queries.upsert_offer(
            conn,
            application_id=application_id,
            message=message,
            starts_on=starts_on,
            fee=project.fee,
            made_by=viewer.id,
        )
        return await _shown(conn, application_id, viewer)


async def accept(
    conn: Connection, *, application_id: UUID, viewer: Viewer, expected: int | None
) -> Application:
    """Take the seat: the engagement and its milestones come into being."""
    async with conn.transaction():
        project = await _project_locked(conn, application_id, viewer)
        application = await _locked(conn, application_id, viewer)
        check_version(expected, application.version)
        accepted = await move(conn, application, "accept", _roles(viewer, application))
        rules.check_selecting(project.state)
        await _engage(conn, accepted, project)
        if await queries.count_accepted(conn, project.id) == project.seats:
            await move_project(conn, project, "fill_seats")
    return accepted


async def _engage(conn: Connection, application: Application, project: Project) -> None:
    assert application.offer is not None
    text = agreement_text(application, project)
    engagement_id = await insert_engagement(
        conn,
        application_id=application.id,
        project_id=project.id,
        organization_id=project.organization_id,
        applicant_id=application.applicant_id,
        agreement=text,
        starts_on=application.offer.starts_on,
    )
    await insert_milestones(
        conn,
        engagement_id=engagement_id,
        starts_on=application.offer.starts_on,
        planned=project.milestones,
    )


async def _check_still_open(conn: Connection, application_id: UUID, viewer: Viewer) -> None:
    application = await queries.select_application(
        conn, application_id, viewer_id=viewer.id, moderates=viewer.moderates
    )
    if application is None:
        raise NotFound("No such application.")
    project = await share_project(conn, application.project_id, viewer_id=None)
    if project is not None and application.state is Status.DRAFT:
        rules.check_may_apply(project_state=project.state, is_member=False, live=0)


async def _project_locked(conn: Connection, application_id: UUID, viewer: Viewer) -> Project:
    project_id = await queries.select_project_of(conn, application_id)
    project = await lock_project(conn, project_id, viewer_id=viewer.id) if project_id else None
    if project is None:
        raise NotFound("No such application.")
    return project


async def _locked(conn: Connection, application_id: UUID, viewer: Viewer) -> Application:
    application = await queries.lock_application(
        conn, application_id, viewer_id=viewer.id, moderates=viewer.moderates
    )
    if application is None:
        raise NotFound("No such application.")
    return application


async def _shown(conn: Connection, application_id: UUID, viewer: Viewer) -> Application:
    application = await queries.select_application(
        conn, application_id, viewer_id=viewer.id, moderates=viewer.moderates
    )
    assert application is not None
    return application


def _roles(viewer: Viewer, application: Application) -> frozenset[Who]:
    return viewer.roles(applicant=application.is_applicant, employer=application.is_employer)
