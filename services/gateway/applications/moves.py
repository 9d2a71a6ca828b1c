"""One step of an application's lifecycle: the new state and its event."""

from dataclasses import replace

from services.gateway.applications import queries, rules
from services.gateway.applications.queries import Application
from services.gateway.lifecycles import APPLICATION, Who
from services.gateway.lifecycles.application import Status
from services.gateway.lifecycles.machine import SYSTEM
from shared import messaging
from shared.database import Connection


async def move(
    conn: Connection,
    application: Application,
    command: str,
    who: frozenset[Who] = SYSTEM,
    *,
    reason: str | None = None,
) -> Application:
    step = APPLICATION.move(application.state, command, who, open_now=rules.COMMANDS)
    await queries.update_state(conn, application_id=application.id, state=step.to, reason=reason)
    event = step.event.model_validate(
        {
            "application_id": application.id,
            "project_id": application.project_id,
            "organization_id": application.organization_id,
            "applicant_id": application.applicant_id,
            "state": step.to,
            "reason": reason,
        }
    )
    await messaging.record(conn, event, actor=min(step.who & who))
    return replace(
        application,
        state=Status(step.to),
        version=application.version + 1,
        reason=reason or application.reason,
    )
