from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.gateway.lifecycles.project import Status
from services.gateway.organizations.queries import select_role
from services.gateway.projects import queries, rules
from services.gateway.projects.moves import move
from services.gateway.projects.queries import PlannedMilestone, Project
from services.gateway.sandbox import hold_funds
from services.gateway.skills.rules import check_known
from services.gateway.versions import check_version
from services.gateway.viewer import Viewer
from shared.database import Connection
from shared.errors import Conflict, NotAllowed, NotFound


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
        project_id = await queries.insert_project(
            conn, organization_id=organization_id, facts=facts
        )
        await queries.replace_skills(conn, project_id=project_id, skills=skills)
        await queries.replace_milestones(conn, project_id=project_id, milestones=milestones)
        return await _seen(conn, project_id, viewer)


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
        who = viewer.roles(employer=project.is_mine)
        project = await move(conn, project, command, who, reason=reason)
        if project.state is Status.IN_REVIEW:
            project = await _review(conn, project)
    return project


async def fund(
    conn: Connection, *, project_id: UUID, viewer: Viewer, expected: int | None
) -> Project:
    """Hold the whole fee of every seat; a posting never opens unfunded."""
    async with conn.transaction():
        project = await _locked(conn, project_id, viewer)
        check_version(expected, project.version)
        if not project.is_mine:
            raise NotAllowed("Only its employer may fund a posting.")
        if project.state is not Status.AWAITING_FUNDING:
            raise Conflict(
                f"This project is {project.state.replace('_', ' ')}; it cannot be funded now.",
                state=project.state,
                allowed=rules.allowed(project.state, viewer.roles(employer=True)),
            )
        await hold_funds(project_id=project.id, amount=project.fee * project.seats)
        return await move(conn, project, "funds_held")


async def _review(conn: Connection, project: Project) -> Project:
    """A clean posting passes at once; the others wait for a moderator."""
    if rules.is_clean(
        title=project.title, summary=project.summary, description=project.description
    ):
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
