from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from services.gateway.lifecycles.project import Status
from services.gateway.organizations.queries import select_organization, select_role
from services.gateway.projects import queries, rules, wages
from services.gateway.projects.moves import begin, move
from services.gateway.projects.queries import PlannedMilestone, Project
from services.gateway.skills.rules import check_known
from services.gateway.standing.queries import select_unanswered
from services.gateway.standing.rules import check_may_resume
from services.gateway.versions import check_version
from services.gateway.viewer import Viewer
from shared import clock
from shared.database import Connection
from shared.errors import NotAllowed, NotFound


async def draft(
    conn: Connection,
    *,
    organization_id: UUID,
    viewer: Viewer,
    facts: dict[str, Any],
    skills: dict[str, bool],
    milestones: Sequence[PlannedMilestone],
) -> Project:
    check_known(skills)
    async with conn.transaction():
        role = await select_role(conn, organization_id=organization_id, person_id=viewer.id)
        if role is None:
            raise NotFound("No such organization of yours.")
        facts |= {"pay_floor": await _check_terms(conn, organization_id, facts)}
        project_id = await queries.insert_project(
            conn, organization_id=organization_id, facts=facts
        )
        await queries.replace_skills(conn, project_id=project_id, skills=skills)
        await queries.replace_milestones(conn, project_id=project_id, milestones=milestones)
        return await begin(conn, await _seen(conn, project_id, viewer))


async def change(
    conn: Connection,
    *,
    project_id: UUID,
    viewer: Viewer,
    facts: dict[str, Any],
    skills: dict[str, bool],
    milestones: Sequence[PlannedMilestone],
    expected: int | None,
) -> Project:
    check_known(skills)
    async with conn.transaction():
        project = await _locked(conn, project_id, viewer)
        check_version(expected, project.version)
        if not project.is_mine:
            raise NotAllowed("Only its employer may change a posting.")
        rules.check_editable(project.state)
        facts |= {"pay_floor": await _check_terms(conn, project.organization_id, facts)}
        await queries.update_project(conn, project_id=project_id, facts=facts)
        await queries.replace_skills(conn, project_id=project_id, skills=skills)
        await queries.replace_milestones(conn, project_id=project_id, milestones=milestones)
        return await _seen(conn, project_id, viewer)


async def command(
    conn: Connection,
    *,
    project_id: UUID,
    command: str,
    viewer: Viewer,
    reason: str | None,
    expected: int | None,
) -> Project:
    async with conn.transaction():
        project = await _locked(conn, project_id, viewer)
        check_version(expected, project.version)
        project = await _moved(conn, project, command, viewer, reason)
        if project.state is Status.IN_REVIEW:
            project = await _review(conn, project)
    return project


async def _moved(
    conn: Connection, project: Project, command: str, viewer: Viewer, reason: str | None
) -> Project:
    """With what else the command asks for; a refusal takes all of it back."""
    left, who = project, viewer.roles(employer=project.is_mine)
    if command == "extend" and command in rules.allowed(project.state, who):
        project = await _extended(conn, project)
    to = project.left_state if command == "reinstate" else None
    project = await move(conn, project, command, who, reason=reason, to=to)
    if command == "resume":
        check_may_resume(await select_unanswered(conn, project.organization_id))
    if command == "suspend":
        await queries.update_left_state(conn, project.id, left.state)
    if command in {"submit", "resubmit"}:
        project = await _check_pay_again(conn, project)
    return project


async def _extended(conn: Connection, project: Project) -> Project:
    rules.check_may_extend(extended=project.extended, opened_at=project.opened_at, now=clock.now())
    await queries.update_extended(conn, project.id)
    return replace(project, extended=True)


async def _check_terms(conn: Connection, organization_id: UUID, facts: dict[str, Any]) -> int:
    """Return the pay floor that the posting keeps."""
    kind = rules.Kind(facts["kind"])
    rules.check_kind(kind, facts)
    if facts["school_id"] is not None:
        school = await select_organization(conn, facts["school_id"])
        rules.check_school(school.kind if school else None)
    floor = await _pay_floor(
        conn,
        organization_id,
        kind=kind,
        hours=facts["hours"],
        region=facts["region"],
        remote=facts["remote"],
    )
    rules.check_pay(fee=facts["fee"], floor=floor)
    return floor


async def _check_pay_again(conn: Connection, project: Project) -> Project:
    """A wage order may have come since it was written."""
    floor = await _pay_floor(
        conn,
        project.organization_id,
        kind=rules.Kind(project.kind),
        hours=project.hours,
        region=project.region,
        remote=project.remote,
    )
    rules.check_pay(fee=project.fee, floor=floor)
    await queries.update_pay_floor(conn, project.id, floor)
    return replace(project, pay_floor=floor)


async def _pay_floor(
    conn: Connection,
    organization_id: UUID,
    *,
    kind: rules.Kind,
    hours: int,
    region: str,
    remote: bool,
) -> int:
    employer = await select_organization(conn, organization_id)
    assert employer is not None
    rules.check_may_post(employer.kind)
    regions = {region, employer.region} if remote else {region}
    return rules.pay_floor(kind, hours=hours, regions=regions, on=wages.day_of(clock.now()))


async def _review(conn: Connection, project: Project) -> Project:
    """A clean posting passes at once; the others wait for a moderator."""
    texts = [project.title, project.summary, project.description, *project.criteria]
    texts += [text for part in project.milestones for text in (part.title, part.description)]
    if rules.is_clean(*texts):
        return await move(conn, project, "approve")
    return project


async def _locked(conn: Connection, project_id: UUID, viewer: Viewer) -> Project:
    project = await queries.lock_project(conn, project_id, viewer_id=viewer.id)
    if project is None or not rules.may_see(
        state=project.state, is_mine=project.is_mine, moderates=viewer.moderates
    ):
        raise NotFound("No such project.")
    return project


async def _seen(conn: Connection, project_id: UUID, viewer: Viewer) -> Project:
    project = await queries.select_project(conn, project_id, viewer_id=viewer.id)
    assert project is not None
    return project
