"""The gateway under test, and the ways to look at what it wrote."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from aiohttp import web
from limits import RateLimitItem

from services.gateway.app import create_app
from services.gateway.http import RATES
from services.gateway.limits import SIGN_IN, Rates
from services.gateway.serving import WAITING_CONNECTIONS, listening, runner_of
from services.gateway.settings import Settings
from tests.support.api import Api, eventually
from tests.support.engine import Engine

PROVIDER_SECRET = "isang lihim"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'gateway' ORDER BY 1"
# What the relay and the consumer of a running gateway change by themselves.
MOVING = {"outbox", "inbox"}


class Unhurried(Rates):
    """A test asks as often as many people do; only signing in is counted."""

    async def check(self, rate: RateLimitItem, who: str) -> None:
        if rate is SIGN_IN:
            await super().check(rate, who)


@dataclass
class Gateway:
    runner: web.AppRunner
    base: str
    session: aiohttp.ClientSession
    database: asyncpg.Pool
    database_url: str
    files: Path
    engine: Engine | None = None

    @property
    def api(self) -> Api:
        return Api(self.session, self.base, settle=self.engine.hold if self.engine else None)

    @property
    def room(self) -> asyncpg.Pool:
        """Connections such as the gateway's own."""
        assert self.engine is not None
        return self.engine.gateway

    @property
    def port(self) -> int:
        return int(self.base.rpartition(":")[2])

    async def ready(self) -> None:
        await eventually(lambda: self.api.get("/readyz"), lambda found: found["status"] == "ready")

    async def joined(self, name: str = "Ana Reyes", *, duty: str | None = None) -> Api:
        person = await self.api.joined(name)
        if duty:
            await self.database.execute(
                "UPDATE gateway.people SET duties = ARRAY[$2] WHERE id = $1",
                person.person["id"],
                duty,
            )
        return person

    async def counts(self) -> dict[str, int]:
        """Rows of every table of the gateway."""
        names = [row["tablename"] for row in await self.database.fetch(TABLES)]
        parts = [f"(SELECT count(*) FROM gateway.{name}) AS {name}" for name in names]
        row = await self.database.fetchrow(f"SELECT {', '.join(parts)}")
        return {name: row[name] for name in names if name not in MOVING}

    async def asked(self, method: str, path: str, **options: Any) -> tuple[int, Any, Any]:
        """Status, headers and the JSON answer, of a request made by hand."""
        async with self.session.request(method, self.base + path, **options) as response:
            text = await response.read()
            kind = response.content_type
            body = await response.json(content_type=None) if text and "json" in kind else text
            return response.status, response.headers, body


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[tuple[web.AppRunner, str]]:
    """In a task of its own: the task that starts an application must be the one that ends it."""
    app = create_app(settings)
    app[RATES] = Unhurried()
    runner = runner_of(app, settings)
    started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stopping = asyncio.Event()

    async def run() -> None:
        try:
            await runner.setup()
            site = web.SockSite(runner, listening(settings), backlog=WAITING_CONNECTIONS)
            await site.start()
            port = runner.addresses[0][1]
            started.set_result(f"http://127.0.0.1:{port}")
            await stopping.wait()
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)
        finally:
            await runner.cleanup()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run())
        try:
            yield runner, await started
        finally:
            stopping.set()
