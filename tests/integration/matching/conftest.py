from collections.abc import AsyncIterator

import pytest

from services.matching.handlers import rarities
from shared.database import Database, connect
from tests.integration.matching.support import Room, World


@pytest.fixture
async def gateway(own_url) -> AsyncIterator[Database]:
    async with connect(own_url, "gateway", connections=2) as database:
        yield database


@pytest.fixture
async def matching(own_url) -> AsyncIterator[Database]:
    rarities.forget()
    async with connect(own_url, "matching", connections=2) as database:
        yield database


@pytest.fixture
def world(gateway) -> World:
    return World(gateway)


@pytest.fixture
def room(matching, gateway) -> Room:
    return Room(matching, gateway)
