"""Compare what this room said with what the others have done about it, and say again what was lost
on the way: into the outbox, the ordinary path, where whoever has heard it ignores it.

An event counts as lost when nobody has it: not the outbox, not the queue, not the hearing room as
handled or set aside. What waits in a queue cannot be seen from here; so an event is taken for lost
only when the queue is empty, or when the room has long come to what was said later.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from prometheus_client import Counter as Counted
from prometheus_client import Gauge

from shared import clock, log
from shared.database import Connection, Database, is_away
from shared.database.migrate import ROOMS
from shared.messaging import queues
from shared.messaging.moments import id_at
from shared.messaging.progress import heard_by, reached_by
from shared.messaging.topology import BROKER_AWAY, queue_of

FIRST_SECONDS = 60
EVERY_SECONDS = 600
# Younger ones may still be on their way; of older ones no inbox need know.
PATIENCE = timedelta(minutes=10)
LOOK_BACK = timedelta(days=7)
GAPS_BACK = timedelta(hours=1)
LOOK = 2_000
MOST = 2_000
# What is lost so often is not lost: it cannot be heard, and the dead queue has it.
TRIES = 3

reconciled = Counted(
    "sibol_reconciled", "What had been lost and was put right.", ["room", "heard_by"]
)
sequence_gaps = Gauge(
    "sibol_sequence_gaps", "Events of the last hour whose predecessor is missing.", ["room"]
)

# Subqueries rather than joins: PostgreSQL may prefer to read a whole inbox for a join.
LOST = """
    WITH looked AS MATERIALIZED (
        SELECT id, name FROM events WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3
    )
    SELECT looked.id, heard.name IS NOT NULL
                  AND (SELECT event_id FROM {room}.public_handled
                        WHERE event_id = looked.id) IS NULL
                  AND (SELECT event_id FROM {room}.public_setbacks
                        WHERE event_id = looked.id) IS NULL AS is_lost
      FROM looked
      LEFT JOIN unnest($4::text[], $5::uuid[]) AS heard (name, since)
        ON heard.name = looked.name AND heard.since <= looked.id
     ORDER BY looked.id
"""

Check = tuple[str, Callable[[Connection], Awaitable[int]]]


@dataclass(frozen=True)
class Window:
    after: UUID
    before: UUID


class Reconciling:
    """The loop of one room. `checks` are repairs of its own: each returns how many it made."""

    def __init__(
        self,
        database: Database,
        amqp_url: str,
        room: str,
        checks: Iterable[Check] = (),
        *,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._database = database
        self._amqp_url = amqp_url
        self._room = room
        self._checks = list(checks)
        self._patience = patience
        # Up to here everything is known to have arrived.
        self._settled = dict.fromkeys(ROOMS, UUID(int=0))
        self._tries: Counter[tuple[str, UUID]] = Counter()

    async def run(self, stopping: asyncio.Event) -> None:
        pause = FIRST_SECONDS
        while not stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)
            if not stopping.is_set():
                await self._run_safely()
            pause = EVERY_SECONDS

    async def _run_safely(self) -> None:
        try:
            await self.reconcile()
        except Exception as error:
            # A look that fails is done again in ten minutes; the room goes on.
            if isinstance(error, BROKER_AWAY) or is_away(error):
                log.get().warning("reconciliation_interrupted", error=type(error).__name__)
            else:
                log.get().exception("reconciliation_failed")

    async def reconcile(self) -> Counter[str]:
        """Return how many were repaired, by what found them; nothing while another process looks."""
        async with self._database.acquire() as conn, _alone(conn, self._room) as is_alone:
            if not is_alone:
                return Counter()
            repaired = await self._say_again(conn)
            for name, check in self._checks:
                repaired[name] = await check(conn)
            sequence_gaps.labels(self._room).set(await count_gaps(conn))
        for name, count in repaired.items():
            reconciled.labels(self._room, name).inc(count)
        log.get().info("reconciled", **{name: count for name, count in repaired.items() if count})
        return repaired

    async def _say_again(self, conn: Connection) -> Counter[str]:
        lost = {
            room: await self._lost(conn, room, window)
            for room, window in (await self._windows(conn)).items()
        }
        again = {event_id for ids in lost.values() for event_id in ids}
        said = await insert_again(conn, again)
        for room, ids in lost.items():
            for event_id in ids & said:
                self._tries[room, event_id] += 1
                log.get().warning("event_said_again", event_id=str(event_id), heard_by=room)
        return Counter({room: len(ids & said) for room, ids in lost.items()})

    async def _windows(self, conn: Connection) -> dict[str, Window]:
        """For each room, what it should long have handled."""
        waiting = await self._waiting()
        now = clock.now()
        windows = {}
        for room, count in waiting.items():
            reached = await reached_by(conn, room) if count else now
            if reached is not None:
                after = max(self._settled[room], id_at(now - LOOK_BACK))
                windows[room] = Window(after, id_at(min(now, reached) - self._patience))
        return windows

    async def _waiting(self) -> dict[str, int]:
        """How many messages wait for each room that has a queue."""
        depths = await queues.measure(self._amqp_url, map(queue_of, ROOMS))
        return {room: depths[queue_of(room)].ready for room in ROOMS if queue_of(room) in depths}

    async def _lost(self, conn: Connection, room: str, window: Window) -> set[UUID]:
        """At most MOST; what comes after them waits for the next time."""
        heard = await heard_by(conn, room)
        lost: set[UUID] = set()
        after = window.after
        while len(lost) < MOST:
            rows = await _look(conn, room, after, window.before, heard)
            lost |= {
                row["id"] for row in rows if row["is_lost"] and self._is_hopeful(room, row["id"])
            }
            if rows:
                after = rows[-1]["id"]
            if not lost:
                self._settled[room] = max(self._settled[room], after)
            if len(rows) < LOOK:
                break
        return lost

    def _is_hopeful(self, room: str, event_id: UUID) -> bool:
        return self._tries[room, event_id] < TRIES


async def _look(
    conn: Connection, room: str, after: UUID, before: UUID, heard: Mapping[str, datetime]
) -> list[Any]:
    return await conn.fetch(
        LOST.format(room=room),
        after,
        before,
        LOOK,
        list(heard),
        [id_at(since) for since in heard.values()],
    )


async def insert_again(conn: Connection, event_ids: Iterable[UUID]) -> set[UUID]:
    """Those that do not wait in the outbox already."""
    rows = await conn.fetch(
        """INSERT INTO outbox (event_id, subject)
           SELECT id, subject FROM events
            WHERE id = ANY($1) AND NOT EXISTS (SELECT FROM outbox WHERE event_id = events.id)
            ORDER BY id
        RETURNING event_id""",
        list(event_ids),
    )
    return {row["event_id"] for row in rows}


async def count_gaps(conn: Connection) -> int:
    """A gap is never filled: nobody knows what was in it. It is a defect to be found."""
    count: int = await conn.fetchval(
        """SELECT count(*) FROM events
            WHERE id > $1 AND sequence > 1
              AND NOT EXISTS (SELECT FROM events AS before
                               WHERE before.subject = events.subject
                                 AND before.sequence = events.sequence - 1)""",
        id_at(clock.now() - GAPS_BACK),
    )
    return count


@asynccontextmanager
async def _alone(conn: Connection, room: str) -> AsyncIterator[bool]:
    """One process of a room at a time."""
    key = f"reconciling {room}"
    is_alone = await conn.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", key)
    try:
        yield is_alone
    finally:
        if is_alone:
            await conn.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", key)
