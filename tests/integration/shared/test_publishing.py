"""A batch in one write to the socket, and the ordinary way that stands in for it."""

import asyncio
import json
from dataclasses import replace
from types import SimpleNamespace
from uuid import uuid4

import pytest

from shared import clock
from shared.events.base import Envelope
from shared.events.projects import ProjectOpened
from shared.ids import new_id
from shared.messaging import batching
from shared.messaging.cloud import Outgoing
from shared.messaging.outbox import publish
from shared.messaging.topology import declare_exchanges, declare_room, open_connection, queue_of

ROOM = "matching"


def outgoing(name=ProjectOpened.name, size=0):
    envelope = Envelope(
        id=new_id(),
        name=name,
        source="/sibol/gateway",
        subject=new_id(),
        sequence=1,
        time=clock.now(),
        correlation_id=new_id(),
        causation_id=None,
        actor_kind="person",
        tenant="ph",
    )
    data = {"project_id": str(envelope.subject), "organization_id": str(uuid4()), "state": "open"}
    return Outgoing(envelope, json.dumps(data | {"more": "x" * size}).encode())


@pytest.fixture
async def line(broker):
    connection = await open_connection(broker.url, "test")
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await declare_exchanges(channel)
        queue = await declare_room(channel, ROOM, [ProjectOpened.name])
        underlay = await channel.get_underlay_channel()
        yield SimpleNamespace(
            exchange=exchange, underlay=underlay, queue=queue, connection=connection
        )


def test_the_pinned_aiormq_has_what_the_batch_write_needs(line):
    assert batching.fits(line.underlay)
    assert not batching.fits(object())


@pytest.mark.parametrize("together", [True, False], ids=["together", "one by one"])
async def test_a_batch_arrives_whole_and_in_order(line, together):
    batch = [outgoing(size=size) for size in (0, 10, 300_000, 0)] + [outgoing() for _ in range(200)]

    failures = await publish(line.exchange, line.underlay if together else object(), batch)

    assert failures == {}
    for item in batch:
        message = await line.queue.get(no_ack=True, timeout=5)
        assert message.message_id == str(item.envelope.id)
        assert message.body == item.body


@pytest.mark.parametrize("together", [True, False], ids=["together", "one by one"])
async def test_what_can_be_routed_nowhere_fails_alone(line, broker, together):
    connection = await open_connection(broker.url, "test")
    async with connection:
        channel = await connection.channel()
        # Without a queue behind it, even the alternate exchange routes nowhere.
        await channel.queue_delete("sibol.unrouted")
    batch = [outgoing(), outgoing(name="nobody.hears.v1"), outgoing()]

    failures = await publish(line.exchange, line.underlay if together else object(), batch)

    assert list(failures) == [1]
    assert "PublishError" in type(failures[1]).__name__


async def test_a_connection_that_goes_away_fails_what_was_not_confirmed(line, broker):
    batch = [outgoing() for _ in range(50)]
    sent = await batching.write_together(line.underlay, "sibol.events", batch)

    await line.connection.close()

    done, waits = await asyncio.wait(sent, timeout=5)
    assert not waits
    assert {each.exception() is None for each in done} <= {True, False}


async def test_the_next_batch_is_confirmed_too(line):
    for _ in range(3):
        batch = [replace(outgoing()) for _ in range(20)]
        assert await publish(line.exchange, line.underlay, batch) == {}

    assert await _count(line, queue_of(ROOM)) == 60


async def _count(line, name):
    channel = await line.connection.channel()
    found = await channel.declare_queue(name, passive=True)
    return found.declaration_result.message_count
