"""Say an event in the transaction that made it true; publish it afterwards, from its row."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg
from aio_pika.abc import AbstractExchange

from shared import clock, log, metrics
from shared.database import AWAY, Connection, Database
from shared.events.base import Envelope, Event
from shared.events.origin import current
from shared.ids import new_id
from shared.messaging.cloud import to_message
from shared.messaging.topology import BROKER_AWAY, declare_exchanges, open_connection

BATCH = 200
POLL_SECONDS = 0.1
PUBLISH_SECONDS = 5
MEASURE_SECONDS = 5
STALE_SECONDS = 60
LONGEST_PAUSE_SECONDS = 1
# A connection that held this long was a good one.
LASTING_SECONDS = 5


async def record(conn: Connection, event: Event, *, actor: str | None = None) -> None:
    """Write the event to the log and the outbox, numbered after the record's last one.

    `actor` is the kind of actor; without it, the one that this task works for.
    """
    origin = current()
    await conn.execute(
        """WITH logged AS (
               INSERT INTO events (id, name, subject, sequence, occurred_at, data, correlation_id,
                                   causation_id, actor_kind, tenant, traceparent, ahead)
               SELECT $1, $2, $3,
                      1 + coalesce((SELECT max(sequence) FROM events WHERE subject = $3), 0),
                      $4, $5, $6, $7, $8, $9, $10, $11
            RETURNING id, subject
           )
           INSERT INTO outbox (event_id, subject)
           SELECT id, subject FROM logged""",
        new_id(),
        event.name,
        event.subject,
        clock.now(),
        event.model_dump(mode="json"),
        origin.correlation_id,
        origin.causation_id,
        actor or origin.actor_kind,
        origin.tenant,
        origin.traceparent,
        origin.ahead,
    )


@dataclass(frozen=True)
class Waiting:
    position: int
    envelope: Envelope
    data: dict[str, Any]


async def claim(conn: Connection, source: str, limit: int = BATCH) -> list[Waiting]:
    """Lock the oldest waiting events for this transaction.

    A record that another relay is publishing is left to it, so that its events keep their order.
    """
    rows = await conn.fetch(
        """WITH oldest AS MATERIALIZED (
               SELECT position, subject FROM outbox ORDER BY position LIMIT $1
           ), mine AS MATERIALIZED (
               SELECT position FROM oldest
                WHERE pg_try_advisory_xact_lock(hashtextextended(subject::text, 0))
           )
           SELECT outbox.position, events.*
             FROM outbox
             JOIN mine   ON mine.position = outbox.position
             JOIN events ON events.id = outbox.event_id
            ORDER BY outbox.position
              FOR UPDATE OF outbox SKIP LOCKED""",
        limit,
    )
    return [Waiting(row["position"], _envelope(row, source), row["data"]) for row in rows]


async def forget(conn: Connection, positions: Sequence[int]) -> None:
    await conn.execute("DELETE FROM outbox WHERE position = ANY($1)", positions)


def _envelope(row: asyncpg.Record, source: str) -> Envelope:
    return Envelope(
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


class Relay:
    """Publishes one room's outbox. Any number may run; rows leave only when confirmed."""

    def __init__(self, database: Database, amqp_url: str, room: str) -> None:
        self._database = database
        self._amqp_url = amqp_url
        self._room = room
        self._fresh = asyncio.Event()
        self._oldest_seconds = 0.0

    def wake(self) -> None:
        """Call after a commit that recorded events."""
        self._fresh.set()

    def trouble(self) -> str | None:
        if self._oldest_seconds > STALE_SECONDS:
            return f"the oldest unpublished event is {self._oldest_seconds:.0f} s old"
        return None

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
            while not stopping.is_set() or self._fresh.is_set():
                self._fresh.clear()
                if await self._publish_batch(exchange) < BATCH:
                    await self._rest(stopping)

    async def _rest(self, stopping: asyncio.Event) -> None:
        if stopping.is_set():
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._fresh.wait(), POLL_SECONDS)

    async def _publish_batch(self, exchange: AbstractExchange) -> int:
        async with self._database.acquire() as conn, conn.transaction():
            waiting = await claim(conn, f"/sibol/{self._room}")
            if not waiting:
                return 0
            outcomes = await asyncio.gather(
                *(self._publish(exchange, item) for item in waiting), return_exceptions=True
            )
            confirmed = [
                item.position
                for item, outcome in zip(waiting, outcomes, strict=True)
                if outcome is None
            ]
            await forget(conn, confirmed)
        metrics.outbox_published.labels(self._room).inc(len(confirmed))
        self._raise_first(outcomes)
        return len(waiting)

    async def _publish(self, exchange: AbstractExchange, item: Waiting) -> None:
        message = to_message(item.envelope, item.data)
        await exchange.publish(message, item.envelope.name, mandatory=True, timeout=PUBLISH_SECONDS)

    def _raise_first(self, outcomes: Sequence[BaseException | None]) -> None:
        failures = [outcome for outcome in outcomes if outcome is not None]
        if failures:
            metrics.outbox_failed.labels(self._room).inc(len(failures))
            raise failures[0]

    async def _measure(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            with suppress(*AWAY):
                await self._measure_once()
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), MEASURE_SECONDS)

    async def _measure_once(self) -> None:
        row = await self._database.fetchrow(
            """SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT 10000) AS few) AS waiting,
                      (SELECT occurred_at - ahead FROM outbox JOIN events ON events.id = event_id
                        ORDER BY position LIMIT 1) AS since"""
        )
        assert row is not None
        since = row["since"]
        self._oldest_seconds = (clock.now() - since).total_seconds() if since else 0.0
        metrics.outbox_waiting.labels(self._room).set(row["waiting"])
        metrics.outbox_oldest_seconds.labels(self._room).set(self._oldest_seconds)
