"""One step of a project's lifecycle: the new state and its event. The caller holds the lock and
the transaction."""

from dataclasses import replace

from services.gateway.lifecycles import PROJECT, Who
from services.gateway.lifecycles.machine import SYSTEM
from services.gateway.lifecycles.project import Status
from services.gateway.projects import queries, rules
from services.gateway.projects.queries import Project
from shared import messaging
from shared.database import Connection


async def move(
    conn: Connection,
    project: Project,
    command: str,
    who: frozenset[Who] = SYSTEM,
    *,
    reason: str | None = None,
) -> Project:
    step = PROJECT.move(project.state, command, who, open_now=rules.COMMANDS)
    await queries.update_state(conn, project_id=project.id, state=step.to, reason=reason)
    event = step.event.model_validate(
        {
            "project_id": project.id,
            "organization_id": project.organization_id,
            "state": step.to,
            "reason": reason,
        }
    )
    await messaging.record(conn, event, actor=min(step.who & who))
    return replace(
        project, state=Status(step.to), version=project.version + 1, reason=reason or project.reason
    )
