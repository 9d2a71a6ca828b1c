"""Fire what is due, as an ordinary command by the timer. Any number of processes may do it at once:
each takes its timers under a short lease, and only who finds a timer still there, under the lock of
its record, does what it says."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.gateway.applications import moves as application_moves
from services.gateway.applications.queries import lock_any_application
from services.gateway.credentials import moves as credential_moves
from services.gateway.credentials.queries import lock_credential
from services.gateway.disputes import moves as dispute_moves
from services.gateway.disputes.queries import lock_dispute
from services.gateway.engagements import moves as engagement_moves
from services.gateway.engagements.queries import lock_engagement
from services.gateway.lifecycle import Lifecycle
from services.gateway.lifecycles import MACHINES
from services.gateway.metrics import timer_lateness, timers_fired, timers_oldest_seconds
from services.gateway.milestones import moves as milestone_moves
from services.gateway.milestones.queries import lock_milestone
from services.gateway.payments import moves as payment_moves
from services.gateway.payments.queries import lock_payment
from services.gateway.projects import moves as project_moves
from services.gateway.projects.queries import lock_project
from services.gateway.timers import queries
from services.gateway.timers.calendar import out_of
from services.gateway.timers.queries import DueTimer
from shared import clock, log
from shared.database import AWAY, Connection, Database, is_away
from shared.events.origin import Origin, current, within

BATCH = 40
AT_ONCE = 4
POLL_SECONDS = 1.0
MEASURE_SECONDS = 5
STALE_SECONDS = 60
SWEEP = 100
SWEEP_SECONDS = 600

Lock = Callable[[Connection, UUID], Awaitable[Any]]
Fire = Callable[[Connection, Any, str], Awaitable[Any]]


@dataclass(frozen=True)
class Kind:
    """How the records of one kind are locked and moved."""

    lock: Lock
    life: Lifecycle[Any]
    fire: Fire


async def _project(conn: Connection, record_id: UUID) -> Any:
    return await lock_project(conn, record_id, viewer_id=None)


async def _engagement(conn: Connection, record_id: UUID) -> Any:
    return await lock_engagement(conn, record_id, viewer_id=None, sees_all=True)


async def _milestone(conn: Connection, record_id: UUID) -> Any:
    return await lock_milestone(conn, record_id, viewer_id=None, sees_all=True)


async def _dispute(conn: Connection, record_id: UUID) -> Any:
    return await lock_dispute(conn, record_id, viewer_id=None, sees_all=True)


async def _credential(conn: Connection, record_id: UUID) -> Any:
    return await lock_credential(conn, record_id, viewer_id=None, sees_all=True)


KINDS: Mapping[str, Kind] = {
    "project": Kind(_project, project_moves.LIFE, project_moves.fire),
    "application": Kind(lock_any_application, application_moves.LIFE, application_moves.fire),
    "engagement": Kind(_engagement, engagement_moves.LIFE, engagement_moves.fire),
    "milestone": Kind(_milestone, milestone_moves.LIFE, milestone_moves.fire),
    "payment": Kind(lock_payment, payment_moves.LIFE, payment_moves.fire),
    "dispute": Kind(_dispute, dispute_moves.LIFE, dispute_moves.fire),
    "credential": Kind(_credential, credential_moves.LIFE, credential_moves.fire),
}


# Where silence leads on, so that a record without a clock would wait for ever.
WAITING = sorted(
    {
        (record, timer.state)
        for record, machine in MACHINES.items()
        for timer in machine.timers
        if timer.to
    }
)


async def fire(conn: Connection, timer: DueTimer) -> bool:
    """Return whether it rang: not when a command was first, or when its time now stands still."""
    origin = Origin(
        correlation_id=timer.correlation_id,
        actor_kind="timer",
        tenant=timer.tenant,
        ahead=current().ahead,
    )
    with within(origin):
        async with conn.transaction():
            return await _fire(conn, timer)


async def _fire(conn: Connection, timer: DueTimer) -> bool:
    kind = KINDS[timer.record]
    record = await kind.lock(conn, timer.record_id)
    if record is None or record.state != timer.state:
        await queries.take_timer(conn, timer.id)
        return False
    if await _stands_still(conn, timer) or not await queries.take_timer(conn, timer.id):
        return False
    if timer.clock.is_reminder:
        await kind.life.remind(conn, record, timer)
        await kind.life.remind_again(conn, timer)
    else:
        await kind.fire(conn, record, timer.name)
    return True


async def _stands_still(conn: Connection, timer: DueTimer) -> bool:
    """A freeze may have been declared while this clock was being started."""
    pace = await queries.select_pace(
        conn,
        applicant_id=timer.clock.applicant_id,
        organization_id=timer.clock.organization_id,
        since=timer.clock.starts_at,
    )
    frozen, now = pace.frozen(timer.clock), clock.now()
    due = max(timer.clock.due_at(frozen), out_of(now, frozen))
    if due <= now:
        return False
    await queries.update_due(conn, timer.id, due_at=due, ends_at=timer.clock.ends_at(frozen))
    return True


async def start_missing_clocks(conn: Connection) -> int:
    """Of records that came into their state before there were timers; return how many."""
    found = await queries.select_clockless(conn, WAITING, SWEEP)
    started = 0
    for record, record_id in found:
        kind = KINDS[record]
        async with conn.transaction():
            shown = await kind.lock(conn, record_id)
            if shown is not None and not shown.timers:
                await kind.life.rearm(conn, shown)
                started += 1
                log.get().warning("clock_started_late", record=record, record_id=str(record_id))
    return started


class Firing:
    """The loops of the timers process."""

    def __init__(self, database: Database, wake: Callable[[], None]) -> None:
        self._database = database
        self._wake = wake
        self._late_seconds = 0.0

    def trouble(self) -> str | None:
        if self._late_seconds > STALE_SECONDS:
            return f"the oldest due timer is {self._late_seconds:.0f} s late"
        return None

    async def run(self, stopping: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._measure(stopping))
            tasks.create_task(self._sweep(stopping))
            while not stopping.is_set():
                if await self._fire_batch() < BATCH:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(stopping.wait(), POLL_SECONDS)

    async def _fire_batch(self) -> int:
        try:
            async with self._database.acquire() as conn:
                due = await queries.claim_due(conn, BATCH)
                due += await queries.claim_due_in_sandboxes(conn, BATCH)
            lanes = [due[lane::AT_ONCE] for lane in range(AT_ONCE)]
            await asyncio.gather(*(self._fire_each(lane) for lane in lanes))
        except Exception as error:
            if not is_away(error):
                raise
            log.get().warning("timers_interrupted", error=type(error).__name__)
            return 0
        return len(due)

    async def _fire_each(self, due: list[DueTimer]) -> None:
        for timer in due:
            async with self._database.acquire() as conn:
                await self._fire_one(conn, timer)

    async def _fire_one(self, conn: Connection, timer: DueTimer) -> None:
        late = (clock.now() + timer.ahead - timer.due_at).total_seconds()
        try:
            with within(Origin(ahead=timer.ahead)), clock.advanced(timer.ahead):
                rang = await fire(conn, timer)
        except Exception as error:
            if is_away(error):
                raise
            # One timer that cannot fire must not hold up the others; its lease brings it back.
            log.get().exception("timer_failed", timer_id=str(timer.id), timer=timer.name)
            timers_fired.labels(timer.record, "failed").inc()
            return
        if rang:
            self._wake()
            timer_lateness.observe(late)
        timers_fired.labels(timer.record, "fired" if rang else "overtaken").inc()

    async def _sweep(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            with suppress(*AWAY):
                async with self._database.acquire() as conn:
                    while await start_missing_clocks(conn) == SWEEP and not stopping.is_set():
                        pass
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), SWEEP_SECONDS)

    async def _measure(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            with suppress(*AWAY):
                async with self._database.acquire() as conn:
                    self._late_seconds = await queries.select_lateness(conn)
                timers_oldest_seconds.set(self._late_seconds)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), MEASURE_SECONDS)
