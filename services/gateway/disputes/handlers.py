"""When the milestone or the engagement in dispute ended by its own clock, there is nothing left to
dispute. And what both sides agreed on for a milestone is what the intern gets."""

from uuid import UUID

from services.gateway.disputes import money, moves, queries, rules
from services.gateway.lifecycles import DISPUTE
from services.gateway.milestones.queries import select_milestone
from shared.database import Connection
from shared.events.engagements import EngagementTerminated
from shared.events.milestones import MilestoneAccepted, MilestoneAutoAccepted
from shared.messaging import Subscription, on


async def close_dispute_of_milestone(conn: Connection, event: MilestoneAutoAccepted) -> None:
    await _close(conn, engagement_id=event.engagement_id, milestone_id=event.milestone_id)


async def close_dispute_of_engagement(conn: Connection, event: EngagementTerminated) -> None:
    await _close(conn, engagement_id=event.engagement_id, milestone_id=None)


async def pay_agreed_fee(
    conn: Connection, event: MilestoneAccepted | MilestoneAutoAccepted
) -> None:
    """Both sides may have lowered the fee since it was held."""
    milestone = await select_milestone(conn, event.milestone_id, viewer_id=None, sees_all=True)
    assert milestone is not None
    await money.keep_to_share(conn, milestone.id, milestone.fee)


async def _close(conn: Connection, *, engagement_id: UUID, milestone_id: UUID | None) -> None:
    """Its own clocks lead it to its end, as if they had all run out."""
    dispute_id = await queries.select_live_dispute(
        conn, engagement_id=engagement_id, milestone_id=milestone_id
    )
    if dispute_id is None:
        return
    dispute = await queries.lock_dispute(conn, dispute_id, viewer_id=None, sees_all=True)
    while dispute is not None and dispute.state in rules.LIVE:
        clock = next(timer for timer in DISPUTE.timers_in(dispute.state) if timer.to)
        dispute = await moves.fire(conn, dispute, clock.name)


SUBSCRIPTIONS: list[Subscription] = [
    on(MilestoneAutoAccepted, close_dispute_of_milestone),
    on(EngagementTerminated, close_dispute_of_engagement),
    on(MilestoneAccepted, pay_agreed_fee),
    on(MilestoneAutoAccepted, pay_agreed_fee),
]
