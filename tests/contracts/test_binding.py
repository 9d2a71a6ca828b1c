"""The bytes that go to the broker are what the `cloudevents` package and pamqp read and write."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import aiormq.connection
import pamqp.frame
import pytest
from aiormq.exceptions import AMQPConnectionError, InvalidFrameError
from cloudevents.core.bindings.rabbitmq import RabbitMQMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from pamqp.body import ContentBody

from shared import clock
from shared.errors import Invalid
from shared.events.base import TYPE_PREFIX, Envelope
from shared.events.people import PersonJoined
from shared.ids import new_id
from shared.messaging import batching
from shared.messaging.cloud import Outgoing, headers_of, read
from shared.messaging.receiving import Receiver
from shared.messaging.topology import open_connection

PERSON = new_id()
BODY = f'{{"person_id": "{PERSON}", "locale": "fil"}}'.encode()
PLAIN = Envelope(
    id=new_id(),
    name=PersonJoined.name,
    source="/sibol/gateway",
    subject=PERSON,
    sequence=7,
    time=clock.now(),
    correlation_id=new_id(),
    causation_id=None,
    actor_kind="person",
    tenant="ph",
)
FULL = replace(
    PLAIN,
    causation_id=new_id(),
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    tenant="sandbox-ñ",
    ahead=timedelta(days=30),
)
CHANNEL = SimpleNamespace(number=3, max_content_size=100)


def frames(data: bytes) -> list:
    found = []
    while data:
        size, number, frame = pamqp.frame.unmarshal(data)
        assert number == CHANNEL.number
        found.append(frame)
        data = data[size:]
    return found


@pytest.mark.parametrize("envelope", [PLAIN, FULL], ids=["plain", "full"])
@pytest.mark.parametrize("body", [BODY, BODY * 5, b"{}"], ids=["small", "in parts", "empty"])
def test_what_is_written_together_reads_as_ordinary_frames(envelope, body):
    publish, header, *parts = frames(
        batching.framed(CHANNEL, "sibol.events", Outgoing(envelope, body))
    )

    assert (publish.exchange, publish.routing_key) == ("sibol.events", envelope.name)
    assert publish.mandatory
    assert b"".join(part.value for part in parts) == body
    assert max(len(part.value) for part in parts) <= CHANNEL.max_content_size
    assert header.body_size == len(body)
    properties = header.properties
    assert properties.headers == headers_of(envelope)
    assert properties.content_type == "application/json"
    assert properties.delivery_mode == 2
    assert properties.message_id == str(envelope.id)
    assert properties.message_type == TYPE_PREFIX + envelope.name
    assert properties.timestamp == envelope.time.replace(microsecond=0)


@pytest.mark.parametrize("envelope", [PLAIN, FULL], ids=["plain", "full"])
def test_the_cloudevents_package_reads_the_same(envelope):
    event = from_binary(
        RabbitMQMessage(headers_of(envelope), "application/json", BODY), JSONFormat()
    )

    assert event.get_id() == str(envelope.id)
    assert event.get_time() == envelope.time
    assert event.get_extension("sequence") == str(envelope.sequence)
    assert event.get_data() == {"person_id": str(PERSON), "locale": "fil"}


@pytest.mark.parametrize("envelope", [PLAIN, FULL], ids=["plain", "full"])
def test_what_is_written_is_read_again(envelope):
    event = read(headers_of(envelope), BODY)

    assert event.envelope == envelope


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce-id", "no id"),
        ("ce-id", None),
        ("ce-type", "ph.sibol.nothing.v1"),
        ("ce-time", "yesterday"),
        ("ce-time", "2026-01-01T00:00:00"),
        ("ce-sequence", "many"),
        ("ce-sequence", 7),
        ("ce-correlationid", ""),
        ("ce-clockahead", "1" * 400),
    ],
)
def test_what_can_never_be_read_is_refused_in_words(name, value):
    with pytest.raises(Invalid):
        read({**headers_of(PLAIN), name: value}, BODY)


async def received(data: bytes) -> list:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    receiver = Receiver(reader)
    return [frame async for _, _, frame in receiver]


async def test_frames_are_read_as_pamqp_reads_them():
    data = b"".join(
        batching.framed(CHANNEL, "sibol.events", Outgoing(each, BODY)) for each in (PLAIN, FULL)
    )

    found = await received(data)

    assert [type(frame) for frame in found] == [type(frame) for frame in frames(data)]
    assert [frame.value for frame in found if isinstance(frame, ContentBody)] == [BODY, BODY]
    assert found[1].properties.headers == headers_of(PLAIN)


async def test_a_broken_frame_and_a_lost_connection_are_told_apart():
    whole = batching.framed(CHANNEL, "sibol.events", Outgoing(PLAIN, BODY))

    with pytest.raises(InvalidFrameError):
        await received(whole[:-1] + b"\x00")
    with pytest.raises(AMQPConnectionError):
        await received(whole[:-5])


async def test_every_connection_reads_so(broker):
    connection = await open_connection(broker.url, "test")
    async with connection:
        assert aiormq.connection.FrameReceiver is Receiver
