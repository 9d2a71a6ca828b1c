"""Genuine payments: each came to its state by the steps of its lifecycle, with every posting."""

from collections import deque
from datetime import timedelta
from uuid import UUID

from services.gateway.lifecycles import PAYMENT
from services.gateway.lifecycles.machine import Move, Timer
from services.gateway.lifecycles.payment import Status
from services.gateway.payments import moves, queries
from services.gateway.payments.queries import Payment
from shared import clock
from shared.database import Connection

FEE = 1_000
# By then a clock has run out, and the provider was asked for long enough.
LATER = timedelta(days=10)

Step = Move | Timer


async def a_payment(conn: Connection, milestone_id: UUID, state: str) -> UUID:
    """A new one for this milestone, in this state."""
    payment_id = await _planned(conn, milestone_id)
    payment = await queries.lock_payment(conn, payment_id)
    assert payment is not None
    await moves.begin(conn, payment)
    for step in WAYS[state]:
        payment = await _taken(conn, payment, step)
    return payment_id


async def _planned(conn: Connection, milestone_id: UUID) -> UUID:
    project_id, organization_id = await conn.fetchrow(
        """SELECT project_id, organization_id FROM gateway.engagements
            WHERE id = (SELECT engagement_id FROM gateway.milestones WHERE id = $1)""",
        milestone_id,
    )
    payment_id = await queries.insert_payment(
        conn,
        project_id=project_id,
        organization_id=organization_id,
        seat=1,
        position=0,
        amount=FEE,
        state=Status.DUE,
    )
    await conn.execute(
        """UPDATE gateway.payments
              SET milestone_id = milestones.id, engagement_id = engagements.id,
                  applicant_id = engagements.applicant_id
             FROM gateway.milestones JOIN gateway.engagements ON engagements.id = engagement_id
            WHERE payments.id = $1 AND milestones.id = $2""",
        payment_id,
        milestone_id,
    )
    return payment_id


async def _taken(conn: Connection, payment: Payment, step: Step) -> Payment:
    if isinstance(step, Move):
        return await moves.move(conn, payment, step.command, step.who)
    with clock.advanced(LATER):
        return await moves.fire(conn, payment, step.name)


def _ways() -> dict[str, list[Step]]:
    """The shortest way to each state."""
    found: dict[str, list[Step]] = {Status.DUE: []}
    waiting = deque([str(Status.DUE)])
    while waiting:
        state = waiting.popleft()
        steps: list[Step] = [step for step in PAYMENT.moves if step.source == state]
        steps += [timer for timer in PAYMENT.timers if timer.state == state and timer.to]
        for step in steps:
            if step.to and step.to not in found:
                found[step.to] = [*found[state], step]
                waiting.append(step.to)
    return found


WAYS = _ways()
