"""Whatever a provider says - to the loop, by callback, in a bank's result - is taken here, in any order
and any number of times. What was proved first stands; what contradicts it is kept for a person."""

from services.gateway.lifecycles import Who
from services.gateway.lifecycles.payment import Status
from services.gateway.payments import ledger, orders, queries, rules
from services.gateway.payments.ledger import Posting
from services.gateway.payments.moves import move
from services.gateway.payments.orders import Kind, Order, Progress
from services.gateway.payments.providers import Answer, Done, Failed, Pending, Unheard, Unknown
from services.gateway.payments.queries import Payment
from shared import clock, log
from shared.database import Connection
from shared.events.origin import Origin, current, within

PROVIDER = frozenset({Who.PAYMENT_PROVIDER})
# Where a late proof finds a payment, and how it gets back to where the proof counts.
LATE: dict[Kind, dict[Status, str]] = {
    Kind.HOLD: {Status.DUE: "fund"},
    Kind.PAY: {Status.RETRYING: "resend", Status.UNCLAIMED: "resend"},
    Kind.REFUND: {Status.REFUND_STUCK: "resend"},
}
AWAITED = {
    Kind.HOLD: (Status.HOLDING, "hold_ok"),
    Kind.PAY: (Status.SENDING, "sent_ok"),
    Kind.REFUND: (Status.REFUNDING, "refund_ok"),
}
REFUSED = {Kind.HOLD: "hold_fail", Kind.PAY: "sent_fail"}


async def take(conn: Connection, order: Order, answer: Answer) -> None:
    """Safe to call twice, late, and from anywhere; in the time of the order's tenant."""
    origin = Origin(
        correlation_id=order.correlation_id,
        actor_kind=Who.PAYMENT_PROVIDER,
        tenant=order.tenant,
        ahead=order.ahead,
    )
    with clock.advanced(order.ahead - current().ahead), within(origin):
        async with conn.transaction():
            await _take(conn, order, answer)


async def _take(conn: Connection, order: Order, answer: Answer) -> None:
    if isinstance(answer, Pending | Unknown | Unheard):
        await _ask_later(conn, order, heard=isinstance(answer, Pending))
        return
    payment = await queries.lock_payment(conn, order.payment_id)
    known = await orders.lock_order(conn, order.id)
    assert payment is not None
    assert known is not None
    if isinstance(answer, Failed):
        await _take_failure(conn, payment, known, answer)
    elif answer.amount is not None and answer.amount != known.amount:
        await _keep_surprise(conn, known, "other_amount", answer)
        await _ask_later(conn, known, heard=True)
    else:
        await _take_proof(conn, payment, known, answer)


async def _take_proof(conn: Connection, payment: Payment, order: Order, answer: Done) -> None:
    if order.state is Progress.DONE:
        if order.reference != answer.reference:
            await _keep_surprise(conn, order, "other_reference", answer)
        return
    if order.state is Progress.FAILED:
        await _keep_surprise(conn, order, "done_after_failed", answer)
    if await _is_superseded(conn, order):
        return
    await orders.finish(conn, order.id, state=Progress.DONE, reference=answer.reference)
    done = await orders.select_order(conn, order.id)
    assert done is not None
    await _carry_out(conn, payment, done)


async def _is_superseded(conn: Connection, order: Order) -> bool:
    """After a failure that was no failure, only what was not asked again may still count."""
    found = await orders.select_orders(conn, order.payment_id, order.kind)
    newer = [other for other in found if other.id != order.id and other.made_at >= order.made_at]
    asked = [other for other in newer if other.state in {Progress.ASKED, Progress.DONE}]
    for other in newer:
        if not asked and other.state is Progress.WAITING:
            await orders.finish(conn, other.id, state=Progress.FAILED, reason="not_needed")
    return bool(asked)


async def _carry_out(conn: Connection, payment: Payment, order: Order) -> None:
    awaited, command = AWAITED[order.kind]
    if step := LATE[order.kind].get(payment.state):
        payment = await move(conn, payment, step, reason="proved_late")
    if payment.state is awaited:
        await move(conn, payment, command, PROVIDER, order=order)
    elif payment.state is Status.VOID:
        await _give_back(conn, payment, order)
    else:
        await _keep_surprise(conn, order, f"done_when_{payment.state}", None)


async def _give_back(conn: Connection, payment: Payment, order: Order) -> None:
    """Money that came when nobody asked for it any more goes back whence it came."""
    if order.kind is Kind.REFUND:
        await ledger.post(conn, Posting.RETURN, payment, order_id=order.id)
        return
    await ledger.post(conn, Posting.HOLD, payment, order_id=order.id)
    await ledger.post(conn, Posting.REFUND, payment)
    await orders.want(conn, payment, Kind.REFUND)


async def _take_failure(conn: Connection, payment: Payment, order: Order, answer: Failed) -> None:
    if order.state is Progress.DONE:
        await _keep_surprise(conn, order, "failed_after_done", None)
        return
    if order.state is Progress.FAILED:
        return
    await orders.finish(conn, order.id, state=Progress.FAILED, reason=answer.reason)
    awaited, _ = AWAITED[order.kind]
    if order.kind is Kind.REFUND:
        await _refund_again(conn, payment)
    elif payment.state is awaited:
        await move(conn, payment, REFUSED[order.kind], PROVIDER, reason=answer.reason)


async def _refund_again(conn: Connection, payment: Payment) -> None:
    """Until its clock calls an operator; what came for nothing, until it is back."""
    if payment.state not in {Status.REFUNDING, Status.VOID}:
        return
    tries = len(await orders.select_orders(conn, payment.id, Kind.REFUND))
    at = orders.real_now() + rules.pause_after(tries)
    await orders.insert_order(conn, payment, Kind.REFUND, at=at)


async def _ask_later(conn: Connection, order: Order, *, heard: bool) -> None:
    at = orders.real_now() + rules.pause_after(order.tries)
    await orders.postpone(conn, order.id, at=at, heard=heard)


async def _keep_surprise(conn: Connection, order: Order, what: str, answer: Done | None) -> None:
    if await orders.has_surprise(conn, order.id, what):
        return
    log.get().warning("provider_surprised", order_id=str(order.id), what=what)
    await orders.insert_surprise(
        conn,
        order.id,
        what=what,
        reference=answer.reference if answer else None,
        amount=answer.amount if answer else None,
    )
