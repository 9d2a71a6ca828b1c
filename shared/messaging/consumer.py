"""Hear events from the room's queue, safely: one transaction holds the effect and the mark that it
happened, and only then is the message acknowledged.

Three kinds of failure take three roads. What can never succeed goes to the dead queue at once.
When a neighbour is away, consuming stops and no message is blamed. An unexpected exception gets a
few delayed tries, then the dead queue.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aiormq.channel import Channel as UnderlayChannel

from shared import clock, log, metrics
from shared.database import Connection, Database, is_away
from shared.errors import Refusal, TooMany, Unavailable
from shared.events.base import Event
from shared.events.origin import REAL, Origin, within
from shared.messaging.cloud import from_message
from shared.messaging.topology import (
    BROKER_AWAY,
    DEAD,
    LADDER,
    RETRY,
    Delay,
    declare_room,
    open_connection,
    queue_of,
    wait_queue_of,
)

PREFETCH = 200
BATCH = 100
WATCH_SECONDS = 5
STUCK_SECONDS = 30
PUBLISH_SECONDS = 5
LONGEST_PAUSE_SECONDS = 1
ATTEMPT = "x-sibol-attempt"
REASON = "x-sibol-reason"

E = TypeVar("E", bound=Event)
Handler = Callable[[Connection, Any], Awaitable[None]]


@dataclass(frozen=True)
class Subscription:
    event: type[Event]
    handler: Handler


def on(event: type[E], handler: Callable[[Connection, E], Awaitable[None]]) -> Subscription:
    return Subscription(event, handler)


class Detached(Exception):
    """The broker no longer feeds this consumer, although the connection is open."""


@dataclass(frozen=True)
class Heard:
    message: AbstractIncomingMessage
    event: Event


class Consumer:
    def __init__(
        self,
        room: str,
        subscriptions: Iterable[Subscription],
        database: Database,
        amqp_url: str,
        *,
        after_commit: Callable[[], None],
        ladder: Sequence[Delay] = LADDER,
    ) -> None:
        self._room = room
        self._handlers: dict[str, list[Handler]] = {}
        for subscription in subscriptions:
            self._handlers.setdefault(subscription.event.name, []).append(subscription.handler)
        self._database = database
        self._amqp_url = amqp_url
        self._after_commit = after_commit
        self._ladder = ladder
        self._taken_at: float | None = None
        self._arrived_at = time.monotonic()
        self._attached = False
        self._tag = 0

    def trouble(self) -> str | None:
        """Why this consumer makes no progress, or None."""
        if self._in_hand_seconds() > STUCK_SECONDS:
            return f"a batch has been in hand for over {STUCK_SECONDS} s"
        return None if self._attached else "not attached to its queue"

    def _in_hand_seconds(self) -> float:
        return 0.0 if self._taken_at is None else time.monotonic() - self._taken_at

    async def run(self, stopping: asyncio.Event) -> None:
        pause = 0.2
        while not stopping.is_set():
            try:
                await self._consume_until(stopping)
            except* (*BROKER_AWAY, Detached) as failures:
                log.get().warning(
                    "consumer_interrupted", error=type(failures.exceptions[0]).__name__
                )
                metrics.reconnections.labels(self._room, "consumer").inc()
            pause = 0.2 if self._attached else min(pause * 2, LONGEST_PAUSE_SECONDS)
            self._attached = False
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)

    async def _consume_until(self, stopping: asyncio.Event) -> None:
        connection = await open_connection(self._amqp_url, f"sibol-{self._room}")
        async with connection:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            await channel.set_qos(prefetch_count=PREFETCH)
            queue = await declare_room(channel, self._room, self._handlers, self._ladder)
            arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
            self._tag = 0
            tag = await queue.consume(arrived.put, timeout=PUBLISH_SECONDS)
            self._attached = True
            log.get().info("consuming", queue=queue.name)
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(self._watch(connection, channel, tag))
                await self._take_batches(arrived, channel, stopping, watch)
                watch.cancel()
                with suppress(*BROKER_AWAY):
                    await queue.cancel(tag, timeout=PUBLISH_SECONDS)

    async def _take_batches(
        self,
        arrived: asyncio.Queue[AbstractIncomingMessage],
        channel: AbstractChannel,
        stopping: asyncio.Event,
        watch: asyncio.Task[None],
    ) -> None:
        """Take whatever has arrived; without a timer, batches form by themselves under load."""
        while not stopping.is_set() and not watch.done():
            try:
                first = await asyncio.wait_for(arrived.get(), 0.5)
            except TimeoutError:
                continue
            messages = [first]
            while len(messages) < BATCH and not arrived.empty():
                messages.append(arrived.get_nowait())
            self._arrived_at = self._taken_at = time.monotonic()
            await self._settle(messages, channel)
            self._taken_at = None

    async def _settle(
        self, messages: Sequence[AbstractIncomingMessage], channel: AbstractChannel
    ) -> None:
        started = time.monotonic()
        self._check_order(messages)
        heard = [item for message in messages if (item := await self._read(message, channel))]
        try:
            await self._handle(heard)
        except Exception:
            # Whatever failed, found out one by one: only the guilty message is set aside.
            for item in heard:
                await self._handle_alone(item, channel)
        await messages[-1].ack(multiple=True)
        metrics.batch_size.labels(self._room).observe(len(messages))
        metrics.batch_seconds.labels(self._room).observe(time.monotonic() - started)

    def _check_order(self, messages: Sequence[AbstractIncomingMessage]) -> None:
        """One acknowledgement covers all before it, so none before it may be missing here."""
        for message in messages:
            self._tag += 1
            if message.delivery_tag != self._tag:
                raise Detached("A delivery was skipped.")

    async def _read(
        self, message: AbstractIncomingMessage, channel: AbstractChannel
    ) -> Heard | None:
        try:
            return Heard(message, from_message(message))
        except Refusal as refusal:
            reason = refusal.detail
        except Exception as error:
            # Whatever a stranger put into a message, the next one must be heard.
            log.get().exception("event_unreadable", message_id=message.message_id)
            reason = f"unreadable: {type(error).__name__}"
        await self._bury(message, channel, reason)
        return None

    async def _handle(self, heard: Sequence[Heard]) -> None:
        """All of them in one transaction."""
        if not heard:
            return
        done: list[Event] = []
        async with self._database.acquire() as conn, conn.transaction():
            fresh = await _mark_handled(conn, [item.event for item in heard])
            tenant = REAL
            for item in heard:
                if item.event.envelope.id in fresh:
                    tenant = await _enter(conn, item.event.envelope.tenant, tenant)
                    await self._call(conn, item.event)
                    fresh.discard(item.event.envelope.id)
                    done.append(item.event)
        self._after_commit()
        for item in heard:
            self._tell(item.event, "done" if item.event in done else "duplicate")

    async def _call(self, conn: Connection, event: Event) -> None:
        envelope = event.envelope
        origin = Origin(
            correlation_id=envelope.correlation_id,
            causation_id=envelope.id,
            tenant=envelope.tenant,
            traceparent=envelope.traceparent,
            ahead=envelope.ahead,
        )
        with (
            within(origin),
            clock.advanced(envelope.ahead),
            structlog.contextvars.bound_contextvars(
                event_id=str(envelope.id),
                event_name=envelope.name,
                correlation_id=str(envelope.correlation_id),
            ),
        ):
            for handler in self._handlers.get(envelope.name, ()):
                await handler(conn, event)

    def _tell(self, event: Event, outcome: str) -> None:
        envelope = event.envelope
        self._count(event, outcome)
        age = (clock.now() + envelope.ahead - envelope.time).total_seconds()
        metrics.event_age_seconds.labels(self._room).observe(max(age, 0))
        log.get().info(
            "event_handled",
            outcome=outcome,
            event_id=str(envelope.id),
            event_name=envelope.name,
            correlation_id=str(envelope.correlation_id),
            subject=str(envelope.subject),
        )

    async def _handle_alone(self, item: Heard, channel: AbstractChannel) -> None:
        pause = 0.5
        while True:
            try:
                return await self._handle([item])
            except (Unavailable, TooMany) as refusal:
                await self._pause(pause, refusal)
            except Refusal as refusal:
                return await self._bury(item.message, channel, f"{refusal.code}: {refusal.detail}")
            except Exception as error:
                # Whatever our own code did wrong, the next event must be heard.
                if not is_away(error):
                    log.get().exception(
                        "event_failed",
                        event_name=item.event.name,
                        event_id=str(item.event.envelope.id),
                    )
                    return await self._try_later(item, channel, error)
                await self._pause(pause, error)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _pause(self, seconds: float, error: Exception) -> None:
        """Nobody's fault: the messages in hand stay in hand."""
        log.get().warning("neighbour_away", error=type(error).__name__)
        await asyncio.sleep(seconds)

    async def _try_later(self, item: Heard, channel: AbstractChannel, error: Exception) -> None:
        attempt = _attempt(item.message)
        if attempt >= len(self._ladder):
            reason = f"{type(error).__name__} after {attempt + 1} tries"
            return await self._bury(item.message, channel, reason)
        self._count(item.event, "retried")
        key = wait_queue_of(self._room, self._ladder[attempt])
        await self._forward(item.message, channel, RETRY, key, {ATTEMPT: attempt + 1})
        return None

    async def _bury(
        self, message: AbstractIncomingMessage, channel: AbstractChannel, reason: str
    ) -> None:
        log.get().error("event_rejected", message_id=message.message_id, reason=reason)
        metrics.events_handled.labels(self._room, "any", "dead").inc()
        await self._forward(message, channel, DEAD, self._room, {REASON: reason[:500]})

    async def _forward(
        self,
        message: AbstractIncomingMessage,
        channel: AbstractChannel,
        exchange: str,
        key: str,
        headers: dict[str, Any],
    ) -> None:
        copy = aio_pika.Message(
            message.body,
            headers={**message.headers, **headers},
            content_type=message.content_type,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=message.message_id,
            timestamp=message.timestamp,
            type=message.type,
        )
        target = await channel.get_exchange(exchange, ensure=False)
        await target.publish(copy, key, mandatory=True, timeout=PUBLISH_SECONDS)

    async def _watch(
        self, connection: aio_pika.abc.AbstractConnection, channel: AbstractChannel, tag: str
    ) -> None:
        """A deleted and recreated queue leaves a consumer silently dead; look, every few seconds."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            metrics.oldest_in_hand_seconds.labels(self._room).set(self._in_hand_seconds())
            if connection.is_closed or channel.is_closed:
                raise Detached("The connection is closed.")
            underlay = await channel.get_underlay_channel()
            assert isinstance(underlay, UnderlayChannel)
            if tag not in underlay.consumers:
                raise Detached("The broker cancelled this consumer.")
            await self._look_at_queue(connection)

    async def _look_at_queue(self, connection: aio_pika.abc.AbstractConnection) -> None:
        async with connection.channel() as channel:
            queue = await self._passive(channel)
        waiting = queue.declaration_result.message_count or 0
        idle = self._taken_at is None and time.monotonic() - self._arrived_at > STUCK_SECONDS
        if not queue.declaration_result.consumer_count or (waiting and idle):
            raise Detached("The queue does not feed this consumer.")

    async def _passive(self, channel: AbstractChannel) -> AbstractQueue:
        return await channel.declare_queue(
            queue_of(self._room), passive=True, timeout=PUBLISH_SECONDS
        )

    def _count(self, event: Event, outcome: str) -> None:
        metrics.events_handled.labels(self._room, event.name, outcome).inc()


def _attempt(message: AbstractIncomingMessage) -> int:
    found = message.headers.get(ATTEMPT)
    return found if isinstance(found, int) and found > 0 else 0


async def _enter(conn: Connection, tenant: str, before: str) -> str:
    """Until the transaction ends, this connection sees the records of that tenant alone."""
    if tenant != before:
        await conn.execute("SELECT set_config('sibol.tenant', $1, true)", tenant)
    return tenant


async def _mark_handled(conn: Connection, events: Sequence[Event]) -> set[Any]:
    """Return the ids that were not handled before."""
    rows = await conn.fetch(
        """INSERT INTO inbox (event_id, name, handled_at)
           SELECT event_id, name, $3 FROM unnest($1::uuid[], $2::text[]) AS heard (event_id, name)
               ON CONFLICT DO NOTHING
        RETURNING event_id""",
        [event.envelope.id for event in events],
        [event.name for event in events],
        clock.now(),
    )
    return {row["event_id"] for row in rows}
