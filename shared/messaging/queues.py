"""How full each queue is, asked of the broker by the ordinary protocol."""

from collections.abc import Iterable
from dataclasses import dataclass

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity

from shared.messaging.topology import (
    DECLARE_SECONDS,
    FIREHOSE,
    LADDER,
    UNROUTED,
    dead_queue_of,
    open_connection,
    queue_of,
    wait_queue_of,
)


@dataclass(frozen=True)
class Depth:
    """`ready` are those that no consumer has in hand."""

    name: str
    ready: int
    consumers: int


def names_of(room: str) -> list[str]:
    waits = [wait_queue_of(room, delay) for delay in LADDER]
    return [queue_of(room), *waits, dead_queue_of(room)]


def every_name(rooms: Iterable[str]) -> list[str]:
    return [*(name for room in rooms for name in names_of(room)), UNROUTED, FIREHOSE]


async def measure(amqp_url: str, names: Iterable[str]) -> dict[str, Depth]:
    """Without those that are not there."""
    connection = await open_connection(amqp_url, "sibol-queues")
    async with connection:
        found = [await look(connection, name) for name in names]
    return {depth.name: depth for depth in found if depth}


async def look(connection: AbstractConnection, name: str) -> Depth | None:
    """None when there is no such queue: asking for it costs the channel, so each has its own."""
    try:
        async with connection.channel() as channel:
            queue = await channel.declare_queue(name, passive=True, timeout=DECLARE_SECONDS)
    except ChannelNotFoundEntity:
        return None
    counted = queue.declaration_result
    return Depth(name, counted.message_count or 0, counted.consumer_count or 0)
