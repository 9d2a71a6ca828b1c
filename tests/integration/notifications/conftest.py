import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from aiosmtpd.controller import Controller

import services
from services.notifications.settings import Settings
from shared import clock
from shared.database import Database, connect
from shared.database.migrate import migrate
from shared.events.base import Envelope, Event
from tests.integration.notifications.support import Office, Sink, World

SERVICES = Path(services.__file__).parent
ROOMS = ("gateway", "notifications")


@pytest.fixture(scope="session")
async def database_url() -> AsyncIterator[str]:
    server = os.environ.get("SIBOL_TEST_DATABASE_URL")
    if not server:
        pytest.skip("SIBOL_TEST_DATABASE_URL names no PostgreSQL server.")
    name = f"notifications_{uuid4().hex[:12]}"
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
        connect(database_url, "notifications") as notifications,
    ):
        yield {"gateway": gateway, "notifications": notifications}


@pytest.fixture
async def database(pools) -> AsyncIterator[Database]:
    yield pools["notifications"]
    await pools["notifications"].execute("DELETE FROM deliveries; DELETE FROM notices")
    await pools["notifications"].execute("DELETE FROM outbox; DELETE FROM events")


@pytest.fixture
def gateway(pools) -> Database:
    return pools["gateway"]


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def mail_server(port):
    """Start it with a sink; it stops with the test."""
    running = []

    def start(sink: Sink) -> Sink:
        controller = Controller(sink, hostname="127.0.0.1", port=port)
        controller.start()
        running.append(controller)
        return sink

    yield start
    for controller in running:
        controller.stop()


@pytest.fixture
def sink(mail_server) -> Sink:
    return mail_server(Sink())


@pytest.fixture
def settings(database_url, port) -> Settings:
    return Settings.model_validate(
        {
            "database_url": database_url,
            "amqp_url": "amqp://127.0.0.1:1",
            "smtp_url": f"smtp://127.0.0.1:{port}",
        }
    )


@pytest.fixture
def office(database, settings) -> Office:
    return Office(database, settings)


@pytest.fixture
def world(gateway) -> World:
    return World(gateway)


@pytest.fixture
def heard():
    """An event as it comes from the queue."""

    def received(event: Event, actor: str = "system") -> Event:
        return event.received(
            Envelope(
                id=uuid4(),
                name=event.name,
                source="/sibol/gateway",
                subject=event.subject,
                sequence=1,
                time=clock.now(),
                correlation_id=uuid4(),
                causation_id=None,
                actor_kind=actor,
                tenant="ph",
            )
        )

    return received
