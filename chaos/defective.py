"""Run a room with one known defect, to see whether the checker finds it.

python -m chaos.defective no-inbox services.notifications
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aio_pika
from aio_pika.abc import AbstractExchange
from aiormq.channel import Channel

from chaos import watched
from shared import messaging
from shared.database import Connection
from shared.events.base import Event
from shared.messaging import batching, consumer, handling, outbox
from shared.messaging.cloud import Outgoing
from shared.messaging.forwarding import forward
from shared.messaging.topology import EVENTS, queue_of

JUST_SAID = """
    WITH just_said AS (
        DELETE FROM outbox WHERE xmin = pg_current_xact_id()::xid RETURNING event_id
    )
    SELECT events.*, events.data::text AS data, current_schema() AS room
      FROM just_said JOIN events ON id = event_id
"""


def without_confirms() -> None:
    """What was written to the socket is forgotten."""

    async def publish(
        _exchange: AbstractExchange, underlay: Any, batch: Sequence[Outgoing]
    ) -> dict[int, BaseException]:
        for sent in await batching.write_together(underlay, EVENTS, batch):
            sent.add_done_callback(lambda found: found.cancelled() or found.exception())
        return {}

    outbox.publish = publish


class Acknowledged:
    """A channel on which everything has been acknowledged already."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def basic_ack(self, *_: Any, **__: Any) -> None:
        """It was done before."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)


def acknowledging_first() -> None:
    """Whoever dies over a message has lost it."""
    ordinary = consumer.Consumer._settle

    async def settle(self: consumer.Consumer, messages: Sequence[Any], channel: Channel) -> None:
        await channel.basic_ack(messages[-1].delivery_tag, multiple=True)
        await ordinary(self, messages, Acknowledged(channel))

    consumer.Consumer._settle = settle


def without_inbox() -> None:
    """Whatever comes is new."""
    ordinary = handling.mark_handled

    async def mark_handled(conn: Connection, events: Sequence[Event]) -> set[Any]:
        await ordinary(conn, events)
        return {event.envelope.id for event in events}

    handling.mark_handled = mark_handled


def publishing_first() -> None:
    """The event is out before it is true."""
    ordinary = outbox.record_all
    exchange = _an_exchange()

    async def record_all(conn: Connection, said: Sequence[outbox.Said]) -> None:
        await ordinary(conn, said)
        for row in await conn.fetch(JUST_SAID):
            outgoing = outbox._outgoing(row, f"/sibol/{row['room']}")
            await outbox._publish_one(await exchange(), outgoing)

    outbox.record_all = messaging.record_all = record_all


def _an_exchange() -> Callable[[], Awaitable[AbstractExchange]]:
    opened: list[AbstractExchange] = []

    async def exchange() -> AbstractExchange:
        if not opened:
            connection = await aio_pika.connect(os.environ["SIBOL_AMQP_URL"])
            channel = await connection.channel()
            opened.append(await channel.get_exchange(EVENTS, ensure=False))
        return opened[0]

    return exchange


def requeueing_for_ever() -> None:
    """No ladder, no limit."""

    async def try_later(
        self: consumer.Consumer, item: consumer.Heard, channel: Channel, _: Exception
    ) -> None:
        await asyncio.sleep(0.05)
        await forward(channel, item.message, "", queue_of(self._room), {})

    consumer.Consumer._try_later = try_later


DEFECTS: dict[str, Callable[[], None]] = {
    "no-confirms": without_confirms,
    "ack-first": acknowledging_first,
    "no-inbox": without_inbox,
    "publish-first": publishing_first,
    "endless-requeue": requeueing_for_ever,
}


if __name__ == "__main__":
    DEFECTS[sys.argv[1]]()
    watched.run(sys.argv[2], sys.argv[3:])
