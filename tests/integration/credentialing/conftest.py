from collections.abc import AsyncIterator

import pytest

from services.credentialing.document import Issuer
from services.credentialing.keys import KeyRing, open_keyring
from shared import clock
from shared.database import Database, connect
from tests.integration.credentialing.support import Room, World


@pytest.fixture
def issuer() -> Issuer:
    return Issuer(did="did:web:sibol.example", name="Sibol", url="https://sibol.example")


@pytest.fixture(scope="session")
def keyring(tmp_path_factory) -> KeyRing:
    keys = tmp_path_factory.mktemp("keys")
    return open_keyring(keys, did="did:web:sibol.example", now=clock.now())


@pytest.fixture
async def database(own_url) -> AsyncIterator[Database]:
    """As this room."""
    async with connect(own_url, "credentialing", connections=4) as pool:
        yield pool


@pytest.fixture
async def world(own_url) -> AsyncIterator[World]:
    async with connect(own_url, "gateway", connections=1) as pool:
        yield World(pool)


@pytest.fixture
def room(database, issuer, keyring) -> Room:
    return Room(database, issuer, keyring)
