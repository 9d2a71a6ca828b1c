import socket
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from aiosmtpd.controller import Controller

from services.notifications.settings import Settings
from shared import clock
from shared.database import Database, connect
from shared.events.base import Envelope, Event
from tests.integration.notifications.support import Office, Sink, World


@pytest.fixture
async def database(own_url) -> AsyncIterator[Database]:
    """As this room."""
    async with connect(own_url, "notifications") as pool:
        yield pool


@pytest.fixture
async def gateway(own_url) -> AsyncIterator[Database]:
    async with connect(own_url, "gateway", connections=1) as pool:
        yield pool


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
def settings(own_url, port) -> Settings:
    return Settings.model_validate(
        {
            "database_url": own_url,
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

    def received(event: Event, actor: str = "system", tenant: str = "ph") -> Event:
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
                tenant=tenant,
            )
        )

    return received
