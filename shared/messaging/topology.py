"""Exchanges and queues, declared by code, idempotently. The arguments are only those that
RabbitMQ 3.10 and 4 share; `docs/operating.md` lists them for operators.

sibol.events (topic) ── <event name> ──> sibol.<room> (quorum)
    │                                        │ bug: sibol.retry ─> sibol.<room>.wait.<delay> ─> back
    │                                        └ given up: sibol.dead ─> sibol.<room>.dead
    ├── public events ──> sibol.public (topic) ──> integrators' queues, sibol.firehose (stream)
    └── no queue ──> sibol.unrouted
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractQueue
from aio_pika.exceptions import (
    AMQPError,
    ChannelInvalidStateError,
    ChannelPreconditionFailed,
)

from shared.events import CATALOGUE
from shared.messaging.receiving import read_frames_quickly

EVENTS = "sibol.events"
PUBLIC = "sibol.public"
RETRY = "sibol.retry"
DEAD = "sibol.dead"
UNROUTED = "sibol.unrouted"
FIREHOSE = "sibol.firehose"

BROKER_AWAY = (AMQPError, ChannelInvalidStateError, OSError, TimeoutError)
CONNECT_SECONDS = 5
DECLARE_SECONDS = 10
HEARTBEAT_SECONDS = 10
# High: only a process that dies again and again over one message reaches it.
DELIVERY_LIMIT = 50


class NotEmpty(Exception):
    """A queue that has to be made anew still holds messages."""


Arguments = dict[str, Any]
KEPT: Arguments = {"x-queue-type": "quorum", "x-overflow": "reject-publish"}
# Looked at by operators, again and again, which counts as deliveries: RabbitMQ 4 would drop a message at
# the 20th unless told otherwise.
LOOKED_AT: Arguments = {**KEPT, "x-delivery-limit": 1_000_000_000}
# What leaves such a queue is gone only when the next one has it.
HANDED_ON: Arguments = {**KEPT, "x-dead-letter-strategy": "at-least-once"}
FIREHOSE_ARGUMENTS: Arguments = {
    "x-queue-type": "stream",
    "x-max-age": "7D",
    "x-max-length-bytes": 1_000_000_000,
}


@dataclass(frozen=True)
class Delay:
    name: str
    milliseconds: int


LADDER = (Delay("5s", 5_000), Delay("1m", 60_000), Delay("15m", 900_000))


def queue_of(room: str) -> str:
    return f"sibol.{room}"


def dead_queue_of(room: str) -> str:
    return f"sibol.{room}.dead"


def wait_queue_of(room: str, delay: Delay) -> str:
    return f"sibol.{room}.wait.{delay.name}"


async def open_connection(url: str, name: str) -> AbstractConnection:
    """A plain connection: whoever holds it starts again from here when it closes.

    The port is tried first: the library reports every refused connection as an error of its own.
    """
    read_frames_quickly()
    parts = urlsplit(url)
    async with asyncio.timeout(CONNECT_SECONDS):
        _, writer = await asyncio.open_connection(
            parts.hostname, parts.port or (5671 if parts.scheme == "amqps" else 5672)
        )
        writer.close()
    return await aio_pika.connect(
        url,
        timeout=CONNECT_SECONDS,
        heartbeat=HEARTBEAT_SECONDS,
        client_properties={"connection_name": name},
    )


async def declare_exchanges(channel: AbstractChannel) -> AbstractExchange:
    """Return the exchange that every room publishes to."""
    unrouted = await _exchange(channel, UNROUTED, "fanout")
    events = await _exchange(channel, EVENTS, "topic", {"alternate-exchange": UNROUTED})
    public = await _exchange(channel, PUBLIC, "topic")
    await _exchange(channel, RETRY, "direct")
    await _exchange(channel, DEAD, "direct")
    await (await _queue(channel, UNROUTED, LOOKED_AT)).bind(unrouted)
    await (await _queue(channel, FIREHOSE, FIREHOSE_ARGUMENTS)).bind(public, "#")
    underlay = await channel.get_underlay_channel()
    for name, event in CATALOGUE.items():
        if event.public:
            await underlay.exchange_bind(PUBLIC, EVENTS, routing_key=name, nowait=True)
    await _settled(channel)
    return events


async def declare_room(
    channel: AbstractChannel, room: str, names: Iterable[str], ladder: Iterable[Delay] = LADDER
) -> AbstractQueue:
    """Return the room's queue, bound to the events it hears."""
    await declare_exchanges(channel)
    await (await _queue(channel, dead_queue_of(room), LOOKED_AT)).bind(DEAD, room)
    for delay in ladder:
        await _declare_wait(channel, room, delay)
    queue = await _queue(
        channel,
        queue_of(room),
        HANDED_ON
        | {
            "x-dead-letter-exchange": DEAD,
            "x-dead-letter-routing-key": room,
            "x-delivery-limit": DELIVERY_LIMIT,
        },
    )
    underlay = await channel.get_underlay_channel()
    for name in names:
        await underlay.queue_bind(queue.name, EVENTS, routing_key=name, nowait=True)
    await _settled(channel)
    return queue


async def _settled(channel: AbstractChannel) -> None:
    """A hundred bindings are asked for without waiting for a word on each; this is the word on all."""
    await channel.declare_exchange(EVENTS, passive=True, timeout=DECLARE_SECONDS)


async def make_again_if_empty(connection: AbstractConnection, room: str) -> None:
    """Queues of an earlier release that operators look at: with other arguments, they are made anew."""
    for name in (UNROUTED, dead_queue_of(room)):
        try:
            await _queue(await connection.channel(), name, LOOKED_AT)
        except ChannelPreconditionFailed:
            channel = await connection.channel()
            found = await channel.declare_queue(name, passive=True, timeout=DECLARE_SECONDS)
            if found.declaration_result.message_count:
                raise NotEmpty(
                    f"{name} was made by an earlier release and holds messages. Empty it with "
                    f"./sibol dead redrive or drop, then migrate again."
                ) from None
            await channel.queue_delete(name, timeout=DECLARE_SECONDS)


async def _declare_wait(channel: AbstractChannel, room: str, delay: Delay) -> None:
    name = wait_queue_of(room, delay)
    queue = await _queue(
        channel,
        name,
        HANDED_ON
        | {
            "x-message-ttl": delay.milliseconds,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": queue_of(room),
        },
    )
    await queue.bind(RETRY, name, timeout=DECLARE_SECONDS)


async def _exchange(
    channel: AbstractChannel, name: str, kind: str, arguments: Arguments | None = None
) -> AbstractExchange:
    return await channel.declare_exchange(
        name,
        aio_pika.ExchangeType(kind),
        durable=True,
        arguments=arguments,
        timeout=DECLARE_SECONDS,
    )


async def _queue(channel: AbstractChannel, name: str, arguments: Arguments) -> AbstractQueue:
    return await channel.declare_queue(
        name, durable=True, arguments=arguments, timeout=DECLARE_SECONDS
    )
