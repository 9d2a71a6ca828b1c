"""One step of a payment's lifecycle. Whatever way leads into a state, what the state needs - an order to
the provider, a posting in the ledger - is written with it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.gateway.lifecycle import Lifecycle
from services.gateway.lifecycles import PAYMENT, Who
from services.gateway.lifecycles.machine import SYSTEM
from services.gateway.lifecycles.payment import Status
from services.gateway.payments import ledger, orders, queries, rules
from services.gateway.payments.ledger import Posting
from services.gateway.payments.orders import Kind, Order
from services.gateway.payments.queries import Payment
from services.gateway.timers.calendar import MANILA
from services.gateway.timers.planning import Terms
from shared import clock
from shared.database import Connection

DAY = timedelta(days=1)
DAWN = datetime.min.replace(tzinfo=UTC)
# How long the clock waits for one more poll, and for how long in all.
POLL = timedelta(minutes=10)
POLLED_FOR = timedelta(hours=1)
SANDBOX = "sandbox"
APPEALABLE = "appealable"
KIND_OF: dict[str, Kind] = {
    Status.HOLDING: Kind.HOLD,
    Status.SENDING: Kind.PAY,
    Status.REFUNDING: Kind.REFUND,
}


def _says(payment: Payment) -> dict[str, Any]:
    return {
        "payment_id": payment.id,
        "project_id": payment.project_id,
        "organization_id": payment.organization_id,
        "engagement_id": payment.engagement_id,
        "milestone_id": payment.milestone_id,
        "applicant_id": payment.applicant_id,
        "amount": payment.amount,
        "currency": payment.currency,
    }


async def _terms(_conn: Connection, payment: Payment) -> Terms:
    whom = Terms(organization_id=payment.organization_id, applicant_id=payment.applicant_id)
    if payment.state is Status.FROZEN and payment.reason == APPEALABLE and payment.refund_at:
        return replace(whom, since={"entered": payment.refund_at}, days={"decide_by": 0})
    return replace(whom, since={"troubled": payment.troubled_at} if payment.troubled_at else {})


async def _terms_of_a_poll(conn: Connection, payment: Payment) -> Terms:
    return replace(await _terms(conn, payment), days={"provider_by": POLL / DAY})


LIFE = Lifecycle(
    PAYMENT,
    update_state=queries.update_state,
    says=_says,
    terms=_terms,
    open_now=rules.COMMANDS,
)
POLLING = Lifecycle(
    PAYMENT,
    update_state=queries.update_state,
    says=_says,
    terms=_terms_of_a_poll,
    open_now=rules.COMMANDS,
)
begin, rearm = LIFE.begin, LIFE.rearm


async def move(
    conn: Connection,
    payment: Payment,
    command: str,
    who: frozenset[Who] = SYSTEM,
    *,
    reason: str | None = None,
    order: Order | None = None,
) -> Payment:
    """`order` is what proved it."""
    moved = await LIFE.move(conn, payment, command, who, reason=reason)
    return await _entered(conn, moved, order)


async def fire(conn: Connection, payment: Payment, name: str) -> Payment:
    """Silence decides neither over money that somebody works for, nor before the provider was asked
    once more."""
    if name == "orphan_check" and await _has_work(conn, payment):
        await rearm(conn, payment)
        return payment
    if name == "provider_by" and await _asks_once_more(conn, payment):
        await POLLING.rearm(conn, payment)
        return payment
    if name == "decide_by" and await _is_undecided(conn, payment):
        await rearm(conn, payment)
        return payment
    refunds = payment.refund_at is not None
    return await _entered(conn, await LIFE.fire(conn, payment, name, otherwise=refunds))


async def hold(
    conn: Connection, payment: Payment, *, reason: str, refund_at: datetime | None = None
) -> Payment:
    """What is frozen stays so, for another reason and with a clock of its own."""
    await queries.update_hold(conn, payment.id, reason=reason, refund_at=refund_at)
    held = replace(payment, reason=reason, refund_at=refund_at, version=payment.version + 1)
    return await rearm(conn, held)


async def _is_undecided(conn: Connection, payment: Payment) -> bool:
    """The work is under review again, or its dispute lasts longer than this clock."""
    if payment.milestone_id is None:
        return False
    milestone = await queries.select_milestone(conn, payment.milestone_id)
    return milestone.state not in rules.DONE


async def _has_work(conn: Connection, payment: Payment) -> bool:
    """Somebody works, or may yet work, for this money."""
    if payment.milestone_id is None:
        return await queries.select_project_state(conn, payment.project_id) in rules.SEEKING
    milestone = await queries.select_milestone(conn, payment.milestone_id)
    return not (milestone.engagement_state in rules.ENDED and milestone.state == "cancelled")


async def _asks_once_more(conn: Connection, payment: Payment) -> bool:
    """Unless it was asked since the clock ran out, or cannot be reached for an hour."""
    clock_of_it = PAYMENT.timer(payment.state, "provider_by")
    deadline = payment.changed_at + timedelta(days=clock_of_it.days)
    if clock.now() > deadline + POLLED_FOR:
        return False
    found = await orders.select_orders(conn, payment.id, KIND_OF[payment.state])
    live = [order for order in found if order.state in orders.LIVE]
    if not live or live[0].provider != SANDBOX or (live[0].polled_at or DAWN) >= deadline:
        return False
    await orders.update_next_try(conn, live[0].id, at=orders.real_now())
    return True


async def _entered(conn: Connection, payment: Payment, order: Order | None = None) -> Payment:
    order_id = order.id if order else None
    match payment.state:
        case Status.HOLDING:
            await orders.want(conn, payment, Kind.HOLD)
        case Status.HELD:
            await ledger.post(conn, Posting.HOLD, payment, order_id=order_id)
        case Status.SENDING:
            return await _send(conn, payment)
        case Status.RETRYING:
            return await _plan_retry(conn, payment)
        case Status.REFUNDING:
            await ledger.post(conn, Posting.REFUND, payment)
            await orders.want(conn, payment, Kind.REFUND)
        case Status.PAID:
            await ledger.post(conn, Posting.SEND, payment, order_id=order_id)
            await _receipt(conn, payment, order)
        case Status.REFUNDED:
            await ledger.post(conn, Posting.RETURN, payment, order_id=order_id)
        case _:
            pass
    return payment


async def _send(conn: Connection, payment: Payment) -> Payment:
    """From here on it is the intern's: nothing leads back. The tax is set once, whatever is tried."""
    if await ledger.post(conn, Posting.RELEASE, payment):
        payment = replace(payment, withheld=await queries.update_withheld(conn, payment.id))
    await orders.want(conn, payment, Kind.PAY)
    return payment


async def _plan_retry(conn: Connection, payment: Payment) -> Payment:
    troubled_at = payment.troubled_at or clock.now()
    tries = len(await orders.select_orders(conn, payment.id, Kind.PAY))
    again = clock.now() < troubled_at + rules.TRIED_FOR
    retry_at = orders.real_now() + rules.pause_after(tries) if again else None
    await queries.update_trouble(conn, payment.id, troubled_at=troubled_at, retry_at=retry_at)
    return replace(payment, troubled_at=troubled_at)


async def _receipt(conn: Connection, payment: Payment, order: Order | None) -> None:
    await queries.insert_receipt(
        conn,
        payment,
        year=clock.now().astimezone(MANILA).year,
        reference=order.reference if order else None,
    )
