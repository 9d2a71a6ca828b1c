"""Run loops together until SIGTERM. A loop that dies ends the process: crash-only."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop

from shared import crashing, health, log, open_files, tracing
from shared.database import Database, connect
from shared.database.migrate import migrate
from shared.database.purging import Purge, Purging
from shared.messaging import Consumer, Relay, Subscription, setbacks
from shared.messaging.progress import Progress
from shared.messaging.reconciling import Check, Reconciling
from shared.messaging.topology import declare_room, make_again_if_empty, open_connection
from shared.settings import RoomSettings

Loop = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
MakeLoops = Callable[[Database, Relay], Iterable[Loop]]
# What is cancelled then still gives back what it holds; all within ten seconds.
DRAIN_SECONDS = 7


async def run_until_stopped(*loops: Loop) -> None:
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_whole(loop, stopping)) for loop in loops]
        tasks.create_task(end_late(running, stopping, DRAIN_SECONDS))


async def _whole(loop: Loop, stopping: asyncio.Event) -> None:
    await loop(stopping)
    stopping.set()


async def end_late(
    running: Iterable[asyncio.Task[None]], stopping: asyncio.Event, seconds: float
) -> None:
    await stopping.wait()
    _, late = await asyncio.wait(running, timeout=seconds)
    for task in late:
        task.cancel()


@asynccontextmanager
async def _room(
    settings: RoomSettings, room: str
) -> AsyncIterator[tuple[Database, Relay, health.Health]]:
    crashing.choose(settings.crash_at)
    async with connect(
        settings.database_url, room, connections=settings.database_connections
    ) as database:
        yield database, Relay(database, settings.amqp_url, room), health.Health()


def add_checks(
    state: health.Health, database: Database, relay: Relay, *, needs_broker: bool = True
) -> None:
    """Who answers people is ready without a broker too: what they do waits in the outbox."""

    async def database_trouble() -> str | None:
        return None if await database.fetchval("SELECT 1") == 1 else "wrong answer"

    state.add("database", database_trouble)
    state.add_now("outbox", relay.trouble, vital=needs_broker)


def hearing(
    state: health.Health, database: Database, consumer: Consumer, room: str, *, vital: bool = True
) -> list[Loop]:
    """The loops of a process that hears events, and what it must be able to do to be ready."""
    progress = Progress(database, room)
    state.add_now("consumer", consumer.trouble, vital=vital)
    state.add_now("progress", progress.trouble, vital=vital)
    return [consumer.run, progress.run]


def housekeeping(
    settings: RoomSettings,
    database: Database,
    room: str,
    *,
    purges: Iterable[Purge] = (),
    checks: Iterable[Check] = (),
) -> list[Loop]:
    """What one process of a room does for all of them: find what was lost, remove what is over."""
    return [
        Reconciling(database, settings.amqp_url, room, checks).run,
        Purging(database, room, purges).run,
    ]


async def run_room(
    settings: RoomSettings,
    room: str,
    subscriptions: Iterable[Subscription],
    make_loops: MakeLoops = lambda _database, _relay: (),
    *,
    purges: Iterable[Purge] = (),
) -> None:
    """A consumer room: hear events, publish one's own, and run its further loops."""
    log.configure(room, style=settings.log)
    tracing.configure(room)
    async with _room(settings, room) as (database, relay, state):
        consumer = Consumer(
            room, subscriptions, database, settings.amqp_url, after_commit=relay.wake
        )
        add_checks(state, database, relay)
        log.get().info("room_started")
        await run_until_stopped(
            relay.run,
            _probes(settings, state),
            *hearing(state, database, consumer, room),
            *housekeeping(settings, database, room, purges=purges),
            *make_loops(database, relay),
        )
    tracing.shutdown()
    log.get().info("room_stopped")


async def run_beside(
    settings: RoomSettings,
    room: str,
    name: str,
    make_loops: Callable[[Database, Relay, health.Health], Iterable[Loop]],
) -> None:
    """A further process of a room, called `name`: it hears nothing, but publishes what it says."""
    log.configure(name, style=settings.log)
    tracing.configure(name)
    async with _room(settings, room) as (database, relay, state):
        add_checks(state, database, relay)
        log.get().info("room_started")
        loops = make_loops(database, relay, state)
        await run_until_stopped(relay.run, _probes(settings, state), *loops)
    tracing.shutdown()
    log.get().info("room_stopped")


def _probes(settings: RoomSettings, state: health.Health) -> Loop:
    async def loop(stopping: asyncio.Event) -> None:
        if settings.health_port is None:
            await stopping.wait()
        else:
            await health.serve(
                stopping, state, host=settings.health_host, port=settings.health_port
            )

    return loop


async def prepare_room(
    settings: RoomSettings, room: str, folder: Path, subscriptions: Iterable[Subscription]
) -> None:
    """The room's schema and its queue, so that nothing said before its first start is lost."""
    log.configure(room, style=settings.log)
    await migrate(settings.database_url, room, folder)
    names = sorted({item.event.name for item in subscriptions})
    connection = await open_connection(settings.amqp_url, f"sibol-{room}-migrate")
    async with connection:
        await make_again_if_empty(connection, room)
        channel = await connection.channel()
        await declare_room(channel, room, names)
    # Only now: what is said from here on reaches the queue.
    async with connect(settings.database_url, room) as database, database.acquire() as conn:
        await setbacks.hear(conn, names)


def start(main: Coroutine[Any, Any, None]) -> None:
    open_files.allow_many()
    uvloop.run(main)
