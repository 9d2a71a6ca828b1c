"""What is put into a room's queue past everybody: poison, second copies, another order."""

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import aio_pika
import asyncpg
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from shared.database.migrate import ROOMS
from shared.events.base import TYPE_PREFIX, Envelope
from shared.ids import new_id
from shared.messaging.cloud import CONTENT_TYPE, headers_of
from shared.messaging.topology import queue_of

SUBMITTED = "application.submitted.v1"
PUBLISH_SECONDS = 10
DEEP = 5_000
HUGE = 1024 * 1024
POISON: Mapping[str, bytes] = {
    "bad-utf8": b'{"application_id": "\xff\xfe"}',
    "bad-json": b'{"application_id": ',
    "wrong-types": b'{"application_id": 5, "project_id": []}',
    "deep": b"[" * DEEP + b"]" * DEEP,
    "huge": b'"' + b"a" * HUGE + b'"',
    "unknown-event": b"{}",
    "no-event": b"Magandang umaga",
}


def an_envelope(name: str, correlation_id: UUID) -> Envelope:
    return Envelope(
        id=new_id(),
        name=name,
        source="/sibol/gateway",
        subject=new_id(),
        sequence=1,
        time=datetime.now(UTC),
        correlation_id=correlation_id,
        causation_id=None,
        actor_kind="person",
        tenant="ph",
    )


def to_message(envelope: Envelope, body: bytes) -> aio_pika.Message:
    return aio_pika.Message(
        body,
        headers=dict(headers_of(envelope)),
        content_type=CONTENT_TYPE,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=str(envelope.id),
        timestamp=envelope.time,
        type=TYPE_PREFIX + envelope.name,
    )


def an_application(correlation_id: UUID) -> aio_pika.Message:
    """Of a record that never was, marked for the handler."""
    envelope = an_envelope(SUBMITTED, correlation_id)
    ids = ("project_id", "organization_id", "applicant_id")
    data: dict[str, Any] = {name: str(new_id()) for name in ids}
    data |= {"application_id": str(envelope.subject), "state": "submitted", "reason": None}
    return to_message(envelope, json.dumps(data).encode())


def poison(kind: str) -> aio_pika.Message:
    name = "nothing.happened.v9" if kind == "unknown-event" else SUBMITTED
    message = to_message(an_envelope(name, new_id()), POISON[kind])
    message.message_id = f"poison-{kind}-{new_id().hex[-8:]}"
    if kind == "no-event":
        message.headers = {}
    return message


async def publish(channel: AbstractChannel, room: str, message: aio_pika.Message) -> None:
    exchange = channel.default_exchange
    await exchange.publish(message, queue_of(room), mandatory=True, timeout=PUBLISH_SECONDS)


async def second_copies(
    conn: asyncpg.Connection, channel: AbstractChannel, room: str, names: frozenset[str], count: int
) -> int:
    """Of the newest events that the room hears, whether or not it has handled them."""
    rows = [
        (source, row)
        for source in ROOMS
        for row in await conn.fetch(
            f"""SELECT *, data::text AS text FROM {source}.events WHERE name = ANY($1)
                 ORDER BY occurred_at DESC LIMIT $2""",
            list(names),
            count,
        )
    ]
    for source, row in rows:
        await publish(channel, room, to_message(_envelope(source, row), row["text"].encode()))
    return len(rows)


async def shuffle(
    channel: AbstractChannel, room: str, dice: random.Random, *, most: int = 60
) -> int:
    """Take what waits, and put it back in another order."""
    queue = await channel.get_queue(queue_of(room), ensure=False)
    taken: list[AbstractIncomingMessage] = []
    while len(taken) < most:
        message = await queue.get(fail=False, timeout=PUBLISH_SECONDS)
        if message is None:
            break
        taken.append(message)
    dice.shuffle(taken)
    for message in taken:
        await publish(channel, room, _copy(message))
        await message.ack()
    return len(taken)


def _copy(message: AbstractIncomingMessage) -> aio_pika.Message:
    headers = {name: value for name, value in message.headers.items() if name != "x-delivery-count"}
    return aio_pika.Message(
        message.body,
        headers=headers,
        content_type=message.content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=message.message_id,
        timestamp=message.timestamp,
        type=message.type,
    )


def _envelope(source: str, row: asyncpg.Record) -> Envelope:
    return Envelope(
        id=row["id"],
        name=row["name"],
        source=f"/sibol/{source}",
        subject=row["subject"],
        sequence=row["sequence"],
        time=row["occurred_at"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
        actor_kind=row["actor_kind"],
        tenant=row["tenant"],
        traceparent=row["traceparent"],
        ahead=row["ahead"],
    )
