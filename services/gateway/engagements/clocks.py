"""From when the clocks of an engagement count, and how long they run."""

from collections.abc import Iterable
from datetime import timedelta

from services.gateway.engagements.queries import Engagement
from services.gateway.lifecycles import Who
from services.gateway.lifecycles.engagement import Status
from services.gateway.timers.calendar import start_of
from services.gateway.timers.planning import Terms
from shared import clock
from shared.database import Connection

SIDES = frozenset({Who.APPLICANT, Who.EMPLOYER})


async def terms(_conn: Connection, engagement: Engagement) -> Terms:
    return Terms(
        organization_id=engagement.organization_id,
        applicant_id=engagement.applicant_id,
        since={"starts_on": start_of(engagement.starts_on)},
        days=_pause(engagement),
        waits_on={
            "sign_by": _missing(engagement.signed),
            "feedback_by": _missing(engagement.feedback),
        },
    )


def _missing(given: Iterable[str]) -> frozenset[Who]:
    return SIDES - {Who(party) for party in given}


def _pause(engagement: Engagement) -> dict[str, float]:
    """A pause ends on the day that was agreed."""
    if engagement.state is not Status.PAUSED or engagement.paused_until is None:
        return {}
    return {"resume_by": (start_of(engagement.paused_until) - clock.now()) / timedelta(days=1)}
