"""Look through what was given up, send it back, or drop it.

A message that is looked at is taken from the broker without an acknowledgement and comes back when
the connection ends, however it ends. One that is sent back is acknowledged after the broker has
confirmed its copy: who is killed in between leaves it twice, which the inbox forgives.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import QueueEmpty

from shared.events.base import TYPE_PREFIX
from shared.messaging.topology import (
    DECLARE_SECONDS,
    EVENTS,
    UNROUTED,
    dead_queue_of,
    open_connection,
    queue_of,
)

# What may stand for a room: events that no room heard.
UNROUTED_ROOM = "unrouted"
# So long after the last one, the others are in somebody else's hands.
GET_SECONDS = 5
PUBLISH_SECONDS = 10
# The longest that the protocol knows; without one a quorum queue stops after 2,000.
WALK = 65_535
# Copies under way at once, so that memory is bounded by so many bodies.
TOGETHER = 50
OWN_PREFIXES = ("x-sibol-", "x-death", "x-first-death-", "x-last-death-", "x-delivery-count")

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Letter:
    """One dead message without its body. `id` is that of its event, or made from the body when it
    carries none that can be read."""

    number: int
    id: str
    name: str
    subject: str
    reason: str
    attempts: int
    since: datetime | None
    headers: Mapping[str, Any]
    content_type: str | None
    size: int


@dataclass(frozen=True)
class Opened:
    letter: Letter
    body: bytes


@dataclass(frozen=True)
class Listed:
    count: int
    letters: list[Letter]


class Dead:
    """The dead queue of a room; `unrouted` for the events that no room heard."""

    def __init__(self, channel: AbstractChannel, queue: AbstractQueue, room: str) -> None:
        self._channel = channel
        self._queue = queue
        self._room = room
        self.count = queue.declaration_result.message_count or 0

    async def first(self, limit: int) -> Listed:
        letters = [
            _letter(number, message) async for number, message in self._taken(limit, window=limit)
        ]
        return Listed(self.count, letters)

    async def show(self, wanted: str) -> Opened | None:
        async for number, message in self._taken(self.count, window=WALK):
            if _id(message) == wanted:
                return Opened(_letter(number, message), message.body)
        return None

    async def redrive(self, wanted: Collection[str] | None, advance: Advance) -> set[str]:
        """Back to where it came from; all that was there at the start when `wanted` is None."""
        done: set[str] = set()
        async for chosen in self._chosen(wanted, done):
            await asyncio.gather(*(self._send_back(message) for message in chosen))
            done |= {_id(message) for message in chosen} if wanted else set()
            advance(len(chosen))
        return done

    async def drop(self, wanted: Collection[str] | None, advance: Advance) -> set[str]:
        """For good."""
        done: set[str] = set()
        async for chosen in self._chosen(wanted, done):
            await asyncio.gather(*(message.ack() for message in chosen))
            done |= {_id(message) for message in chosen} if wanted else set()
            advance(len(chosen))
        return done

    async def _chosen(
        self, wanted: Collection[str] | None, done: Collection[str]
    ) -> AsyncIterator[list[AbstractIncomingMessage]]:
        chosen: list[AbstractIncomingMessage] = []
        window = 2 * TOGETHER if wanted is None else WALK
        async for _, message in self._taken(self.count, window=window):
            if wanted is None or _id(message) in wanted:
                chosen.append(message)
            if chosen and (wanted is not None or len(chosen) == TOGETHER):
                yield chosen
                chosen = []
            if wanted is not None and len(done) == len(set(wanted)):
                return
        if chosen:
            yield chosen

    async def _taken(
        self, most: int, *, window: int
    ) -> AsyncIterator[tuple[int, AbstractIncomingMessage]]:
        """No more than were there at the start: what is sent back may soon be dead again.

        `window`: so many are in hand at once, where all are settled on the way. On a walk none is, and
        what lies beyond the longest window is taken one by one.
        """
        await self._channel.set_qos(prefetch_count=window)
        arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        tag = await self._queue.consume(arrived.put, timeout=GET_SECONDS)
        with suppress(TimeoutError, QueueEmpty):
            for number in range(1, min(most, self.count) + 1):
                if window == WALK and number > WALK:
                    yield number, await self._queue.get(timeout=GET_SECONDS)
                else:
                    yield number, await asyncio.wait_for(arrived.get(), GET_SECONDS)
        await self._queue.cancel(tag, timeout=GET_SECONDS)

    async def _send_back(self, message: AbstractIncomingMessage) -> None:
        exchange, key = await self._origin(message)
        await exchange.publish(_copy(message), key, mandatory=True, timeout=PUBLISH_SECONDS)
        await message.ack()

    async def _origin(self, message: AbstractIncomingMessage) -> tuple[AbstractExchange, str]:
        if self._room != UNROUTED_ROOM:
            return self._channel.default_exchange, queue_of(self._room)
        events = await self._channel.get_exchange(EVENTS, ensure=False)
        return events, message.routing_key or ""


@asynccontextmanager
async def opened(amqp_url: str, room: str) -> AsyncIterator[Dead]:
    """Whatever was taken and not acknowledged is back in the queue afterwards."""
    name = UNROUTED if room == UNROUTED_ROOM else dead_queue_of(room)
    connection = await open_connection(amqp_url, "sibol-dead")
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        queue = await channel.declare_queue(name, passive=True, timeout=DECLARE_SECONDS)
        yield Dead(channel, queue, room)


def _letter(number: int, message: AbstractIncomingMessage) -> Letter:
    headers = message.headers
    return Letter(
        number=number,
        id=_id(message),
        name=_text(headers.get("ce-type") or message.type).removeprefix(TYPE_PREFIX),
        subject=_text(headers.get("ce-subject")),
        reason=_reason(headers),
        attempts=_attempts(headers),
        since=_since(headers),
        headers=headers,
        content_type=message.content_type,
        size=len(message.body),
    )


def _id(message: AbstractIncomingMessage) -> str:
    given = message.message_id
    if given and len(given) <= 64 and given.isascii() and given.isprintable() and " " not in given:
        return given
    return "body-" + hashlib.sha256(message.body).hexdigest()[:16]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _reason(headers: Mapping[str, Any]) -> str:
    """Ours, or the broker's."""
    return _text(headers.get("x-sibol-reason")) or _text(_death(headers).get("reason"))


def _attempts(headers: Mapping[str, Any]) -> int:
    found = headers.get("x-sibol-attempt")
    return found + 1 if isinstance(found, int) and 0 <= found < 1000 else 1


def _since(headers: Mapping[str, Any]) -> datetime | None:
    ours = _text(headers.get("x-sibol-since"))
    try:
        return datetime.fromisoformat(ours)
    except ValueError:
        found = _death(headers).get("time")
        return found if isinstance(found, datetime) else None


def _death(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    deaths = headers.get("x-death")
    first = deaths[0] if isinstance(deaths, list) and deaths else None
    return first if isinstance(first, dict) else {}


def _copy(message: AbstractIncomingMessage) -> aio_pika.Message:
    """As it was said, without what we and the broker wrote on it."""
    return aio_pika.Message(
        message.body,
        headers={
            name: value
            for name, value in message.headers.items()
            if not name.startswith(OWN_PREFIXES)
        },
        content_type=message.content_type,
        content_encoding=message.content_encoding,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        correlation_id=message.correlation_id,
        message_id=message.message_id,
        timestamp=message.timestamp,
        type=message.type,
        app_id=message.app_id,
    )
