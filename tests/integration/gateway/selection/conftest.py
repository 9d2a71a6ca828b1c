import pytest

from shared.database import pool
from tests.integration.gateway.selection.support import Choosing
from tests.support.api import Life


@pytest.fixture(scope="session")
async def database(still):
    async with pool.connect(still.database_url, "gateway", connections=4) as found:
        yield found


@pytest.fixture
async def choosing(still, database) -> Choosing:
    """A posting with one seat and nobody yet."""
    found = Choosing(still, database, await Life.between(still.api))
    await found.post(seats=1)
    return found
