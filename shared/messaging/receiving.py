"""Deliveries go straight from the socket into the room's hands. aiormq reads each frame in three steps
under a lock and starts a task for each message; at a hundred messages a batch that is half of all work.

What is used here is not documented either: see `batching.py` and docs/decisions/0013.
"""

import asyncio
from typing import Any

import aiormq.connection
import pamqp.exceptions
import pamqp.frame
from aio_pika.abc import AbstractConnection
from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from aiormq.connection import Connection
from aiormq.exceptions import AMQPConnectionError, InvalidFrameError
from pamqp.commands import Basic
from pamqp.header import ContentHeader

FRAME_START = 7
ANSWER_SECONDS = 5


class Receiver(aiormq.connection.FrameReceiver):
    async def get_frame(self) -> Any:
        if self.reader.at_eof():
            raise StopAsyncIteration
        try:
            start = await self.reader.readexactly(FRAME_START)
            length = int.from_bytes(start[3:], "big")
            return pamqp.frame.unmarshal(start + await self.reader.readexactly(length + 1))
        except (OSError, asyncio.IncompleteReadError) as error:
            raise AMQPConnectionError(f"The broker's connection was lost: {error!r}") from error
        except pamqp.exceptions.PAMQPException as error:
            raise InvalidFrameError(str(error)) from error


class ReceivingChannel(Channel):
    """Every delivery on this channel is put into `arrived`, in order."""

    arrived: "asyncio.Queue[DeliveredMessage]"

    async def _on_deliver_frame(self, frame: Basic.Deliver) -> None:
        header = await self._get_frame()
        assert isinstance(header, ContentHeader)
        self.arrived.put_nowait(await self._read_content(frame, header))


def read_frames_quickly() -> None:
    """From the next connection on."""
    vars(aiormq.connection)["FrameReceiver"] = Receiver


async def open_receiving(
    connection: AbstractConnection, arrived: "asyncio.Queue[DeliveredMessage]", *, prefetch: int
) -> Channel:
    """A channel of its own for what is delivered; with confirms, for what is sent on."""
    assert connection.transport is not None
    underlay = connection.transport.connection
    assert isinstance(underlay, Connection)
    number = max(underlay.channels, default=0) + 1
    channel = ReceivingChannel(underlay, number, publisher_confirms=True, on_return_raises=True)
    channel.arrived = arrived
    underlay.channels[number] = channel
    await channel.open(timeout=ANSWER_SECONDS)
    await channel.basic_qos(prefetch_count=prefetch, timeout=ANSWER_SECONDS)
    return channel
