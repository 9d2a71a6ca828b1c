"""From when the clocks of a milestone count, and how long they run."""

from datetime import datetime, timedelta

from services.gateway.engagements import queries as engagements
from services.gateway.lifecycles.engagement import Status as EngagementStatus
from services.gateway.milestones import rules
from services.gateway.milestones.queries import Milestone
from services.gateway.timers.calendar import end_of, start_of
from services.gateway.timers.planning import Terms
from shared.database import Connection


async def terms(conn: Connection, milestone: Milestone) -> Terms:
    return Terms(
        organization_id=milestone.organization_id,
        applicant_id=milestone.applicant_id,
        since={"due_on": end_of(milestone.due_on), **await _paused(conn, milestone)},
        days={"review_by": milestone.review_days},
        not_after=_last_hours(milestone),
    )


async def _paused(conn: Connection, milestone: Milestone) -> dict[str, datetime]:
    """What is not handed in waits for the end of a pause."""
    if milestone.engagement_state is not EngagementStatus.PAUSED:
        return {}
    if milestone.state not in rules.PAUSABLE:
        return {}
    until = await engagements.select_paused_until(conn, milestone.engagement_id)
    return {"entered": start_of(until)} if until else {}


def _last_hours(milestone: Milestone) -> datetime | None:
    """After the end of an engagement, or of a dispute that outlasted it, the intern may still hand in
    what exists."""
    if milestone.engagement_state is not EngagementStatus.TERMINATED:
        return None
    if milestone.state not in rules.UNFINISHED or milestone.engagement_ended_at is None:
        return None
    ended_at = milestone.engagement_ended_at
    return max(ended_at, milestone.dispute_ended_at or ended_at) + timedelta(hours=rules.LAST_HOURS)
