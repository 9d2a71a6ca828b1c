"""One step of a milestone's lifecycle: the new state and its event."""

from services.gateway.lifecycles import MILESTONE, Who
from services.gateway.lifecycles.machine import SYSTEM
from services.gateway.milestones import queries, rules
from services.gateway.milestones.queries import Milestone
from shared import messaging
from shared.database import Connection


async def move(
    conn: Connection,
    milestone: Milestone,
    command: str,
    who: frozenset[Who] = SYSTEM,
    *,
    reason: str | None = None,
    delivery: int | None = None,
) -> None:
    step = MILESTONE.move(milestone.state, command, who, open_now=rules.COMMANDS)
    await queries.update_state(conn, milestone_id=milestone.id, state=step.to, reason=reason)
    event = step.event.model_validate(
        {
            "milestone_id": milestone.id,
            "engagement_id": milestone.engagement_id,
            "project_id": milestone.project_id,
            "organization_id": milestone.organization_id,
            "applicant_id": milestone.applicant_id,
            "state": step.to,
            "reason": reason,
            "delivery": delivery,
        }
    )
    await messaging.record(conn, event, actor=min(step.who & who))
