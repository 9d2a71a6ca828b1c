"""Run loops together until SIGTERM. A loop that dies ends the process: crash-only."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop

from shared import health, log, open_files
from shared.database import Database, connect
from shared.database.migrate import migrate
from shared.messaging import Consumer, Relay, Subscription
from shared.messaging.topology import declare_room, open_connection
from shared.settings import RoomSettings

Loop = Callable[[asyncio.Event], Awaitable[None]]
MakeLoops = Callable[[Database, Relay], Iterable[Loop]]
DRAIN_SECONDS = 10


async def run_until_stopped(*loops: Loop) -> None:
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_whole(loop, stopping)) for loop in loops]
        tasks.create_task(_end_late(running, stopping))


async def _whole(loop: Loop, stopping: asyncio.Event) -> None:
    await loop(stopping)
    stopping.set()


async def _end_late(running: Iterable[asyncio.Task[None]], stopping: asyncio.Event) -> None:
    await stopping.wait()
    _, late = await asyncio.wait(running, timeout=DRAIN_SECONDS)
    for task in late:
        task.cancel()


@asynccontextmanager
async def _room(
    settings: RoomSettings, room: str
) -> AsyncIterator[tuple[Database, Relay, health.Health]]:
    async with connect(
        settings.database_url, room, connections=settings.database_connections
    ) as database:
        yield database, Relay(database, settings.amqp_url, room), health.Health()


def add_checks(state: health.Health, database: Database, relay: Relay, consumer: Consumer) -> None:
    """What every room must be able to do to be ready."""
    _add_outbox_checks(state, database, relay)
    state.add_now("consumer", consumer.trouble)


def _add_outbox_checks(state: health.Health, database: Database, relay: Relay) -> None:
    async def database_trouble() -> str | None:
        return None if await database.fetchval("SELECT 1") == 1 else "wrong answer"

    state.add("database", database_trouble)
    state.add_now("outbox", relay.trouble)


async def run_room(
    settings: RoomSettings,
    room: str,
    subscriptions: Iterable[Subscription],
    make_loops: MakeLoops = lambda _database, _relay: (),
) -> None:
    """A consumer room: hear events, publish one's own, and run its further loops."""
    log.configure(room, style=settings.log)
    async with _room(settings, room) as (database, relay, state):
        consumer = Consumer(
            room, subscriptions, database, settings.amqp_url, after_commit=relay.wake
        )
        add_checks(state, database, relay, consumer)
        log.get().info("room_started")
        await run_until_stopped(
            consumer.run, relay.run, _probes(settings, state), *make_loops(database, relay)
        )
    log.get().info("room_stopped")


async def run_beside(
    settings: RoomSettings,
    room: str,
    name: str,
    make_loops: Callable[[Database, Relay, health.Health], Iterable[Loop]],
) -> None:
    """A further process of a room, called `name`: it hears nothing, but publishes what it says."""
    log.configure(name, style=settings.log)
    async with _room(settings, room) as (database, relay, state):
        _add_outbox_checks(state, database, relay)
        log.get().info("room_started")
        loops = make_loops(database, relay, state)
        await run_until_stopped(relay.run, _probes(settings, state), *loops)
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
    connection = await open_connection(settings.amqp_url, f"sibol-{room}-migrate")
    async with connection:
        channel = await connection.channel()
        await declare_room(channel, room, {item.event.name for item in subscriptions})


def start(main: Coroutine[Any, Any, None]) -> None:
    open_files.allow_many()
    uvloop.run(main)
