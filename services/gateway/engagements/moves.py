"""One step of an engagement's lifecycle: the new state and its event."""

from dataclasses import replace

from services.gateway.engagements import queries, rules
from services.gateway.engagements.queries import Engagement
from services.gateway.lifecycles import ENGAGEMENT, Who
from services.gateway.lifecycles.engagement import Status
from services.gateway.lifecycles.machine import SYSTEM
from shared import messaging
from shared.database import Connection


async def move(
    conn: Connection,
    engagement: Engagement,
    command: str,
    who: frozenset[Who] = SYSTEM,
    *,
    reason: str | None = None,
) -> Engagement:
    step = ENGAGEMENT.move(engagement.state, command, who, open_now=rules.COMMANDS)
    await queries.update_state(conn, engagement_id=engagement.id, state=step.to, reason=reason)
    event = step.event.model_validate(
        {
            "engagement_id": engagement.id,
            "application_id": engagement.application_id,
            "project_id": engagement.project_id,
            "organization_id": engagement.organization_id,
            "applicant_id": engagement.applicant_id,
            "state": step.to,
            "reason": reason,
            "party": min(who & rules.PARTIES, default=None),
        }
    )
    await messaging.record(conn, event, actor=min(step.who & who))
    return replace(
        engagement,
        state=Status(step.to),
        version=engagement.version + 1,
        reason=reason or engagement.reason,
    )
