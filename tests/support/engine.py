"""The rooms without a broker and without waiting: every event is handed to the handlers that hear it,
every timer is fired at its time, in order, against one database."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg

from services.gateway import firing
from services.gateway import handlers as gateway
from services.gateway.payments import paying
from services.gateway.timers import queries
from services.gateway.timers.queries import DueTimer
from services.notifications import handlers as notifications
from shared import clock
from shared.database import pool
from shared.events import CATALOGUE
from shared.events.base import Envelope, Event
from shared.events.origin import Origin, within
from shared.events.payments import PaymentHeld
from shared.messaging import Subscription

ROOMS = {"gateway": gateway.SUBSCRIPTIONS, "notifications": notifications.SUBSCRIPTIONS}
TENANT = "ph"
NEVER = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass
class Engine:
    """`ahead` is how far its time is before the real one."""

    database_url: str
    pools: dict[str, asyncpg.Pool]
    reader: asyncpg.Pool
    ahead: timedelta = timedelta()
    fired: list[DueTimer] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        with clock.advanced(self.ahead):
            return clock.now()

    @property
    def gateway(self) -> asyncpg.Pool:
        return self.pools["gateway"]

    async def settle(self) -> None:
        """Until nothing that was said is unheard, and nothing waits for the provider."""
        while await self._hear_all() + await self._pay():
            pass

    async def hold(self) -> None:
        """Until the provider holds what it was asked to hold; of all that was said, only that is heard."""
        held = [item for item in gateway.SUBSCRIPTIONS if item.event is PaymentHeld]
        while await self._hear_room("gateway", held) + await self._pay():
            pass

    async def _pay(self) -> int:
        with clock.advanced(self.ahead):
            return await paying.pay_due(self.gateway)

    async def advance(self, *, days: float = 0, most: int = 10_000) -> int:
        """Fire all that becomes due, each at its time; return how many rang."""
        until = self.now + timedelta(days=days)
        for count in range(most):
            if await self.ring_next(until) is None:
                self._go_to(until)
                return count
        raise AssertionError(f"Still ringing after {most} timers.")

    async def ring_next(self, until: datetime = NEVER) -> DueTimer | None:
        """Go to the next timer and fire it, with all that it sets off."""
        await self.settle()
        timer = await self._next(until)
        if timer is not None:
            self._go_to(timer.due_at)
            await self._fire(timer)
            await self.settle()
        return timer

    async def pass_time(self, *, days: float, most: int = 10_000) -> None:
        """Let every clock run so much sooner, and fire what is due; the time of day stays."""
        await self.settle()
        by = timedelta(days=days)
        await self.reader.execute(
            """UPDATE gateway.timers
                  SET starts_at = starts_at - $1::interval, due_at = due_at - $1, ends_at = ends_at - $1,
                      not_after = not_after - $1""",
            by,
        )
        await self.reader.execute(
            "UPDATE gateway.payments SET retry_at = retry_at - $1::interval", by
        )
        for _ in range(most):
            if await self.ring_next(self.now) is None:
                return
        raise AssertionError(f"Still ringing after {most} timers.")

    def _go_to(self, at: datetime) -> None:
        self.ahead = max(self.ahead, at - self.now + self.ahead)

    async def _next(self, until: datetime) -> DueTimer | None:
        async with self.gateway.acquire() as conn:
            return await queries.select_next(conn, tenant=TENANT, until=until)

    async def _fire(self, timer: DueTimer) -> None:
        with clock.advanced(self.ahead):
            async with self.gateway.acquire() as conn:
                if await firing.fire(conn, timer):
                    self.fired.append(timer)

    async def _hear_all(self) -> int:
        return sum([await self._hear_room(*room) for room in ROOMS.items()])

    async def _hear_room(self, room: str, subscriptions: list[Subscription]) -> int:
        unheard = await self._unheard(room, subscriptions)
        for event in unheard:
            await self._hear(room, subscriptions, event)
        return len(unheard)

    async def _unheard(self, room: str, subscriptions: Iterable[Subscription]) -> list[Event]:
        rows = await self.reader.fetch(
            f"""SELECT events.* FROM gateway.events
                  LEFT JOIN {room}.inbox ON inbox.event_id = events.id
                 WHERE inbox.event_id IS NULL AND events.name = ANY($1) ORDER BY events.id""",
            list({item.event.name for item in subscriptions}),
        )
        return [read(row) for row in rows]

    async def _hear(self, room: str, subscriptions: Iterable[Subscription], event: Event) -> None:
        envelope = event.envelope
        ahead = envelope.time - clock.now()
        origin = Origin(
            correlation_id=envelope.correlation_id,
            causation_id=envelope.id,
            tenant=envelope.tenant,
            ahead=envelope.ahead,
        )
        async with self.pools[room].acquire() as conn, conn.transaction():
            await conn.execute(
                "INSERT INTO inbox (event_id, name, handled_at) VALUES ($1, $2, now())",
                envelope.id,
                envelope.name,
            )
            with within(origin), clock.advanced(ahead):
                for item in subscriptions:
                    if item.event is type(event):
                        await item.hear(conn, [event])


def read(row: asyncpg.Record) -> Event:
    """As a room would have heard it."""
    envelope = Envelope(
        id=row["id"],
        name=row["name"],
        source="/sibol/gateway",
        subject=row["subject"],
        sequence=row["sequence"],
        time=row["occurred_at"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
        actor_kind=row["actor_kind"],
        tenant=row["tenant"],
        ahead=row["ahead"],
    )
    return CATALOGUE[row["name"]].model_validate(row["data"]).received(envelope)


@asynccontextmanager
async def an_engine(database_url: str) -> AsyncIterator[Engine]:
    async with (
        pool.connect(database_url, "gateway", connections=4) as of_gateway,
        pool.connect(database_url, "notifications", connections=2) as of_notifications,
        asyncpg.create_pool(database_url, min_size=1, max_size=2, init=pool.prepare) as reader,
    ):
        pools = {"gateway": of_gateway, "notifications": of_notifications}
        yield Engine(database_url, pools, reader)
