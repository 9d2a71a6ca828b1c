"""The effect of events and the mark that they happened, in one transaction."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from shared import clock, crashing, log, metrics, tracing
from shared.database import Connection, Database
from shared.events.base import Event
from shared.events.origin import REAL
from shared.messaging.setbacks import mark_handled
from shared.messaging.subscriptions import Subscription

# A handler is a few statements; one that takes longer hangs.
LONGEST_SECONDS = 25


class Hanging(Exception):
    """The handlers of a batch did not end."""


class Handling:
    def __init__(
        self,
        room: str,
        subscriptions: Iterable[Subscription],
        database: Database,
        after_commit: Callable[[], None],
    ) -> None:
        self._room = room
        self._subscriptions: dict[str, list[Subscription]] = {}
        for each in subscriptions:
            self._subscriptions.setdefault(each.event.name, []).append(each)
        self._database = database
        self._after_commit = after_commit
        self._ages = metrics.event_age_seconds.labels(room)

    @property
    def names(self) -> list[str]:
        return sorted(self._subscriptions)

    async def handle(self, events: Sequence[Event]) -> None:
        """All of them or none; those that were handled before, not again."""
        limit = asyncio.timeout(LONGEST_SECONDS)
        try:
            async with limit:
                done = await self._handle(events)
        except TimeoutError:
            if limit.expired():
                raise Hanging(f"Not done within {LONGEST_SECONDS} s.") from None
            raise
        crashing.at("consumer.after_commit")
        self._after_commit()
        self._tell(events, done)

    async def _handle(self, events: Sequence[Event]) -> list[Event]:
        async with self._database.acquire() as conn, conn.transaction():
            new = await mark_handled(conn, events)
            fresh = list(
                {each.envelope.id: each for each in events if each.envelope.id in new}.values()
            )
            tenant = REAL
            for run in self._runs(fresh):
                tenant = await _enter(conn, run[0].envelope.tenant, tenant)
                with tracing.handling(run) as heard:
                    for subscription in self._subscriptions.get(run[0].name, ()):
                        await subscription.hear(conn, heard)
            crashing.at("consumer.before_commit")
        return fresh

    def _runs(self, events: Sequence[Event]) -> Iterator[list[Event]]:
        """One after the other, but together those that follow each other and are wanted together."""
        for (name, _), run in groupby(events, lambda event: (event.name, event.envelope.tenant)):
            together = any(each.takes_many for each in self._subscriptions.get(name, ()))
            if together:
                yield list(run)
            else:
                yield from ([event] for event in run)

    def _tell(self, events: Sequence[Event], done: Sequence[Event]) -> None:
        now = clock.now()
        for name, count in Counter(event.name for event in done).items():
            metrics.events_handled.labels(self._room, name, "done").inc(count)
        for event in done:
            age = (now + event.envelope.ahead - event.envelope.time).total_seconds()
            self._ages.observe(max(age, 0))
        if again := len(events) - len(done):
            metrics.events_handled.labels(self._room, "any", "duplicate").inc(again)
        log.get().info(
            "events_handled",
            done=len(done),
            again=again,
            event_ids=[str(event.envelope.id) for event in done],
        )


async def _enter(conn: Connection, tenant: str, before: str) -> str:
    """Until the transaction ends, this connection sees the records of that tenant alone."""
    if tenant != before:
        await conn.execute("SELECT set_config('sibol.tenant', $1, true)", tenant)
    return tenant
