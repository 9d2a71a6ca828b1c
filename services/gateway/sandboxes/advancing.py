"""Move a sandbox's clock from one due timer to the next, each at its own time, and wait between
them until what it set off has settled: so the order of things is that of a real fortnight."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.gateway.firing import fire
from services.gateway.handlers import SUBSCRIPTIONS
from services.gateway.payments.paying import pay_due
from services.gateway.sandboxes import queries, rules
from services.gateway.sandboxes.tenants import at_time_of, real_now
from services.gateway.timers.queries import DueTimer, select_next
from shared.database import Database
from shared.errors import Conflict
from shared.ids import new_id

WHOLE_SECONDS = 20
STEP_SECONDS = 1.0
IMPATIENT_SECONDS = 0.1
POLL_SECONDS = 0.005
# Longer than a request takes; a clock whose request died is free again after it.
LEASE = timedelta(seconds=30)
HEARD = frozenset(subscription.event.name for subscription in SUBSCRIPTIONS)


@dataclass(frozen=True)
class Fired:
    """`kind` is `reminder` or `deadline`."""

    at: datetime
    record: str
    record_id: UUID
    timer: str
    kind: str


@dataclass(frozen=True)
class Moved:
    now: datetime
    reached: bool
    fired: list[Fired]


async def move_clock(
    database: Database,
    tenant: str,
    wake: Callable[[], None],
    *,
    advance: timedelta | None = None,
    to: datetime | None = None,
) -> Moved:
    """`wake` tells the relay that something was said."""
    with at_time_of(tenant, timedelta()):
        async with _claimed(database, tenant) as ahead:
            target = rules.target(ahead=ahead, now=real_now() + ahead, advance=advance, to=to)
            return await Course(database, tenant, ahead, wake).run(target)


@asynccontextmanager
async def _claimed(database: Database, tenant: str) -> AsyncIterator[timedelta]:
    now = real_now()
    async with database.acquire() as conn:
        ahead = await queries.claim_clock(conn, tenant, now=now, until=now + LEASE)
    if ahead is None:
        raise Conflict("The clock of this sandbox is being moved just now. Ask again soon.")
    try:
        yield ahead
    finally:
        async with database.acquire() as conn:
            await queries.release_clock(conn, tenant)


class Course:
    def __init__(
        self, database: Database, tenant: str, ahead: timedelta, wake: Callable[[], None]
    ) -> None:
        self._database = database
        self._tenant = tenant
        self._ahead = ahead
        self._wake = wake
        self._fired: list[Fired] = []
        self._since = UUID(int=0)
        self._patience = STEP_SECONDS

    async def run(self, target: timedelta) -> Moved:
        ends_at = time.monotonic() + WHOLE_SECONDS
        while time.monotonic() < ends_at:
            await self._settle()
            timer = await self._next(target)
            if timer is None:
                await self._set(target)
                return self._moved(reached=True)
            await self._fire(timer)
        return self._moved(reached=False)

    async def _next(self, target: timedelta) -> DueTimer | None:
        async with self._database.acquire() as conn:
            return await select_next(conn, tenant=self._tenant, until=real_now() + target)

    async def _set(self, ahead: timedelta) -> None:
        self._ahead = max(self._ahead, ahead)
        async with self._database.acquire() as conn:
            await queries.update_ahead(conn, self._tenant, self._ahead)

    async def _fire(self, timer: DueTimer) -> None:
        await self._set(rules.whole(timer.due_at - real_now()))
        with at_time_of(self._tenant, self._ahead):
            async with self._database.acquire() as conn:
                fired = await fire(conn, timer)
        self._wake()
        if fired:
            kind = "reminder" if timer.clock.is_reminder else "deadline"
            self._fired.append(Fired(timer.due_at, timer.record, timer.record_id, timer.name, kind))

    async def _settle(self) -> None:
        """Poll, for the other rooms and our own consumer work beside us. What does not settle in
        time (a room is away, an event failed) does not hold up the clock a second time."""
        ends_at = time.monotonic() + self._patience
        while time.monotonic() < ends_at:
            if await pay_due(self._database, tenant=self._tenant):
                self._wake()
            elif await self._is_settled():
                return
            await asyncio.sleep(POLL_SECONDS)
        self._since, self._patience = new_id(), IMPATIENT_SECONDS

    async def _is_settled(self) -> bool:
        async with self._database.acquire() as conn:
            return await queries.is_settled(
                conn, self._tenant, heard=HEARD, since=self._since, now=real_now()
            )

    def _moved(self, *, reached: bool) -> Moved:
        return Moved(real_now() + self._ahead, reached, self._fired)
