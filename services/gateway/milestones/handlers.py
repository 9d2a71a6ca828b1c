"""How milestones follow their engagement: through a pause, an amendment, and its early end."""

from datetime import timedelta

from services.gateway.engagements import queries as engagements
from services.gateway.engagements.queries import Engagement
from services.gateway.lifecycles import MILESTONE
from services.gateway.lifecycles.engagement import Status as EngagementStatus
from services.gateway.lifecycles.machine import SYSTEM
from services.gateway.lifecycles.milestone import Status
from services.gateway.milestones import moves, queries, rules
from services.gateway.timers.calendar import MANILA
from shared import clock
from shared.database import Connection
from shared.events.engagements import (
    EngagementAgreementLapsed,
    EngagementAmended,
    EngagementCancelled,
    EngagementEvent,
    EngagementNoShow,
    EngagementNotAgreed,
    EngagementPaused,
    EngagementResumed,
    EngagementTerminated,
)
from shared.messaging import Subscription, on

NOT_NEEDED = "engagement_ended"


async def stand_still(conn: Connection, event: EngagementPaused) -> None:
    """What is not handed in is due later, by as long as the pause is to last."""
    engagement = await _locked(conn, event)
    if engagement.state is not EngagementStatus.PAUSED:
        return
    assert engagement.paused_on is not None
    assert engagement.paused_until is not None
    days = (engagement.paused_until - engagement.paused_on).days
    for milestone in await queries.lock_milestones(conn, engagement.id):
        if milestone.state in rules.PAUSABLE and not milestone.paused_days:
            await _shift(conn, milestone, by=days, paused_days=days)


async def go_on(conn: Connection, event: EngagementResumed) -> None:
    """A pause that ended early has moved the days less than was agreed."""
    engagement = await _locked(conn, event)
    if engagement.state is EngagementStatus.PAUSED or engagement.paused_on is None:
        return
    lasted = (clock.now().astimezone(MANILA).date() - engagement.paused_on).days
    for milestone in await queries.lock_milestones(conn, engagement.id):
        if milestone.paused_days:
            by = min(lasted, milestone.paused_days) - milestone.paused_days
            await _shift(conn, milestone, by=by, paused_days=0)


async def follow_amendment(conn: Connection, event: EngagementAmended) -> None:
    await _locked(conn, event)
    for milestone in await queries.lock_milestones(conn, event.engagement_id):
        if milestone.state in {Status.READY, Status.IN_WORK}:
            await moves.rearm(conn, milestone)


async def wind_up(conn: Connection, event: EngagementTerminated) -> None:
    """What was handed in is still reviewed and paid; what exists may be handed in for two more days;
    the rest will not be done."""
    await _locked(conn, event)
    for milestone in await queries.lock_milestones(conn, event.engagement_id):
        if milestone.state in rules.UNFINISHED:
            await moves.rearm(conn, milestone)
        else:
            await _cancel(conn, milestone)


async def cancel_milestones(conn: Connection, event: EngagementEvent) -> None:
    """Of work that never began."""
    await engagements.lock_engagement(conn, event.engagement_id, viewer_id=None, sees_all=True)
    for milestone in await queries.lock_milestones(conn, event.engagement_id):
        await _cancel(conn, milestone)


async def _cancel(conn: Connection, milestone: queries.Milestone) -> None:
    if "cancel" in MILESTONE.allowed(milestone.state, SYSTEM):
        await moves.move(conn, milestone, "cancel", reason=NOT_NEEDED)


async def _shift(
    conn: Connection, milestone: queries.Milestone, *, by: int, paused_days: int
) -> None:
    moved = await queries.update_due(
        conn,
        milestone,
        due_on=milestone.due_on + timedelta(days=by),
        paused_days=paused_days,
    )
    if milestone.state in rules.PAUSABLE:
        await moves.rearm(conn, moved)


async def _locked(
    conn: Connection,
    event: EngagementPaused | EngagementResumed | EngagementAmended | EngagementTerminated,
) -> Engagement:
    engagement = await engagements.lock_engagement(
        conn, event.engagement_id, viewer_id=None, sees_all=True
    )
    assert engagement is not None
    return engagement


SUBSCRIPTIONS: list[Subscription] = [
    on(EngagementPaused, stand_still),
    on(EngagementResumed, go_on),
    on(EngagementAmended, follow_amendment),
    on(EngagementTerminated, wind_up),
    *(
        on(event, cancel_milestones)
        for event in (
            EngagementNotAgreed,
            EngagementAgreementLapsed,
            EngagementCancelled,
            EngagementNoShow,
        )
    ),
]
