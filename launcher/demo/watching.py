"""What an operator sees while the demo plays: which events were said, and who has heard them."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import asyncpg

from launcher.demo.api import PATIENCE
from launcher.errors import Refused
from services.credentialing.handlers import HEARS
from services.gateway.handlers import SUBSCRIPTIONS as GATEWAY
from services.matching.handlers import SUBSCRIPTIONS as MATCHING
from services.notifications.handlers import SUBSCRIPTIONS as NOTIFICATIONS
from shared.ids import new_id

ROOMS = ("gateway", "matching", "notifications", "credentialing")
FACTS = ("id", "room", "name", "subject", "correlation_id", "occurred_at")
AWAY = (OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)

# One statement sees one moment: a handler's mark and what it says are there together or not at all.
_SAID = " UNION ALL ".join(
    f"""SELECT id, '{room}' AS room, name, subject, correlation_id, occurred_at
          FROM {room}.events WHERE id >= $1"""  # noqa: S608 - names of rooms
    for room in ROOMS
)
_MARKS = " UNION ALL ".join(
    f"SELECT '{room}' AS room, handled_at FROM {room}.inbox WHERE event_id = said.id"  # noqa: S608
    for room in ROOMS
)
SAID_AND_HEARD = f"""
    SELECT said.*, mark.room AS hearer, mark.handled_at
      FROM ({_SAID}) AS said LEFT JOIN LATERAL ({_MARKS}) AS mark ON true
     ORDER BY said.id
"""  # noqa: S608


@dataclass(frozen=True)
class Said:
    """One event, and when each room that has heard it was done with it."""

    id: UUID
    room: str
    name: str
    subject: UUID
    correlation_id: UUID
    occurred_at: datetime
    heard: dict[str, datetime]

    @property
    def waits_for(self) -> list[str]:
        return sorted(listeners().get(self.name, frozenset()) - set(self.heard))


@cache
def listeners() -> dict[str, frozenset[str]]:
    """The rooms that listen to each event."""
    found: dict[str, set[str]] = defaultdict(set)
    for room, subscriptions in zip(ROOMS, (GATEWAY, MATCHING, NOTIFICATIONS), strict=False):
        for subscription in subscriptions:
            found[subscription.event.name].add(room)
    for event in HEARS:
        found[event.name].add("credentialing")
    return {name: frozenset(rooms) for name, rooms in found.items()}


class Watch:
    """Follows the events of some records, and whatever these events set off anywhere."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool
        self._since = new_id()
        self._shown: set[UUID] = set()
        self.records: set[UUID] = set()

    def follow(self, *records: str) -> None:
        self.records.update(UUID(record) for record in records)

    async def fetch(self, statement: str, *values: Any) -> list[Any]:
        """Read; a database that is away for a moment is waited for."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return list(await self._pool.fetch(statement, *values, timeout=5))
            except AWAY as error:
                if time.monotonic() > end:
                    raise Refused("The database has not answered for a minute.") from error
            await asyncio.sleep(0.2)

    async def events(self) -> list[Said]:
        return collected(await self.fetch(SAID_AND_HEARD, self._since), self.records)

    async def settled(self) -> list[Said]:
        """Wait until every event was heard by all its listeners; return those not seen before."""
        end = time.monotonic() + PATIENCE
        while True:
            found = await self.events()
            waiting = [event for event in found if event.waits_for]
            if not waiting:
                break
            if time.monotonic() > end:
                raise Refused(_unheard(waiting))
            await asyncio.sleep(0.03)
        fresh = [event for event in found if event.id not in self._shown]
        self._shown.update(event.id for event in fresh)
        return fresh


def collected(rows: Iterable[Mapping[str, Any]], records: Collection[UUID]) -> list[Said]:
    """One row for each mark becomes one event with all its marks; strangers' events are left out."""
    rows = list(rows)
    wanted = {row["correlation_id"] for row in rows if row["subject"] in records}
    found: dict[UUID, Said] = {}
    for row in rows:
        if row["correlation_id"] in wanted:
            facts = {name: row[name] for name in FACTS}
            event = found.setdefault(row["id"], Said(**facts, heard={}))
            if row["hearer"] is not None:
                event.heard[row["hearer"]] = row["handled_at"]
    return list(found.values())


def _unheard(waiting: Iterable[Said]) -> str:
    listed = "; ".join(f"{event.name} by {', '.join(event.waits_for)}" for event in waiting)
    return f"Not heard within {PATIENCE:.0f} s: {listed}. See ./sibol status and ./sibol dead list."


@asynccontextmanager
async def watching(database_url: str) -> AsyncIterator[Watch]:
    try:
        pool = await asyncpg.create_pool(database_url, min_size=1, max_size=2, timeout=10)
    except (*AWAY, asyncpg.PostgresError) as error:
        raise Refused(f"The demo cannot look into the database: {error}.") from error
    async with pool:
        yield Watch(pool)
