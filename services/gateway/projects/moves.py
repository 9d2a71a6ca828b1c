"""One step of a project's lifecycle."""

from uuid import UUID

from services.gateway.lifecycle import Lifecycle
from services.gateway.lifecycles import PROJECT
from services.gateway.projects import queries, rules
from services.gateway.projects.queries import Project
from services.gateway.timers.planning import Terms
from shared.database import Connection


def _says(project: Project) -> dict[str, UUID]:
    return {
        "project_id": project.id,
        "organization_id": project.organization_id,
    }


async def _terms(conn: Connection, project: Project) -> Terms:
    starts_at = await queries.select_latest_start(conn, project.id)
    return Terms(
        organization_id=project.organization_id,
        since={"starts_on": starts_at} if starts_at else {},
        days={"apply_by": rules.EXTENSION_DAYS} if project.extended else {},
        not_after=rules.last_day(project.state, project.opened_at),
    )


LIFE = Lifecycle(
    PROJECT,
    update_state=queries.update_state,
    says=_says,
    terms=_terms,
    open_now=rules.COMMANDS,
)
begin, move, rearm = LIFE.begin, LIFE.move, LIFE.rearm


async def fire(conn: Connection, project: Project, name: str) -> Project:
    """A posting that nobody applied to has nothing to select from."""
    empty = name == "apply_by" and not await queries.has_applicants(conn, project.id)
    reason = "no_applications" if empty else None
    return await LIFE.fire(conn, project, name, otherwise=empty, reason=reason)
