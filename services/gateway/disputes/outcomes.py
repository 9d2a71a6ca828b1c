"""What the end of a dispute does to the milestone or the engagement it is about, and to the money: in
the dispute's own transaction, under the locks that `lock_dispute` took."""

from collections.abc import Sequence
from datetime import datetime

from services.gateway.disputes import money, queries, rules
from services.gateway.disputes.queries import Dispute
from services.gateway.disputes.rules import Outcome
from services.gateway.engagements import moves as engagement_moves
from services.gateway.engagements import queries as engagements
from services.gateway.lifecycles import Who
from services.gateway.lifecycles.engagement import Status as EngagementStatus
from services.gateway.lifecycles.machine import SYSTEM
from services.gateway.lifecycles.milestone import Status as MilestoneStatus
from services.gateway.milestones import moves as milestone_moves
from services.gateway.milestones import queries as milestones
from services.gateway.milestones.queries import Milestone
from shared.database import Connection
from shared.errors import Conflict

DECIDED = "dispute_decided"


async def carry_out(
    conn: Connection,
    dispute: Dispute,
    *,
    outcome: Outcome | None,
    share: int | None,
    who: frozenset[Who] = SYSTEM,
    reasons: str | None = None,
    refund_at: datetime | None = None,
) -> None:
    """`refund_at`: what the intern does not get of a milestone waits until then for an appeal."""
    await queries.update_outcome(
        conn, dispute.id, outcome=outcome, intern_share=share, reasons=reasons
    )
    if dispute.milestone_id is None:
        await _settle_engagement(conn, dispute, outcome or Outcome.END, share or 0, who)
    else:
        await _settle_milestone(conn, dispute, share or 0, who, refund_at)


async def give_back(conn: Connection, dispute: Dispute) -> None:
    """The milestone is where the dispute found it, and whoever is to act has the full time again."""
    milestone = await _milestone(conn, dispute)
    if milestone.state is MilestoneStatus.DISPUTED:
        await milestone_moves.move(conn, milestone, "dispute_withdrawn", to=dispute.left_state)


async def delivered(conn: Connection, dispute: Dispute) -> int:
    """What is paid when nobody decides."""
    if dispute.milestone_id is not None:
        return dispute.fee
    return min(dispute.fee, rules.delivered_fee(await _parts(conn, dispute)))


async def at_stake(conn: Connection, dispute: Dispute) -> int:
    """Of an engagement, some may have been settled since the dispute was opened."""
    if dispute.milestone_id is not None:
        return dispute.fee
    return min(dispute.fee, rules.unsettled_fee(await _parts(conn, dispute)))


def default_of(dispute: Dispute) -> Outcome | None:
    return None if dispute.milestone_id else Outcome.END


async def _settle_milestone(
    conn: Connection,
    dispute: Dispute,
    share: int,
    who: frozenset[Who],
    refund_at: datetime | None,
) -> None:
    milestone = await _milestone(conn, dispute)
    # Its own clock may have been faster.
    if milestone.state is MilestoneStatus.DISPUTED:
        await _decide(conn, milestone, share, who, refund_at)


async def _settle_engagement(
    conn: Connection, dispute: Dispute, outcome: Outcome, share: int, who: frozenset[Who]
) -> None:
    engagement = await engagements.lock_engagement(
        conn, dispute.engagement_id, viewer_id=None, sees_all=True
    )
    if engagement is None or engagement.state is not EngagementStatus.DISPUTED:
        return
    if outcome is not Outcome.CONTINUE:
        await _share_out(conn, dispute, share, who)
    if outcome is Outcome.DONE:
        await _check_done(conn, dispute)
    await engagement_moves.move(conn, engagement, f"decide_{outcome}", who, reason=DECIDED)


async def _share_out(conn: Connection, dispute: Dispute, share: int, who: frozenset[Who]) -> None:
    parts = [part for part in await _parts(conn, dispute) if part.state in rules.UNSETTLED]
    for part, fee in zip(parts, rules.shared_out(share, parts), strict=True):
        if part.state in rules.DELIVERED:
            filer = _disputant(dispute, part)
            disputed = await milestone_moves.move(conn, part, "dispute", frozenset({filer}))
            await _decide(conn, disputed, fee, who)
        else:
            await milestone_moves.move(conn, part, "cancel", reason=DECIDED, intern_share=fee)
            await money.decide(conn, milestone_id=part.id, intern_share=fee)


def _disputant(dispute: Dispute, part: Milestone) -> Who:
    """Changes that were asked for are the intern's to dispute."""
    asked = part.state is MilestoneStatus.CHANGES_REQUESTED
    return Who.APPLICANT if asked else Who(dispute.filer)


async def _decide(
    conn: Connection,
    milestone: Milestone,
    share: int,
    who: frozenset[Who],
    refund_at: datetime | None = None,
) -> None:
    """Work that earns nothing does not count as accepted."""
    command = "decide_accept" if share else "decide_cancel"
    part = share if share < milestone.fee else None
    await milestone_moves.move(conn, milestone, command, who, reason=DECIDED, intern_share=part)
    await money.decide(conn, milestone_id=milestone.id, intern_share=share, refund_at=refund_at)


async def _check_done(conn: Connection, dispute: Dispute) -> None:
    if all(part.state is not MilestoneStatus.ACCEPTED for part in await _parts(conn, dispute)):
        raise Conflict("No work was accepted, so it cannot count as done. End the engagement.")


async def _milestone(conn: Connection, dispute: Dispute) -> Milestone:
    return next(part for part in await _parts(conn, dispute) if part.id == dispute.milestone_id)


async def _parts(conn: Connection, dispute: Dispute) -> Sequence[Milestone]:
    return await milestones.select_milestones(
        conn, dispute.engagement_id, viewer_id=None, sees_all=True
    )
