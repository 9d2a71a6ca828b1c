"""One template database is migrated once. A test that reads and writes gets a connection that is
rolled back; a test that must commit gets a copy of its own."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from shared.database import pool
from shared.database.migrate import ROOMS, migrate
from tests.support.broker import Broker
from tests.support.places import MIGRATIONS, with_database

TEMPLATE = f"sibol_template_{os.getpid()}"


@pytest.fixture(scope="session")
def server_url() -> str:
    url = os.environ.get("SIBOL_TEST_DATABASE_URL")
    if url is None:
        pytest.skip("needs PostgreSQL: run ./sibol test")
    return url


@pytest.fixture(scope="session")
async def template(server_url) -> AsyncIterator[str]:
    admin = await asyncpg.connect(server_url)
    await admin.execute(f'DROP DATABASE IF EXISTS "{TEMPLATE}"')
    await admin.execute(f'CREATE DATABASE "{TEMPLATE}"')
    url = with_database(server_url, TEMPLATE)
    for room in ROOMS:
        await migrate(url, room, MIGRATIONS[room])
    yield url
    await admin.execute(f'DROP DATABASE "{TEMPLATE}" WITH (FORCE)')
    await admin.close()


@pytest.fixture(scope="session")
async def shared_url(server_url, template) -> AsyncIterator[str]:
    """The database of all tests that roll back."""
    async with copied(server_url) as url:
        yield url


@pytest.fixture
async def own_url(server_url, template) -> AsyncIterator[str]:
    """A database for one test."""
    async with copied(server_url) as url:
        yield url


@asynccontextmanager
async def copied(server_url: str) -> AsyncIterator[str]:
    name = f"sibol_test_{uuid.uuid4().hex[:12]}"
    admin = await asyncpg.connect(server_url)
    await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"')
    try:
        yield with_database(server_url, name)
    finally:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await admin.close()


@asynccontextmanager
async def rolled_back(url: str, room: str) -> AsyncIterator[asyncpg.Connection]:
    conn = await asyncpg.connect(url, server_settings=pool.session_settings(room))
    await pool.prepare(conn)
    transaction = conn.transaction()
    await transaction.start()
    try:
        yield conn
    finally:
        await transaction.rollback()
        await conn.close()


@pytest.fixture
async def conn(shared_url):
    """As the gateway."""
    async with rolled_back(shared_url, "gateway") as connection:
        yield connection


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    """A virtual host for one test."""
    async with virtual_host() as found:
        yield found


@asynccontextmanager
async def virtual_host() -> AsyncIterator[Broker]:
    url, api = os.environ.get("SIBOL_TEST_AMQP_URL"), os.environ.get("SIBOL_TEST_AMQP_API")
    if url is None or api is None:
        pytest.skip("needs RabbitMQ: run ./sibol test")
    name = f"test-{uuid.uuid4().hex[:12]}"
    parts = urlsplit(url)
    found = Broker(api, name, urlunsplit(parts._replace(path=f"/{name}")))
    await asyncio.to_thread(found.make)
    try:
        yield found
    finally:
        await asyncio.to_thread(found.drop)
