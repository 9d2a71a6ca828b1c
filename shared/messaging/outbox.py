"""Say an event in the transaction that made it true; publish it afterwards, from its row."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractExchange
from aiormq.channel import Channel

from shared import clock, crashing, log, metrics, tracing
from shared.database import AWAY, Connection, Database
from shared.events.base import TYPE_PREFIX, Envelope, Event
from shared.events.origin import Origin, current
from shared.ids import new_id
from shared.messaging import batching
from shared.messaging.cloud import CONTENT_TYPE, Outgoing, headers_of
from shared.messaging.muting import is_muted
from shared.messaging.topology import BROKER_AWAY, EVENTS, declare_exchanges, open_connection

BATCH = 500
POLL_SECONDS = 0.1
PUBLISH_SECONDS = 4
MEASURE_SECONDS = 5
STALE_SECONDS = 60
# Some days without a broker. More would fill the disk, so commands are refused before.
MOST_WAITING = 5_000_000
LONGEST_PAUSE_SECONDS = 1
# A connection that held this long was a good one.
LASTING_SECONDS = 5


@dataclass(frozen=True)
class Said:
    """An event with what caused it and when; `actor` is the kind of actor, else the origin's."""

    event: Event
    origin: Origin
    at: datetime
    actor: str | None = None


async def record(conn: Connection, event: Event, *, actor: str | None = None) -> None:
    """Write the event to the log and the outbox, numbered after the record's last one.

    `actor` is the kind of actor; without it, the one that this task works for.
    """
    await record_all(conn, [Said(event, current(), clock.now(), actor)])


async def record_all(conn: Connection, said: Sequence[Said]) -> None:
    """In this order. Whoever calls holds the locks of the records, so that nobody else numbers theirs."""
    if not said or is_muted():
        return
    await conn.execute(
        """WITH said AS (
               SELECT * FROM unnest((SELECT $1::uuid[]), $2::text[], $3::uuid[], $4::timestamptz[],
                                    $5::text[], $6::uuid[], $7::uuid[], $8::text[], $9::text[],
                                    $10::text[], $11::interval[])
                   WITH ORDINALITY AS each (id, name, subject, occurred_at, data, correlation_id,
                                            causation_id, actor_kind, tenant, traceparent, ahead, place)
           ), logged AS (
               INSERT INTO events (id, name, subject, sequence, occurred_at, data, correlation_id,
                                   causation_id, actor_kind, tenant, traceparent, ahead)
               SELECT id, name, subject,
                      row_number() OVER (PARTITION BY subject ORDER BY place)
                      + coalesce((SELECT max(sequence) FROM events
                                   WHERE events.subject = said.subject), 0),
                      occurred_at, data::jsonb, correlation_id, causation_id, actor_kind, tenant,
                      traceparent, ahead
                 FROM said
           )
           INSERT INTO outbox (event_id, subject)
           SELECT id, subject FROM said ORDER BY place""",
        *_columns(said),
    )


def _columns(said: Sequence[Said]) -> tuple[list[Any], ...]:
    rows = [
        (
            new_id(),
            each.event.name,
            each.event.subject,
            each.at,
            each.event.model_dump_json(),
            each.origin.correlation_id,
            each.origin.causation_id,
            each.actor or each.origin.actor_kind,
            each.origin.tenant,
            each.origin.traceparent,
            each.origin.ahead,
        )
        for each in said
    ]
    return tuple(list(column) for column in zip(*rows, strict=True))


@dataclass(frozen=True)
class Waiting:
    position: int
    outgoing: Outgoing


async def claim(conn: Connection, source: str, limit: int = BATCH) -> list[Waiting]:
    """The oldest waiting events, for this transaction.

    One relay of a room at a time, so that the events of a record keep their order. One that is frozen
    meanwhile loses its transaction soon, and its turn.
    """
    await conn.execute(
        """SET LOCAL idle_in_transaction_session_timeout = '6s';
           SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.outbox', 0))"""
    )
    rows = await conn.fetch(
        """SELECT position, id, name, events.subject, sequence, occurred_at, data::text AS data,
                  correlation_id, causation_id, actor_kind, tenant, traceparent, ahead
             FROM (SELECT * FROM outbox ORDER BY position LIMIT $1) AS oldest
             JOIN events ON events.id = event_id
            ORDER BY position""",
        limit,
    )
    return [Waiting(row["position"], _outgoing(row, source)) for row in rows]


async def forget(conn: Connection, positions: Sequence[int]) -> None:
    await conn.execute(
        "DELETE FROM outbox WHERE position = ANY((SELECT $1::bigint[])::bigint[])", positions
    )


async def say_again(conn: Connection, event_ids: Sequence[UUID]) -> None:
    """Publish events of the log once more; whoever has handled them ignores it."""
    await conn.execute(
        """INSERT INTO outbox (event_id, subject)
           SELECT id, subject FROM events WHERE id = ANY($1) ORDER BY id""",
        event_ids,
    )


def _outgoing(row: asyncpg.Record, source: str) -> Outgoing:
    envelope = Envelope(
        id=row["id"],
        name=row["name"],
        source=source,
        subject=row["subject"],
        sequence=row["sequence"],
        time=row["occurred_at"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
        actor_kind=row["actor_kind"],
        tenant=row["tenant"],
        traceparent=row["traceparent"],
        ahead=row["ahead"],
    )
    return Outgoing(envelope, row["data"].encode())


class NotConfirmed(TimeoutError):
    """The broker did not say in time that it has the messages; a full or frozen one says nothing."""


class Relay:
    """Publishes one room's outbox. Any number may run; rows leave only when confirmed."""

    def __init__(self, database: Database, amqp_url: str, room: str) -> None:
        self._database = database
        self._amqp_url = amqp_url
        self._room = room
        self._fresh = asyncio.Event()
        self._oldest_seconds = 0.0
        self._waiting = 0

    def wake(self) -> None:
        """Call after a commit that recorded events."""
        self._fresh.set()

    def trouble(self) -> str | None:
        if self._oldest_seconds > STALE_SECONDS:
            return f"the oldest unpublished event is {self._oldest_seconds:.0f} s old"
        return None

    def is_full(self) -> bool:
        return self._waiting > MOST_WAITING

    async def run(self, stopping: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._measure(stopping))
            await self._publish_again_and_again(stopping)

    async def _publish_again_and_again(self, stopping: asyncio.Event) -> None:
        pause = POLL_SECONDS
        while not stopping.is_set():
            started = time.monotonic()
            try:
                await self._publish_until(stopping)
            except (*BROKER_AWAY, *AWAY) as error:
                log.get().warning("relay_interrupted", error=type(error).__name__)
                metrics.reconnections.labels(self._room, "relay").inc()
            lasted = time.monotonic() - started > LASTING_SECONDS
            pause = POLL_SECONDS if lasted else min(pause * 2, LONGEST_PAUSE_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)

    async def _publish_until(self, stopping: asyncio.Event) -> None:
        connection = await open_connection(self._amqp_url, f"sibol-{self._room}-relay")
        async with connection:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            exchange = await declare_exchanges(channel)
            underlay = await channel.get_underlay_channel()
            while not stopping.is_set() or self._fresh.is_set():
                self._fresh.clear()
                if await self._publish_batch(exchange, underlay) < BATCH:
                    await self._rest(stopping)

    async def _rest(self, stopping: asyncio.Event) -> None:
        if stopping.is_set():
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._fresh.wait(), POLL_SECONDS)

    async def _publish_batch(self, exchange: AbstractExchange, underlay: object) -> int:
        async with self._database.acquire() as conn, conn.transaction():
            waiting = await claim(conn, f"/sibol/{self._room}")
            if not waiting:
                return 0
            crashing.at("relay.after_claim")
            with tracing.publishing([item.outgoing for item in waiting]) as batch:
                failures = await publish(exchange, underlay, batch)
            crashing.at("relay.after_publish")
            confirmed = [
                item.position for place, item in enumerate(waiting) if place not in failures
            ]
            await forget(conn, confirmed)
        crashing.at("relay.after_commit")
        metrics.outbox_published.labels(self._room).inc(len(confirmed))
        if failures:
            metrics.outbox_failed.labels(self._room).inc(len(failures))
            raise next(iter(failures.values()))
        return len(waiting)

    async def _measure(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            with suppress(*AWAY):
                await self._measure_once()
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), MEASURE_SECONDS)

    async def _measure_once(self) -> None:
        row = await self._database.fetchrow(
            """SELECT coalesce((SELECT max(position) - min(position) + 1 FROM outbox), 0) AS waiting,
                      (SELECT occurred_at - ahead FROM outbox JOIN events ON events.id = event_id
                        ORDER BY position LIMIT 1) AS since"""
        )
        assert row is not None
        since = row["since"]
        self._waiting = row["waiting"]
        self._oldest_seconds = (clock.now() - since).total_seconds() if since else 0.0
        metrics.outbox_waiting.labels(self._room).set(self._waiting)
        metrics.outbox_oldest_seconds.labels(self._room).set(self._oldest_seconds)


async def publish(
    exchange: AbstractExchange, underlay: object, batch: Sequence[Outgoing]
) -> dict[int, BaseException]:
    """Return what failed, by its place in the batch; the others are on the broker's disk."""
    started = time.monotonic()
    async with asyncio.timeout(PUBLISH_SECONDS):
        if isinstance(underlay, Channel) and batching.fits(underlay):
            sent = await batching.write_together(underlay, EVENTS, batch)
        else:
            sent = [asyncio.ensure_future(_publish_one(exchange, item)) for item in batch]
    await asyncio.wait(sent, timeout=max(PUBLISH_SECONDS - (time.monotonic() - started), 0))
    failures = {place: _failure(each) for place, each in enumerate(sent)}
    return {place: failure for place, failure in failures.items() if failure is not None}


def _failure(sent: "asyncio.Future[Any]") -> BaseException | None:
    if not sent.done():
        sent.cancel()
        return NotConfirmed("The broker has not confirmed in time.")
    return NotConfirmed("Cancelled.") if sent.cancelled() else sent.exception()


async def _publish_one(exchange: AbstractExchange, item: Outgoing) -> None:
    envelope = item.envelope
    message = Message(
        item.body,
        headers=dict(headers_of(envelope)),
        content_type=CONTENT_TYPE,
        delivery_mode=DeliveryMode.PERSISTENT,
        message_id=str(envelope.id),
        timestamp=envelope.time,
        type=TYPE_PREFIX + envelope.name,
    )
    await exchange.publish(message, envelope.name, mandatory=True, timeout=PUBLISH_SECONDS)
