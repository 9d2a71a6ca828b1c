import asyncio
import signal
import sys
from functools import partial
from pathlib import Path

from aiohttp import web

from services.gateway.accounts.queries import add_duty
from services.gateway.app import create_app
from services.gateway.firing import Firing, start_missing_clocks
from services.gateway.handlers import SUBSCRIPTIONS
from services.gateway.payments import paying
from services.gateway.purging import PURGES
from services.gateway.replaying import PROJECTION
from services.gateway.serving import (
    WAITING_CONNECTIONS,
    listening,
    runner_of,
)
from services.gateway.settings import Settings
from shared import log, tracing
from shared.database import Database, connect
from shared.health import Health
from shared.messaging import Relay
from shared.messaging.progress import watch_every_room
from shared.messaging.replaying import replay_room
from shared.worker import Loop, housekeeping, prepare_room, run_beside, start

USAGE = "python -m services.gateway [timers | migrate | replay | appoint EMAIL moderator|operator|school]"
MIGRATIONS = Path(__file__).parent / "migrations"


async def serve(settings: Settings) -> None:
    log.configure("gateway", style=settings.log)
    tracing.configure("gateway")
    runner = runner_of(create_app(settings), settings)
    await runner.setup()
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    await web.SockSite(runner, listening(settings), backlog=WAITING_CONNECTIONS).start()
    log.get().info("room_started", port=settings.http_port)
    await stopping.wait()
    await runner.cleanup()
    tracing.shutdown()
    log.get().info("room_stopped")


def timer_loops(settings: Settings, database: Database, relay: Relay, state: Health) -> list[Loop]:
    firing = Firing(database, relay.wake)
    state.add_now("timers", firing.trouble)
    state.add("payments", partial(paying.trouble, database))

    async def pay(stopping: asyncio.Event) -> None:
        await paying.run(stopping, database, relay.wake)

    checks = [("clocks", start_missing_clocks)]
    return [
        firing.run,
        pay,
        partial(watch_every_room, database=database),
        *housekeeping(settings, database, "gateway", purges=PURGES, checks=checks),
    ]


async def appoint(settings: Settings, email: str, duty: str) -> None:
    async with connect(settings.database_url, "gateway") as database, database.acquire() as conn:
        found = await add_duty(conn, email=email, duty=duty)
    if not found:
        raise SystemExit("Nobody has signed up with this address.")


def main() -> None:
    settings = Settings.load()
    match sys.argv[1:]:
        case []:
            start(serve(settings))
        case ["timers"]:
            start(run_beside(settings, "gateway", "timers", partial(timer_loops, settings)))
        case ["migrate"]:
            start(prepare_room(settings, "gateway", MIGRATIONS, SUBSCRIPTIONS))
        case ["replay", *options]:
            start(replay_room(settings, "gateway", PROJECTION, options))
        case ["appoint", email, ("moderator" | "operator" | "school") as duty]:
            start(appoint(settings, email, duty))
        case _:
            raise SystemExit(USAGE)


main()
