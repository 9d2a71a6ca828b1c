"""One step of an engagement's lifecycle."""

from uuid import UUID

from services.gateway.engagements import clocks, queries, rules
from services.gateway.engagements.queries import Engagement
from services.gateway.lifecycle import Lifecycle
from services.gateway.lifecycles import ENGAGEMENT
from shared.database import Connection


def _says(engagement: Engagement) -> dict[str, UUID]:
    return {
        "engagement_id": engagement.id,
        "application_id": engagement.application_id,
        "project_id": engagement.project_id,
        "organization_id": engagement.organization_id,
        "applicant_id": engagement.applicant_id,
    }


LIFE = Lifecycle(
    ENGAGEMENT,
    update_states=queries.update_states,
    says=_says,
    terms=clocks.terms,
    open_now=rules.COMMANDS,
)
begin, move, rearm = LIFE.begin, LIFE.move, LIFE.rearm


async def fire(conn: Connection, engagement: Engagement, name: str) -> Engagement:
    """Silence is on somebody's account; who that is, the reason says."""
    return await LIFE.fire(conn, engagement, name, reason=rules.fault(engagement, name))
