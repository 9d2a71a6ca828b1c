"""FastStream as documented: a typed message, a quorum queue, uvloop by its own command line."""

import asyncio
import os
import sys
from uuid import UUID

import asyncpg
from faststream import AckPolicy, FastStream
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue
from pydantic import BaseModel

from bench import _job

QUEUE = RabbitQueue("bench.faststream", queue_type=QueueType.QUORUM, durable=True)
PREFETCH = int(os.environ.get("BENCH_PREFETCH", "100"))


class Submitted(BaseModel):
    event_id: UUID
    application_id: UUID
    project_id: UUID
    organization_id: UUID
    applicant_id: UUID
    state: str


broker = RabbitBroker(_job.amqp_url(), default_channel=Channel(prefetch_count=PREFETCH))
app = FastStream(broker)
pools: list["asyncpg.Pool[asyncpg.Record]"] = []


@app.on_startup
async def connect() -> None:
    pools.append(await asyncpg.create_pool(_job.database_url(), min_size=8, max_size=8))


@broker.subscriber(QUEUE, ack_policy=AckPolicy.NACK_ON_ERROR)
async def store(message: Submitted) -> None:
    await pools[0].execute(
        _job.STORE_ONE,
        message.event_id,
        message.application_id,
        message.project_id,
        message.applicant_id,
    )


async def fill(count: int) -> None:
    async with RabbitBroker(_job.amqp_url()) as sender:
        await sender.declare_queue(QUEUE)
        rows = list(_job.some_fields(count))
        for start in range(0, count, 100):
            await asyncio.gather(
                *(sender.publish(row, QUEUE, persist=True) for row in rows[start : start + 100])
            )


if __name__ == "__main__":
    asyncio.run(fill(int(sys.argv[1])))
