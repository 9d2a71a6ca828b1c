"""Ask the payment provider what is to be asked. An order in hand is leased; that it is being asked is
written before it is asked, so that after a kill at any instant its end is asked for first, and nothing
is sent twice. A loop that is told to stop gives back what it holds. Any number of them may run."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from uuid import UUID

from prometheus_client import Counter

from services.gateway.lifecycles.payment import Status
from services.gateway.payments import answers, orders, queries
from services.gateway.payments.moves import move
from services.gateway.payments.orders import Kind, Order, Progress
from services.gateway.payments.providers import Answer, Done, Provider, Unheard, Unknown
from services.gateway.payments.providers.sandbox import Sandbox, take_callback
from shared import clock, log
from shared.database import Connection, Database, is_away
from shared.events.origin import Origin, within

BATCH = 20
AT_ONCE = 4
POLL_SECONDS = 0.3
LONGEST_PAUSE_SECONDS = 10
STALE_SECONDS = 60

asked = Counter(
    "sibol_payment_orders", "Orders to payment providers by answer.", ["kind", "answer"]
)


async def run(stopping: asyncio.Event, database: Database, wake: Callable[[], None]) -> None:
    pause = POLL_SECONDS
    while not stopping.is_set():
        try:
            found = await pay_due(database, stopping=stopping)
        except Exception as error:
            if not is_away(error):
                raise
            log.get().warning("neighbour_away", error=type(error).__name__)
            found, pause = 0, min(pause * 2, LONGEST_PAUSE_SECONDS)
        else:
            pause = POLL_SECONDS
        if found:
            wake()
            continue
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause)


async def trouble(database: Database) -> str | None:
    """For readiness: whether this loop, or all of them together, fall behind."""
    async with database.acquire() as conn:
        late = await orders.select_lateness(conn, list(providers_of(database)))
    return f"the oldest payment order is {late:.0f} s late" if late > STALE_SECONDS else None


async def pay_due(
    database: Database, *, tenant: str | None = None, stopping: asyncio.Event | None = None
) -> int:
    """Do once what is due now, for one tenant or for all; return how much that was."""
    return (
        await _send_again(database, tenant)
        + await _ask_due(database, tenant, stopping or asyncio.Event())
        + await _hear_callbacks(database, tenant)
    )


async def _ask_due(database: Database, tenant: str | None, stopping: asyncio.Event) -> int:
    lanes = (_ask_each(database, tenant, stopping) for _ in range(AT_ONCE))
    counts = await asyncio.gather(*lanes, return_exceptions=True)
    for count in counts:
        if isinstance(count, BaseException):
            raise count
    return sum(count for count in counts if isinstance(count, int))


def providers_of(database: Database) -> Mapping[str, Provider]:
    """Those that are asked by a program; a bank's file is carried by a person."""
    return {provider.name: provider for provider in (Sandbox(database),)}


async def _ask_each(database: Database, tenant: str | None, stopping: asyncio.Event) -> int:
    """One after the other; return how many."""
    providers = providers_of(database)
    for count in range(BATCH // AT_ONCE):
        if stopping.is_set():
            return count
        async with database.acquire() as conn, conn.transaction():
            order = await orders.claim(conn, list(providers), tenant=tenant)
        if order is None:
            return count
        await _ask_safely(database, providers[order.provider], order)
    return BATCH // AT_ONCE


async def _ask_safely(database: Database, provider: Provider, order: Order) -> None:
    with within(_origin(order)), clock.advanced(order.ahead):
        try:
            await _ask_one(database, provider, order)
        except asyncio.CancelledError:
            async with database.acquire() as conn:
                await orders.give_back(conn, order)
            raise
        except Exception as error:
            if is_away(error):
                raise
            # One order that our own code cannot handle must not stop all others; its lease brings
            # it back.
            log.get().exception("order_failed", order_id=str(order.id))
            asked.labels(order.kind, "Error").inc()


def _origin(order: Order) -> Origin:
    return Origin(correlation_id=order.correlation_id, tenant=order.tenant, ahead=order.ahead)


async def _ask_one(database: Database, provider: Provider, order: Order) -> None:
    if await _is_settled(database, provider, order):
        return
    async with database.acquire() as conn:
        if not await orders.mark_asked(conn, order):
            return
    answer = await _answer_of(database, provider, order)
    if answer is None:
        return
    asked.labels(order.kind, type(answer).__name__).inc()
    async with database.acquire() as conn:
        await answers.take(conn, order, answer)


async def _answer_of(database: Database, provider: Provider, order: Order) -> Answer | None:
    """What was perhaps asked before is asked about first. None when another has it by now."""
    if order.asked_at is not None:
        found = await _heard(provider.status, order)
        if not isinstance(found, Unheard):
            return found
        if not await _renewed(database, order):
            return None
    return await _heard(provider.ask, order)


async def _renewed(database: Database, order: Order) -> bool:
    async with database.acquire() as conn:
        return await orders.renew(conn, order)


async def _heard(question: Callable[[Order], Awaitable[Answer]], order: Order) -> Answer:
    try:
        async with asyncio.timeout(orders.PROVIDER_SECONDS):
            return await question(order)
    except Exception as error:
        # Whatever went wrong on the way, the money may have moved: its end is asked for later.
        log.get().warning("provider_unheard", order_id=str(order.id), error=type(error).__name__)
        return Unknown()


async def _is_settled(database: Database, provider: Provider, order: Order) -> bool:
    """A provider may have failed an order aloud and carried it out all the same: ask about each
    before sending another. Or another has this order by now."""
    if order.kind is not Kind.PAY or order.asked_at is not None:
        return False
    async with database.acquire() as conn:
        found = await orders.select_orders(conn, order.payment_id, order.kind)
    for earlier in found:
        if earlier.state is not Progress.FAILED or earlier.provider != order.provider:
            continue
        if not await _renewed(database, order):
            return True
        answer = await _heard(provider.status, earlier)
        if isinstance(answer, Done):
            async with database.acquire() as conn:
                await answers.take(conn, earlier, answer)
            return True
    return False


async def _hear_callbacks(database: Database, tenant: str | None) -> int:
    for heard in range(BATCH):
        if not await _hear_callback(database, tenant):
            return heard
    return BATCH


async def _hear_callback(database: Database, tenant: str | None) -> bool:
    """The sandbox speaks in the same transaction in which it is heard."""
    async with database.acquire() as conn, conn.transaction():
        said = await take_callback(conn, tenant=tenant)
        if said is None:
            return False
        order = await orders.select_order(conn, said.order_id)
        assert order is not None
        with within(_origin(order)), clock.advanced(order.ahead):
            await answers.take(conn, order, said.answer)
    return True


async def _send_again(database: Database, tenant: str | None) -> int:
    async with database.acquire() as conn:
        due = await queries.select_retries(conn, now=orders.real_now(), tenant=tenant, limit=BATCH)
    for retry in due:
        origin = Origin(correlation_id=retry.correlation_id, tenant=retry.tenant, ahead=retry.ahead)
        with within(origin), clock.advanced(retry.ahead):
            async with database.acquire() as conn, conn.transaction():
                await _resend(conn, retry.payment_id)
    return len(due)


async def _resend(conn: Connection, payment_id: UUID) -> None:
    payment = await queries.lock_payment(conn, payment_id)
    if payment is not None and payment.state is Status.RETRYING:
        await move(conn, payment, "resend")
