"""aio-pika by hand, in the form that most services have: each message alone, one statement, prefetch 16;
and the best one can do with it: whatever has arrived in one transaction.

    python -m bench.peers.with_aio_pika COUNT | single | batched
"""

import asyncio
import json
import sys

import aio_pika
import asyncpg
import uvloop
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue

from bench import _job

QUEUE = "bench.aio_pika"
CONCURRENT = 16
BATCH = 100


async def a_queue(channel: aio_pika.abc.AbstractChannel) -> AbstractQueue:
    return await channel.declare_queue(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})


async def single() -> None:
    database = await asyncpg.create_pool(_job.database_url(), min_size=8, max_size=8)

    async def handle(message: AbstractIncomingMessage) -> None:
        async with message.process(requeue=True):
            await _job.store_one(database, json.loads(message.body))

    connection = await aio_pika.connect_robust(_job.amqp_url())
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=CONCURRENT)
    await (await a_queue(channel)).consume(handle)
    await asyncio.Event().wait()


async def batched() -> None:
    conn = await asyncpg.connect(_job.database_url())
    connection = await aio_pika.connect_robust(_job.amqp_url())
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=_job.PREFETCH)
    arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    await (await a_queue(channel)).consume(arrived.put)
    while True:
        messages = [await arrived.get()]
        while len(messages) < BATCH and not arrived.empty():
            messages.append(arrived.get_nowait())
        await store(conn, [json.loads(message.body) for message in messages])
        await messages[-1].ack(multiple=True)


async def store(conn: "asyncpg.Connection[asyncpg.Record]", rows: list[_job.Fields]) -> None:
    by_id = {row["event_id"]: row for row in rows}
    async with conn.transaction():
        marked = await conn.fetch(_job.MARK_MANY, list(by_id))
        fresh = [_job.arguments(by_id[str(row["event_id"])]) for row in marked]
        if fresh:
            await conn.execute(
                _job.STORE_MANY, *(list(column) for column in zip(*fresh, strict=True))
            )


async def fill(count: int) -> None:
    connection = await aio_pika.connect(_job.amqp_url())
    async with connection:
        channel = await connection.channel()
        await a_queue(channel)
        rows = [json.dumps(fields).encode() for fields in _job.some_fields(count)]
        for start in range(0, count, 100):
            await asyncio.gather(
                *(
                    channel.default_exchange.publish(
                        aio_pika.Message(row, delivery_mode=2, content_type="application/json"),
                        QUEUE,
                    )
                    for row in rows[start : start + 100]
                )
            )


if __name__ == "__main__":
    match sys.argv[1]:
        case "single":
            uvloop.run(single())
        case "batched":
            uvloop.run(batched())
        case count:
            asyncio.run(fill(int(count)))
