import asyncio
import signal
import sys
from pathlib import Path

from aiohttp import web

from services.gateway.accounts.queries import add_duty
from services.gateway.app import create_app
from services.gateway.handlers import SUBSCRIPTIONS
from services.gateway.serving import (
    WAITING_CONNECTIONS,
    listening,
    runner_of,
)
from services.gateway.settings import Settings
from shared import log
from shared.database import connect
from shared.worker import prepare_room, start

USAGE = "python -m services.gateway [migrate | appoint EMAIL moderator|operator|school]"
MIGRATIONS = Path(__file__).parent / "migrations"


async def serve(settings: Settings) -> None:
    log.configure("gateway", style=settings.log)
    runner = runner_of(create_app(settings), settings)
    await runner.setup()
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    await web.SockSite(runner, listening(settings), backlog=WAITING_CONNECTIONS).start()
    log.get().info("room_started", port=settings.http_port)
    await stopping.wait()
    await runner.cleanup()
    log.get().info("room_stopped")


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
        case ["migrate"]:
            start(prepare_room(settings, "gateway", MIGRATIONS, SUBSCRIPTIONS))
        case ["appoint", email, ("moderator" | "operator" | "school") as duty]:
            start(appoint(settings, email, duty))
        case _:
            raise SystemExit(USAGE)


main()
