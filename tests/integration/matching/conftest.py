import os
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

import services
from services.matching.handlers import rarities
from shared.database import Database, connect
from shared.database.migrate import migrate
from tests.integration.matching.support import Room, World

SERVICES = Path(services.__file__).parent
ROOMS = ("gateway", "matching")


@pytest.fixture(scope="session")
async def database_url() -> AsyncIterator[str]:
    server = os.environ.get("SIBOL_TEST_DATABASE_URL")
    if not server:
        pytest.skip("SIBOL_TEST_DATABASE_URL names no PostgreSQL server.")
    name = f"matching_{uuid4().hex[:12]}"
    conn = await asyncpg.connect(server)
    await conn.execute(f'CREATE DATABASE "{name}"')
    url = urlsplit(server)._replace(path=f"/{name}").geturl()
    for room in ROOMS:
        await migrate(url, room, SERVICES / room / "migrations")
    yield url
    await conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await conn.close()


@pytest.fixture(scope="session")
async def pools(database_url) -> AsyncIterator[dict[str, Database]]:
    async with (
        connect(database_url, "gateway", connections=2) as gateway,
        connect(database_url, "matching") as matching,
    ):
        yield {"gateway": gateway, "matching": matching}


@pytest.fixture
async def matching(pools) -> AsyncIterator[Database]:
    rarities.forget()
    yield pools["matching"]
    for table in ("matches", "people", "projects", "outbox", "events"):
        await pools["matching"].execute(f"DELETE FROM {table}")
    for table in ("project_skills", "projects", "members", "organizations", "people"):
        await pools["gateway"].execute(f"DELETE FROM {table}")


@pytest.fixture
def gateway(pools) -> Database:
    return pools["gateway"]


@pytest.fixture
def world(gateway) -> World:
    return World(gateway)


@pytest.fixture
def room(matching, gateway) -> Room:
    return Room(matching, gateway)
