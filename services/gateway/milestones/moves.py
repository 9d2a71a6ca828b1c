"""One step of a milestone's lifecycle."""

from uuid import UUID

from services.gateway.lifecycle import Lifecycle
from services.gateway.lifecycles import MILESTONE
from services.gateway.milestones import clocks, queries, rules
from services.gateway.milestones.queries import Milestone


def _says(milestone: Milestone) -> dict[str, UUID]:
    return {
        "milestone_id": milestone.id,
        "engagement_id": milestone.engagement_id,
        "project_id": milestone.project_id,
        "organization_id": milestone.organization_id,
        "applicant_id": milestone.applicant_id,
    }


LIFE = Lifecycle(
    MILESTONE,
    update_state=queries.update_state,
    says=_says,
    terms=clocks.terms,
    open_now=rules.COMMANDS,
)
begin, move, fire, rearm = LIFE.begin, LIFE.move, LIFE.fire, LIFE.rearm
