"""The real gateway on a loopback port: `gateway` with a broker and all that runs beside it, `still`
without, so that nothing moves but what a test moves."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import asyncpg
import pytest

from services.gateway.firing import Firing
from services.gateway.payments import paying
from services.gateway.settings import Settings
from shared.database import connect
from tests.conftest import copied
from tests.integration.gateway.support import PROVIDER_SECRET, Gateway, serving
from tests.support.broker import Broker
from tests.support.engine import an_engine

NOWHERE = "amqp://guest:guest@127.0.0.1:9/"


@asynccontextmanager
async def a_gateway(
    database_url: str, amqp_url: str, files: Path, **changes
) -> AsyncIterator[Gateway]:
    settings = Settings(
        database_url=database_url,
        amqp_url=amqp_url,
        files_url=files.as_uri(),
        http_port=0,
        **{"provider_secret": PROVIDER_SECRET, **changes},
    )
    # The cookies of one person must not travel with the requests of another.
    async with (
        aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=5),
        ) as session,
        asyncpg.create_pool(database_url, min_size=1, max_size=4) as database,
        serving(settings) as (runner, base),
    ):
        yield Gateway(runner, base, session, database, database_url, files)


@asynccontextmanager
async def a_broker() -> AsyncIterator[Broker]:
    """A virtual host with the rooms' queues, so that no event is unroutable."""
    url, api = os.environ.get("SIBOL_TEST_AMQP_URL"), os.environ.get("SIBOL_TEST_AMQP_API")
    if url is None or api is None:
        pytest.skip("needs RabbitMQ: run ./sibol test")
    name = f"test-{uuid.uuid4().hex[:12]}"
    found = Broker(api, name, urlunsplit(urlsplit(url)._replace(path=f"/{name}")))
    await asyncio.to_thread(found.make)
    try:
        yield found
    finally:
        await asyncio.to_thread(found.drop)


@pytest.fixture(scope="session")
async def gateway(server_url, template, tmp_path_factory) -> AsyncIterator[Gateway]:
    files = tmp_path_factory.mktemp("files")
    async with (
        copied(server_url) as url,
        a_broker() as broker,
        a_gateway(url, broker.url, files) as found,
        timers_of(url),
    ):
        await found.ready()
        yield found


@asynccontextmanager
async def timers_of(database_url: str) -> AsyncIterator[None]:
    """What the timers process runs; the gateway's own relay says what they write."""
    stopping = asyncio.Event()
    async with (
        connect(database_url, "gateway", connections=4) as database,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(Firing(database, nothing).run(stopping))
        tasks.create_task(paying.run(stopping, database, nothing))
        yield
        stopping.set()


def nothing() -> None:
    pass


@pytest.fixture(scope="session")
async def still(server_url, template, tmp_path_factory) -> AsyncIterator[Gateway]:
    async with a_still_gateway(server_url, tmp_path_factory.mktemp("files")) as found:
        yield found


@pytest.fixture
async def alone(server_url, template, tmp_path) -> AsyncIterator[Gateway]:
    """A still one for one test, whose database holds nothing of the others."""
    async with a_still_gateway(server_url, tmp_path) as found:
        yield found


@asynccontextmanager
async def a_still_gateway(server_url: str, files: Path) -> AsyncIterator[Gateway]:
    async with (
        copied(server_url) as url,
        an_engine(url) as engine,
        a_gateway(url, NOWHERE, files) as found,
    ):
        found.engine = engine
        yield found
