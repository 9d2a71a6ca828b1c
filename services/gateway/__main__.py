import asyncio
import signal
import sys
from pathlib import Path

from aiohttp import web

from services.gateway.app import create_app
from services.gateway.handlers import SUBSCRIPTIONS
from services.gateway.serving import WAITING_CONNECTIONS, listening, runner_of
from services.gateway.settings import Settings
from shared import log
from shared.worker import prepare_room, start

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


def main() -> None:
    settings = Settings.load()
    if sys.argv[1:] == ["migrate"]:
        start(prepare_room(settings, "gateway", MIGRATIONS, SUBSCRIPTIONS))
    else:
        start(serve(settings))


main()
