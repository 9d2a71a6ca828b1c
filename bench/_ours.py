"""The product's own consumer and relay as one worker process, configured as a room is; and what the same
work costs without them: the SQL alone, a raw AMQP client, and the usual `gather`.

    python -m bench._ours many|each|single|relay|relay_gather|relay_raw|sql|publish_raw [GO]
    python -m bench._ours fill COUNT

A worker that is given the path GO waits for that file, so that several begin at the same moment.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from bench import _job, _raw
from shared import log
from shared.database import Connection, Database, connect
from shared.events.applications import ApplicationSubmitted
from shared.events.base import TYPE_PREFIX
from shared.messaging import Consumer, Relay, on, on_many
from shared.messaging.cloud import CONTENT_TYPE, Outgoing, headers_of
from shared.messaging.outbox import BATCH, Waiting, claim, forget
from shared.messaging.topology import (
    EVENTS,
    declare_exchanges,
    declare_room,
    open_connection,
    queue_of,
)
from shared.worker import run_until_stopped, start

LISTENING, SPEAKING = "matching", "gateway"
SOURCE = f"/sibol/{SPEAKING}"
GATHERED = 100
METHOD = _raw.publish_method(EVENTS, _job.NAME)


async def store(conn: Connection, event: ApplicationSubmitted) -> None:
    await conn.execute(
        """INSERT INTO bench.effects (event_id, application_id, project_id, applicant_id)
                VALUES ($1, $2, $3, $4)""",
        event.envelope.id,
        event.application_id,
        event.project_id,
        event.applicant_id,
    )


async def store_many(conn: Connection, events: Sequence[ApplicationSubmitted]) -> None:
    await conn.execute(
        _job.STORE_MANY,
        [event.envelope.id for event in events],
        [event.application_id for event in events],
        [event.project_id for event in events],
        [event.applicant_id for event in events],
    )


@asynccontextmanager
async def a_room(room: str):
    log.configure(room, style="json")
    async with connect(_job.database_url(), room) as database:
        yield database


async def many() -> None:
    await _consume(on_many(ApplicationSubmitted, store_many))


async def each() -> None:
    await _consume(on(ApplicationSubmitted, store))


async def _consume(subscription) -> None:
    async with a_room(LISTENING) as database:
        consumer = Consumer(
            LISTENING, [subscription], database, _job.amqp_url(), after_commit=lambda: None
        )
        await run_until_stopped(consumer.run)


async def single() -> None:
    """The conventional consumer of the same messages: each alone, one statement, prefetch 16."""
    async with a_room(LISTENING) as database:

        async def handle(message: AbstractIncomingMessage) -> None:
            async with message.process(requeue=True):
                fields = json.loads(message.body) | {"event_id": message.message_id}
                await _job.store_one(database, fields)

        connection = await aio_pika.connect_robust(_job.amqp_url())
        async with connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=16)
            queue = await channel.get_queue(queue_of(LISTENING))
            await queue.consume(handle)
            await asyncio.Event().wait()


async def relay() -> None:
    async with a_room(SPEAKING) as database:
        await run_until_stopped(Relay(database, _job.amqp_url(), SPEAKING).run)


async def relay_gather() -> None:
    """As is usual: a hundred at once, each with its own confirm."""
    async with a_room(SPEAKING) as database, await aio_pika.connect(_job.amqp_url()) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        exchange = await declare_exchanges(channel)

        async def publish(waiting: Sequence[Waiting]) -> None:
            await asyncio.gather(
                *(
                    exchange.publish(a_message(item.outgoing), _job.NAME, mandatory=True)
                    for item in waiting
                )
            )

        await _relay_with(database, publish, GATHERED)


async def relay_raw() -> None:
    async with a_room(SPEAKING) as database, _raw.a_publisher(_job.amqp_url()) as publisher:

        async def publish(waiting: Sequence[Waiting]) -> None:
            await publisher.publish([encoded(METHOD, item.outgoing) for item in waiting])

        await _relay_with(database, publish, BATCH)


async def _relay_with(
    database: Database, publish: Callable[[Sequence[Waiting]], Awaitable[None]], size: int
) -> None:
    while True:
        async with database.acquire() as conn, conn.transaction():
            waiting = await claim(conn, SOURCE, size)
            if waiting:
                await publish(waiting)
                await forget(conn, [item.position for item in waiting])
        if not waiting:
            await asyncio.sleep(0.02)


def a_message(outgoing: Outgoing) -> aio_pika.Message:
    envelope = outgoing.envelope
    return aio_pika.Message(
        outgoing.body,
        headers=dict(headers_of(envelope)),
        content_type=CONTENT_TYPE,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=str(envelope.id),
        timestamp=envelope.time,
        type=TYPE_PREFIX + envelope.name,
    )


def encoded(method: bytes, outgoing: Outgoing) -> bytes:
    """The same message for the raw client."""
    envelope = outgoing.envelope
    return _raw.a_message(
        method,
        headers_of(envelope),
        outgoing.body,
        message_id=str(envelope.id),
        at=int(envelope.time.timestamp()),
        kind=TYPE_PREFIX + envelope.name,
    )


async def fill(count: int) -> None:
    """Events as the gateway says them, straight into the room's queue."""
    connection = await open_connection(_job.amqp_url(), "bench")
    async with connection:
        await declare_room(await connection.channel(), LISTENING, [_job.NAME])
    method = _raw.publish_method("", queue_of(LISTENING))
    made = [Outgoing(_job.an_envelope(row), _job.body_of(row)) for row in _job.some_fields(count)]
    async with _raw.a_publisher(_job.amqp_url()) as publisher:
        await publisher.publish_in_windows([encoded(method, outgoing) for outgoing in made])


async def sql() -> None:
    """What the consumer asks of PostgreSQL for a batch, without a message; the count comes on stdin."""
    count = int(sys.stdin.readline())
    rows = [_job.arguments(fields) for fields in _job.some_fields(count)]
    async with a_room(LISTENING) as database, database.acquire() as conn:
        for part in _raw.in_parts(rows, 100):
            columns = [list(column) for column in zip(*part, strict=True)]
            async with conn.transaction():
                await conn.fetch(_job.MARK_MANY, columns[0])
                await conn.execute(_job.STORE_MANY, *columns)
    await asyncio.Event().wait()


async def publish_raw() -> None:
    """Whole windows of equal messages; how far it is stands in a file."""
    count = int(sys.stdin.readline())
    progress = Path(os.environ["BENCH_PROGRESS"])
    made = [Outgoing(_job.an_envelope(row), _job.body_of(row)) for row in _job.some_fields(count)]
    async with _raw.a_publisher(_job.amqp_url()) as publisher:
        for done, part in enumerate(_raw.in_parts(made, _raw.WINDOW), start=1):
            await publisher.publish([encoded(METHOD, outgoing) for outgoing in part])
            note(progress, min(done * _raw.WINDOW, count))
    await asyncio.Event().wait()


def note(path: Path, done: int) -> None:
    path.write_text(str(done), "ascii")


def wait_for(go: Path) -> None:
    while not go.exists():
        time.sleep(0.005)


WORK: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
    work.__name__: work
    for work in (many, each, single, relay, relay_gather, relay_raw, sql, publish_raw)
}

if __name__ == "__main__":
    if sys.argv[1] == "fill":
        start(fill(int(sys.argv[2])))
    else:
        if sys.argv[2:]:
            wait_for(Path(sys.argv[2]))
        start(WORK[sys.argv[1]]())
