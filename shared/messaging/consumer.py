"""Hear events from the room's queue, safely: one transaction holds the effect and the mark that it
happened, and only then is the message acknowledged.

Three kinds of failure take three roads. What can never succeed goes to the dead queue at once.
When a neighbour is away, consuming stops and no message is blamed. An unexpected exception gets a
few delayed tries, then the dead queue.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from aio_pika.abc import AbstractConnection
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel

from shared import clock, log, metrics
from shared.database import Database, is_away
from shared.errors import Refusal, TooMany, Unavailable
from shared.events.base import Event
from shared.messaging import setbacks
from shared.messaging.cloud import event_of
from shared.messaging.forwarding import ATTEMPT, REASON, SINCE, attempt_of, deliveries_of, forward
from shared.messaging.handling import Handling
from shared.messaging.receiving import open_receiving
from shared.messaging.setbacks import Setback
from shared.messaging.subscriptions import Subscription
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
SLOW_SECONDS = 1
WATCH_SECONDS = 5
STUCK_SECONDS = 30
ANSWER_SECONDS = 5
LONGEST_PAUSE_SECONDS = 1
# So often it came back without an end: whoever had it may have died of it.
SUSPECT_DELIVERIES = 2
SUSPECT_TRIES = 3


class Detached(Exception):
    """The broker no longer feeds this consumer, although the connection is open."""


@dataclass(frozen=True)
class Heard:
    message: DeliveredMessage
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
        self._handling = Handling(room, subscriptions, database, after_commit)
        self._database = database
        self._amqp_url = amqp_url
        self._ladder = ladder
        self._taken_at: float | None = None
        self._arrived_at = time.monotonic()
        self._attached = False
        self._tag = 0
        self._most = BATCH
        self._sizes = metrics.batch_size.labels(room)
        self._seconds = metrics.batch_seconds.labels(room)

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
            queue = await declare_room(
                await connection.channel(), self._room, self._handling.names, self._ladder
            )
            arrived: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
            channel = await open_receiving(connection, arrived, prefetch=PREFETCH)
            self._tag = 0
            begun = await channel.basic_consume(queue.name, arrived.put, timeout=ANSWER_SECONDS)
            assert begun.consumer_tag is not None
            self._attached = True
            log.get().info("consuming", queue=queue.name)
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(self._watch(connection, channel, begun.consumer_tag))
                await self._take_batches(arrived, channel, stopping, watch)
                watch.cancel()
                with suppress(*BROKER_AWAY):
                    await channel.basic_cancel(begun.consumer_tag, timeout=ANSWER_SECONDS)

    async def _take_batches(
        self,
        arrived: asyncio.Queue[DeliveredMessage],
        channel: Channel,
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
            while len(messages) < self._most and not arrived.empty():
                messages.append(arrived.get_nowait())
            self._arrived_at = self._taken_at = time.monotonic()
            await self._settle(messages, channel)
            self._measure(len(messages), time.monotonic() - self._arrived_at)
            self._taken_at = None

    def _measure(self, size: int, seconds: float) -> None:
        """Slow work is taken in smaller batches, so that no transaction lasts long."""
        self._most = max(self._most // 2, 1) if seconds > SLOW_SECONDS else BATCH
        self._sizes.observe(size)
        self._seconds.observe(seconds)

    async def _settle(self, messages: Sequence[DeliveredMessage], channel: Channel) -> None:
        self._check_order(messages)
        heard = [item for message in messages if (item := await self._read(message, channel))]
        suspects = [item for item in heard if deliveries_of(item.message) >= SUSPECT_DELIVERIES]
        await self._handle_suspects(suspects, channel)
        await self._handle_together([item for item in heard if item not in suspects], channel)
        await channel.basic_ack(self._tag, multiple=True)

    def _check_order(self, messages: Sequence[DeliveredMessage]) -> None:
        """One acknowledgement covers all before it, so none before it may be missing here."""
        for message in messages:
            self._tag += 1
            if message.delivery_tag != self._tag:
                raise Detached("A delivery was skipped.")

    async def _read(self, message: DeliveredMessage, channel: Channel) -> Heard | None:
        try:
            return Heard(message, event_of(message))
        except Refusal as refusal:
            reason = refusal.detail
        except Exception as error:
            # Whatever a stranger put into a message, the next one must be heard.
            log.get().exception("event_unreadable", message_id=_id_of(message))
            reason = f"unreadable: {type(error).__name__}"
        await self._bury(message, channel, reason)
        return None

    async def _handle_together(self, heard: Sequence[Heard], channel: Channel) -> None:
        if not heard:
            return
        try:
            await self._handling.handle([item.event for item in heard])
        except Exception:
            # Whatever failed, found out one by one: only the guilty message is set aside.
            for item in heard:
                await self._handle_alone(item, channel)

    async def _handle_suspects(self, suspects: Sequence[Heard], channel: Channel) -> None:
        """Noted before they are tried; first together, and then alone: whoever kills us is found, and
        its neighbours are not blamed for it."""
        if not suspects:
            return
        reason = "came back again and again without an end"
        tries = await self._note([item.message for item in suspects], Setback.TRYING, reason)
        tried = [(item, tries.get(item.event.envelope.id, 1)) for item in suspects]
        await self._handle_together([item for item, times in tried if times == 1], channel)
        for item, times in tried:
            if times > SUSPECT_TRIES:
                reason = f"the process ended {times - 1} times while it handled this"
                await self._bury(item.message, channel, reason)
            elif times > 1:
                await self._handle_alone(item, channel)

    async def _handle_alone(self, item: Heard, channel: Channel) -> None:
        pause = 0.5
        while True:
            self._taken_at = time.monotonic()
            try:
                return await self._handling.handle([item.event])
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

    async def _try_later(self, item: Heard, channel: Channel, error: Exception) -> None:
        attempt = attempt_of(item.message)
        if attempt >= len(self._ladder):
            reason = f"{type(error).__name__} after {attempt + 1} tries"
            return await self._bury(item.message, channel, reason)
        metrics.events_handled.labels(self._room, item.event.name, "retried").inc()
        await self._note([item.message], Setback.WAITING, type(error).__name__)
        key = wait_queue_of(self._room, self._ladder[attempt])
        await forward(channel, item.message, RETRY, key, {ATTEMPT: attempt + 1})
        return None

    async def _bury(self, message: DeliveredMessage, channel: Channel, reason: str) -> None:
        log.get().error("event_rejected", message_id=_id_of(message), reason=reason)
        metrics.events_handled.labels(self._room, "any", "dead").inc()
        await self._note([message], Setback.DEAD, reason)
        await forward(
            channel,
            message,
            DEAD,
            self._room,
            {REASON: reason[:500], SINCE: clock.now().isoformat()},
        )

    async def _note(
        self, messages: Sequence[DeliveredMessage], state: Setback, reason: str
    ) -> dict[UUID, int]:
        """However long the database is away: the messages stay in hand meanwhile."""
        event_ids = [found for message in messages if (found := _uuid_of(message))]
        pause = 0.5
        while True:
            try:
                return await setbacks.note(self._database, event_ids, state, reason)
            except Exception as error:
                if not is_away(error):
                    raise
                await self._pause(pause, error)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _watch(self, connection: AbstractConnection, channel: Channel, tag: str) -> None:
        """A deleted and recreated queue leaves a consumer silently dead; look, every few seconds."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            metrics.oldest_in_hand_seconds.labels(self._room).set(self._in_hand_seconds())
            if connection.is_closed or channel.is_closed:
                raise Detached("The connection is closed.")
            if tag not in channel.consumers:
                raise Detached("The broker cancelled this consumer.")
            await self._look_at_queue(connection)

    async def _look_at_queue(self, connection: AbstractConnection) -> None:
        async with connection.channel() as channel:
            queue = await channel.declare_queue(
                queue_of(self._room), passive=True, timeout=ANSWER_SECONDS
            )
        waiting = queue.declaration_result.message_count or 0
        idle = self._taken_at is None and time.monotonic() - self._arrived_at > STUCK_SECONDS
        if not queue.declaration_result.consumer_count or (waiting and idle):
            raise Detached("The queue does not feed this consumer.")


def _id_of(message: DeliveredMessage) -> str | None:
    return message.header.properties.message_id


def _uuid_of(message: DeliveredMessage) -> UUID | None:
    try:
        return UUID(_id_of(message) or "")
    except ValueError:
        return None
