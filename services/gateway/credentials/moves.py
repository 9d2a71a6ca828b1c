"""One step of a credential's lifecycle: the new state and its event."""

from services.gateway.credentials import queries, rules
from services.gateway.credentials.queries import Credential
from services.gateway.lifecycles import CREDENTIAL, Who
from services.gateway.lifecycles.machine import SYSTEM
from shared import messaging
from shared.database import Connection


async def move(
    conn: Connection,
    credential: Credential,
    command: str,
    who: frozenset[Who] = SYSTEM,
    *,
    reason: str | None = None,
) -> None:
    step = CREDENTIAL.move(credential.state, command, who, open_now=rules.COMMANDS)
    await queries.update_state(conn, credential_id=credential.id, state=step.to, reason=reason)
    event = step.event.model_validate(
        {
            "credential_id": credential.id,
            "engagement_id": credential.engagement_id,
            "project_id": credential.project_id,
            "organization_id": credential.organization_id,
            "holder_id": credential.holder_id,
            "state": step.to,
            "reason": reason,
        }
    )
    await messaging.record(conn, event, actor=min(step.who & who))
