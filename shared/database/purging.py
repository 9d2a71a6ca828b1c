"""Remove what nobody needs any longer, in small steps: hourly, and by one process at a time."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from prometheus_client import Counter

from shared import clock, log
from shared.database.pool import Database, is_away

LOCK = 7_426_502
FIRST_SECONDS = 60
EVERY_SECONDS = 3600
BATCH = 1000
# Between two steps, so that others come first.
BREATH_SECONDS = 0.05

purged = Counter("sibol_purged", "Rows removed or emptied because of their age.", ["room", "what"])


@dataclass(frozen=True)
class Purge:
    """`statement` removes, or empties, at most `$2` rows that were over before `$1`, in the room's
    own schema. `keep` is how long they are kept after that."""

    what: str
    keep: timedelta
    statement: str


# In every room's schema. The events are its history and stay.
EVERYWHERE = (
    # Handled by a process that did not know of the setback. What is dead stays until it is handled.
    # Before the inbox, which tells what was handled.
    Purge(
        "setbacks",
        timedelta(days=1),
        """DELETE FROM setbacks WHERE ctid = ANY(ARRAY(
               SELECT setbacks.ctid FROM setbacks JOIN inbox USING (event_id)
                WHERE at < $1 LIMIT $2))""",
    ),
    # Longer than any message waits to be delivered again, and than anybody looks back for lost ones.
    Purge(
        "inbox",
        timedelta(days=30),
        """DELETE FROM inbox WHERE ctid = ANY(ARRAY(
               SELECT ctid FROM inbox WHERE handled_at < $1 LIMIT $2))""",
    ),
)


class Purging:
    def __init__(self, database: Database, room: str, own: Iterable[Purge] = ()) -> None:
        self._database = database
        self._room = room
        self._purges = (*own, *EVERYWHERE)

    async def run(self, stopping: asyncio.Event) -> None:
        pause = FIRST_SECONDS
        while not await _stopped_within(stopping, pause):
            await self.purge(stopping)
            pause = EVERY_SECONDS

    async def purge(self, stopping: asyncio.Event) -> None:
        for each in self._purges:
            try:
                await self._purge(each, stopping)
            except Exception as error:
                if is_away(error):
                    log.get().warning("neighbour_away", error=type(error).__name__)
                    return
                # It is not worth a room's life.
                log.get().exception("purge_failed", what=each.what)

    async def _purge(self, each: Purge, stopping: asyncio.Event) -> None:
        count = BATCH
        while count == BATCH and not await _stopped_within(stopping, BREATH_SECONDS):
            count = await self._step(each)
            purged.labels(self._room, each.what).inc(count)

    async def _step(self, each: Purge) -> int:
        """None of it while another process is at it."""
        async with self._database.acquire() as conn, conn.transaction():
            mine = await conn.fetchval(
                "SELECT pg_try_advisory_xact_lock($1, hashtext($2))", LOCK, self._room
            )
            if not mine:
                return 0
            done = await conn.execute(each.statement, clock.now() - each.keep, BATCH)
        return int(done.rpartition(" ")[2])


async def _stopped_within(stopping: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
    return stopping.is_set()
