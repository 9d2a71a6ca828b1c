"""Does a room move on? The age of the oldest event that it hears and has neither handled nor set
aside, asked of the tables alone: so a frozen process is seen by every other one of its room."""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from prometheus_client import Gauge

from shared import clock, log
from shared.database import AWAY, Connection, Database
from shared.database.migrate import ROOMS
from shared.messaging.moments import id_at, made_at

MEASURE_SECONDS = 5
LATE_SECONDS = 30
# As long as an inbox is kept at least.
LOOK_BACK = timedelta(days=7)
# What a room has passed by longer ago was lost on its way, which reconciliation finds.
PASSED_BY = timedelta(hours=1)
LATEST = 100
# A transaction may commit an id some time after it was made.
UNSETTLED = timedelta(seconds=20)
LOOK = 5_000
LOOKS = 100

oldest_unhandled_seconds = Gauge(
    "sibol_oldest_unhandled_seconds",
    "Age of the oldest event that the room hears and has neither handled nor set aside.",
    ["room"],
)

LATELY = "SELECT event_id FROM {room}.public_handled ORDER BY handled_at DESC LIMIT $1"
HEARD = "SELECT name, since FROM {room}.public_heard"
# The subqueries stay subqueries: as joins, PostgreSQL may prefer to read a whole inbox.
OLDEST = """
    WITH looked AS MATERIALIZED (
        SELECT id, name FROM {source}.public_log WHERE id > $1 ORDER BY id LIMIT $2
    )
    SELECT (SELECT looked.id
              FROM looked
              JOIN unnest($3::text[], $4::uuid[]) AS heard (name, since)
                ON heard.name = looked.name AND heard.since <= looked.id
             WHERE (SELECT event_id FROM {room}.public_handled
                     WHERE event_id = looked.id) IS NULL
               AND (SELECT event_id FROM {room}.public_setbacks
                     WHERE event_id = looked.id AND state <> 'trying') IS NULL
             ORDER BY looked.id LIMIT 1) AS oldest,
           (SELECT id FROM looked ORDER BY id DESC LIMIT 1) AS last,
           (SELECT count(*) FROM looked) AS looked
"""


class Progress:
    """Of one room, measured from any process whose role may read the rooms' public views."""

    def __init__(self, database: Database, room: str) -> None:
        self._database = database
        self._room = room
        # Up to here every event of that room is known to be settled.
        self._settled: dict[str, UUID] = {}
        self._ages: deque[tuple[float, float]] = deque()
        self.oldest_seconds = 0.0

    def trouble(self) -> str | None:
        """A room that catches up does what it can: only one that does not is in trouble."""
        if self.oldest_seconds <= LATE_SECONDS or self.is_catching_up():
            return None
        return (
            f"the oldest event not yet handled is {self.oldest_seconds:.0f} s old "
            f"and has not grown younger for {LATE_SECONDS} s"
        )

    def is_catching_up(self) -> bool:
        """Late, but less so than before; who has just begun gets the time to show it."""
        if self.oldest_seconds <= LATE_SECONDS:
            return False
        first_at, first = self._ages[0]
        last_at, last = self._ages[-1]
        return last_at - first_at < LATE_SECONDS or last < first

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await self.measure()
            except (*AWAY, asyncpg.PostgresError) as error:
                # Whatever keeps us from looking, the work itself goes on.
                log.get().warning("progress_unmeasured", of=self._room, error=type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), MEASURE_SECONDS)

    async def measure(self) -> float:
        """Return the age in seconds, 0 when everything is handled."""
        oldest = await self._oldest()
        age = (clock.now() - made_at(oldest)).total_seconds() if oldest else 0.0
        self.oldest_seconds = max(age, 0.0)
        self._remember(time.monotonic())
        oldest_unhandled_seconds.labels(self._room).set(self.oldest_seconds)
        if self.is_catching_up():
            log.get().info("catching_up", of=self._room, oldest_seconds=round(self.oldest_seconds))
        return self.oldest_seconds

    def _remember(self, now: float) -> None:
        self._ages.append((now, self.oldest_seconds))
        while len(self._ages) > 1 and self._ages[1][0] <= now - LATE_SECONDS:
            self._ages.popleft()

    async def _oldest(self) -> UUID | None:
        if not self._settled:
            self._settled = dict.fromkeys(ROOMS, await self._start())
        heard = await heard_by(self._database, self._room)
        found = [await self._oldest_of(source, heard) for source in ROOMS]
        return min(filter(None, found), default=None)

    async def _start(self) -> UUID:
        """Not a whole week of events, where the room has come further."""
        longest = clock.now() - LOOK_BACK
        reached = await reached_by(self._database, self._room)
        return id_at(max(longest, reached - PASSED_BY) if reached else longest)

    async def _oldest_of(self, source: str, heard: Mapping[str, datetime]) -> UUID | None:
        unsettled = id_at(clock.now() - UNSETTLED)
        after = self._settled[source]
        for _ in range(LOOKS):
            oldest, last, looked = await self._look(source, after, heard)
            after = UUID(int=oldest.int - 1) if oldest else last or after
            self._settled[source] = max(self._settled[source], min(after, unsettled))
            if oldest or looked < LOOK:
                return oldest
        return None

    async def _look(
        self, source: str, after: UUID, heard: Mapping[str, datetime]
    ) -> tuple[UUID | None, UUID | None, int]:
        row = await self._database.fetchrow(
            OLDEST.format(source=source, room=self._room),
            after,
            LOOK,
            list(heard),
            [id_at(since) for since in heard.values()],
        )
        assert row is not None
        return row["oldest"], row["last"], row["looked"]


async def heard_by(conn: Connection | Database, room: str) -> dict[str, datetime]:
    """Which events that room hears, and since when."""
    rows = await conn.fetch(HEARD.format(room=room))
    return {row["name"]: row["since"] for row in rows}


async def reached_by(conn: Connection | Database, room: str) -> datetime | None:
    """When that was said which the room is handling now; a few old ones among it say nothing."""
    rows = await conn.fetch(LATELY.format(room=room), LATEST)
    ids = sorted(row["event_id"] for row in rows)
    return made_at(ids[len(ids) // 2]) if ids else None


async def watch_every_room(stopping: asyncio.Event, database: Database) -> None:
    """For a process beside the rooms: what it finds of them is not its own trouble."""
    async with asyncio.TaskGroup() as tasks:
        for room in ROOMS:
            tasks.create_task(Progress(database, room).run(stopping))
