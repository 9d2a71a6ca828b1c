"""The disputed money, as far as it has not left."""

from collections.abc import Collection
from uuid import UUID

from services.gateway.lifecycles.payment import Status
from services.gateway.payments import queries, rules
from services.gateway.payments.actions import decide, hold_for_appeal
from shared.database import Connection

__all__ = ["decide", "held", "hold_for_appeal", "keep_to_share", "sent"]


async def held(conn: Connection, milestone_id: UUID) -> int:
    return await _sum(conn, milestone_id, rules.HELD)


async def sent(conn: Connection, milestone_id: UUID) -> int:
    """What is the intern's, whatever anybody decides."""
    return await _sum(conn, milestone_id, rules.SENT)


async def _sum(conn: Connection, milestone_id: UUID, states: Collection[Status]) -> int:
    payments = await queries.lock_of_milestone(conn, milestone_id)
    return sum(payment.amount for payment in payments if payment.state in states)


async def keep_to_share(conn: Connection, milestone_id: UUID, share: int) -> None:
    """Give back what is held beyond it, unless a decision has shared it out."""
    payments = await queries.lock_of_milestone(conn, milestone_id)
    if any(payment.refund_at for payment in payments):
        return
    if await held(conn, milestone_id) > share:
        await decide(conn, milestone_id=milestone_id, intern_share=share)
