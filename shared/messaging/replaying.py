"""Build anew what a room has learned from events, out of the logs of all rooms, and say nothing of
what was said the first time.

Only what the room has handled before is handled again, or what was said before it listened. What
still waits for it, in a queue or among the dead, is left to its consumers: they have yet to say what
comes of it.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from shared import clock, log
from shared.database import Connection, Database, connect, is_away
from shared.database.migrate import ROOMS
from shared.errors import Conflict, Invalid, Refusal
from shared.events import CATALOGUE
from shared.events.base import Envelope, Event
from shared.messaging.moments import id_at, made_at
from shared.messaging.muting import muted
from shared.messaging.progress import heard_by
from shared.messaging.subscriptions import Subscription
from shared.settings import RoomSettings

FETCH = 500
# In one transaction: few, so that no consumer waits long for a row.
TOGETHER = 20
FETCH_SECONDS = 120
TRIES = 20
PAUSE_SECONDS = 0.5
# An inbox is kept at least so long: what is older and not in it may have been handled all the same.
REMEMBERED = timedelta(days=7)
USAGE = "replay [--since 2026-11-24[T08:00+08:00] | --what]"

PART = """
    (SELECT '{source}' AS source, said.*
       FROM {source}.public_log AS said
       JOIN unnest($1::text[], $2::integer[], $3::uuid[]) AS wanted (name, "group", since)
         ON wanted.name = said.name
      WHERE said.id > $4 AND said.id < $5
        AND ((SELECT event_id FROM inbox WHERE event_id = said.id) IS NOT NULL
             OR (said.id < greatest(wanted.since, $6)
                 AND (SELECT event_id FROM setbacks WHERE event_id = said.id) IS NULL))
        AND NOT ($7 AND EXISTS (
            SELECT FROM {source}.public_log AS later
              JOIN unnest($1::text[], $2::integer[]) AS also (name, "group")
                ON also.name = later.name
             WHERE later.subject = said.subject AND later.sequence > said.sequence
               AND later.id < $5 AND also."group" = wanted."group"
               AND (SELECT event_id FROM inbox WHERE event_id = later.id) IS NOT NULL))
      ORDER BY said.id LIMIT $8)
"""
EVENTS = " UNION ALL ".join(PART.format(source=room) for room in ROOMS) + "ORDER BY id LIMIT $8"
MARK = """
    INSERT INTO inbox (event_id, name, handled_at)
    SELECT event_id, name, $3 FROM unnest($1::uuid[], $2::text[]) AS heard (event_id, name)
     ORDER BY event_id
        ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class Pass:
    """Once through the log. `latest`: of the events of one record that a handler hears, only the
    last; for handlers that look at the rows as they are now."""

    subscriptions: Sequence[Subscription]
    latest: bool = False


@dataclass(frozen=True)
class Projection:
    """`what` tells an operator what is built anew, and what is not. `empty` makes room for it, when
    the whole log is read. `at_their_time`: the clock shows when each event was said."""

    what: str
    passes: Sequence[Pass]
    empty: Callable[[Connection], Awaitable[None]] | None = None
    at_their_time: bool = False


@dataclass
class Outcome:
    handled: int = 0
    failed: list[UUID] = field(default_factory=list)


@dataclass(frozen=True)
class Span:
    """Of ids. What was said before `forgotten` may be missing in the inbox."""

    after: UUID
    before: UUID
    forgotten: UUID


class Replaying:
    def __init__(self, database: Database, room: str, projection: Projection) -> None:
        self._database = database
        self._room = room
        self._projection = projection
        self.outcome = Outcome()

    async def run(self, since: datetime | None = None) -> Outcome:
        if since is not None and since > clock.now():
            raise Invalid(f"{since:%F %T} is yet to come. Give a time in the past, or none.")
        async with self._alone():
            with muted():
                await self._run(since)
        return self.outcome

    async def _run(self, since: datetime | None) -> None:
        span = await self._span(since)
        if since is None and self._projection.empty:
            await self._empty(self._projection.empty)
        for number, each in enumerate(self._projection.passes, 1):
            async for events in self._read(each, span):
                for start in range(0, len(events), TOGETHER):
                    await self._handle(each, events[start : start + TOGETHER])
                log.get().info(
                    "replaying",
                    round=f"{number} of {len(self._projection.passes)}",
                    reached=f"{made_at(events[-1].envelope.id):%F %T}",
                    handled=self.outcome.handled,
                )

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        async with self._database.acquire() as conn:
            key = f"replaying {self._room}"
            if not await conn.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", key):
                raise Conflict(f"Another replay of {self._room} is running. Wait until it ends.")
            yield

    async def _span(self, since: datetime | None) -> Span:
        now = clock.now()
        first = await self._database.fetchval("SELECT min(handled_at) FROM inbox")
        return Span(
            after=id_at(since) if since else UUID(int=0),
            before=id_at(now),
            forgotten=id_at(min(first, now - REMEMBERED)) if first else UUID(int=0),
        )

    async def _empty(self, empty: Callable[[Connection], Awaitable[None]]) -> None:
        async with self._database.acquire() as conn, conn.transaction():
            await empty(conn)
        log.get().info("projection_emptied")

    async def _read(self, each: Pass, span: Span) -> AsyncIterator[list[Event]]:
        groups = _groups(each)
        heard = await heard_by(self._database, self._room)
        since = [id_at(heard[name]) if name in heard else span.before for name in groups]
        after = span.after
        while True:
            rows = await self._database.fetch(
                EVENTS,
                list(groups),
                list(groups.values()),
                since,
                after,
                span.before,
                span.forgotten,
                each.latest,
                FETCH,
                timeout=FETCH_SECONDS,
            )
            if not rows:
                return
            after = rows[-1]["id"]
            yield in_order([_event(row) for row in rows])

    async def _handle(self, each: Pass, events: Sequence[Event]) -> None:
        try:
            await self._patiently(each, events)
        except Exception:
            if len(events) > 1:
                for event in events:
                    await self._handle(each, [event])
                return
            # What cannot be handled again is told at the end; the others are.
            event_id = events[0].envelope.id
            log.get().exception("replay_failed", event_id=str(event_id), event_name=events[0].name)
            self.outcome.failed.append(event_id)
        else:
            self.outcome.handled += len(events)

    async def _patiently(self, each: Pass, events: Sequence[Event]) -> None:
        for _ in range(TRIES):
            try:
                return await self._together(each, events)
            except Exception as error:
                # Of two that wait for each other PostgreSQL ends one, with nothing done.
                if not is_away(error):
                    raise
                log.get().warning("neighbour_away", error=type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)
        return await self._together(each, events)

    async def _together(self, each: Pass, events: Sequence[Event]) -> None:
        async with self._database.acquire() as conn, conn.transaction():
            ids, names = zip(*((event.envelope.id, event.name) for event in events), strict=True)
            await conn.execute(MARK, ids, names, clock.now())
            for event in events:
                await conn.execute(
                    "SELECT set_config('sibol.tenant', $1, true)", event.envelope.tenant
                )
                await self._hear(conn, each, event)

    async def _hear(self, conn: Connection, each: Pass, event: Event) -> None:
        envelope = event.envelope
        back = envelope.time - envelope.ahead - clock.now()
        with clock.advanced(back if self._projection.at_their_time else timedelta()):
            for subscription in each.subscriptions:
                if subscription.event is type(event):
                    await subscription.hear(conn, [event])


def _groups(each: Pass) -> dict[str, int]:
    """Names that go to the same handlers have the same number."""
    handlers: defaultdict[str, list[Any]] = defaultdict(list)
    for item in each.subscriptions:
        handlers[item.event.name].append(item.handler)
    known: list[list[Any]] = []
    for called in handlers.values():
        if called not in known:
            known.append(called)
    return {name: known.index(called) for name, called in handlers.items()}


def in_order(events: Sequence[Event]) -> list[Event]:
    """By id, but those of one record by their sequence: clocks of two processes may differ."""
    of_record: defaultdict[UUID, list[Event]] = defaultdict(list)
    for event in events:
        of_record[event.subject].append(event)
    turns = {
        subject: iter(sorted(found, key=lambda event: event.envelope.sequence))
        for subject, found in of_record.items()
    }
    return [next(turns[event.subject]) for event in events]


def _event(row: asyncpg.Record) -> Event:
    envelope = Envelope(
        id=row["id"],
        name=row["name"],
        source=f"/sibol/{row['source']}",
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
    return CATALOGUE[row["name"]].model_validate_json(row["data"]).received(envelope)


async def replay_room(
    settings: RoomSettings, room: str, projection: Projection, options: Sequence[str]
) -> None:
    """The command of a room: `python -m services.<room> replay`."""
    if list(options) == ["--what"]:
        sys.stdout.write(projection.what + "\n")
        return
    log.configure(room, style=settings.log)
    try:
        since = read_since(options)
        async with connect(settings.database_url, room, connections=3) as database:
            outcome = await Replaying(database, room, projection).run(since)
    except Refusal as refusal:
        raise SystemExit(refusal.detail) from None
    log.get().info("replayed", handled=outcome.handled, failed=len(outcome.failed))
    if outcome.failed:
        raise SystemExit(f"{len(outcome.failed)} events could not be handled again; see the log.")


def read_since(options: Sequence[str]) -> datetime | None:
    match list(options):
        case []:
            return None
        case ["--since", text]:
            return _moment(text)
        case _:
            raise Invalid(f"Not understood. Usage: {USAGE}")


def _moment(text: str) -> datetime:
    """Without a zone, in UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text} is no time. Write 2026-11-24 or 2026-11-24T08:00+08:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
