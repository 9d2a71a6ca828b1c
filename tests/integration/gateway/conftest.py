"""The real gateway on a loopback port: `gateway` with a broker, `still` without one, so that nothing
moves but what a test moves."""

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

from services.gateway.settings import Settings
from tests.conftest import copied
from tests.integration.gateway.support import Gateway, serving
from tests.support.broker import Broker

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
        **changes,
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
    ):
        await found.ready()
        yield found


@pytest.fixture(scope="session")
async def still(server_url, template, tmp_path_factory) -> AsyncIterator[Gateway]:
    files = tmp_path_factory.mktemp("files")
    async with copied(server_url) as url, a_gateway(url, NOWHERE, files) as found:
        yield found
