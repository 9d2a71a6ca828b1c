"""All messages of a batch in one write to the socket, their confirms awaited together: the broker then
reads whole packets, which halves its work too.

aiormq writes and drains once for each message. This goes around that through attributes of its channel
that are not documented; `fits` looks for them, and who finds them missing publishes one by one.
"""

import asyncio
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import pamqp.frame
from aiormq.abc import ChannelFrame
from aiormq.channel import Channel
from pamqp.commands import Basic

from shared.events.base import TYPE_PREFIX
from shared.messaging.cloud import CONTENT_TYPE, Outgoing, headers_of

USED = (
    "confirmations",
    "connection",
    "create_future",
    "delivery_tag",
    "lock",
    "max_content_size",
    "message_id_delivery_tag",
    "number",
    "write_queue",
)
# content-type, headers, delivery-mode, message-id, timestamp, type: the properties that we send.
FLAGS = 1 << 15 | 1 << 13 | 1 << 12 | 1 << 7 | 1 << 6 | 1 << 5
FRAME_END = b"\xce"
HEADER_FRAME = 2
BODY_FRAME = 3
PERSISTENT = b"\x02"


def fits(channel: object) -> bool:
    return all(hasattr(channel, name) for name in USED)


async def write_together(
    channel: Channel, exchange: str, batch: Sequence[Outgoing]
) -> list[asyncio.Future[Any]]:
    """Return a future for each message, done when the broker has it on disk; in error when the broker
    refuses it, can route it nowhere, or goes away."""
    async with channel.lock:
        payload = b"".join(framed(channel, exchange, item) for item in batch)
        confirmations = [_awaited(channel, str(item.envelope.id)) for item in batch]
        drained = channel.create_future()
        await channel.write_queue.put(
            ChannelFrame(payload, should_close=False, drain_future=drained)
        )
        await drained
    return confirmations


def framed(channel: Channel, exchange: str, item: Outgoing) -> bytes:
    number = channel.number
    envelope, body = item.envelope, item.body
    properties = b"".join(
        (
            _short(CONTENT_TYPE),
            table(headers_of(envelope)),
            PERSISTENT,
            _short(str(envelope.id)),
            struct.pack(">Q", int(envelope.time.timestamp())),
            _short(TYPE_PREFIX + envelope.name),
        )
    )
    header = struct.pack(">HxxQH", Basic.frame_id, len(body), FLAGS) + properties
    return b"".join(
        (
            _publish(number, exchange, envelope.name),
            _frame(HEADER_FRAME, number, header),
            *_bodies(number, body, channel.max_content_size),
        )
    )


def table(headers: Mapping[str, str]) -> bytes:
    entries = b"".join(_name(name) + _long(value) for name, value in headers.items())
    return struct.pack(">I", len(entries)) + entries


@lru_cache(maxsize=1024)
def _publish(number: int, exchange: str, routing_key: str) -> bytes:
    return pamqp.frame.marshal(
        Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=True), number
    )


def _bodies(number: int, body: bytes, largest: int) -> list[bytes]:
    parts = [body[start : start + largest] for start in range(0, len(body), largest)]
    return [_frame(BODY_FRAME, number, part) for part in parts]


def _frame(kind: int, number: int, content: bytes) -> bytes:
    return struct.pack(">BHI", kind, number, len(content)) + content + FRAME_END


def _short(text: str) -> bytes:
    encoded = text.encode()
    return bytes((len(encoded),)) + encoded


@lru_cache(maxsize=256)
def _name(text: str) -> bytes:
    return _short(text) + b"S"


def _long(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">I", len(encoded)) + encoded


def _awaited(channel: Channel, message_id: str) -> asyncio.Future[Any]:
    channel.delivery_tag += 1
    confirmation = channel.create_future()
    channel.confirmations[channel.delivery_tag] = confirmation
    channel.message_id_delivery_tag[message_id] = channel.delivery_tag
    confirmation.add_done_callback(_forgetting(channel.message_id_delivery_tag, message_id))
    return confirmation


def _forgetting(kept: dict[str, int], message_id: str) -> Callable[[asyncio.Future[Any]], None]:
    """A returned message is known by its id alone."""

    def forget(_: asyncio.Future[Any]) -> None:
        kept.pop(message_id, None)

    return forget
