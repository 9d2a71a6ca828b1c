"""taskiq over aio-pika: acknowledged when the task was executed, a quorum queue (its default)."""

import asyncio
import os
import sys

import asyncpg
from taskiq import TaskiqEvents, TaskiqState
from taskiq_aio_pika import AioPikaBroker, Exchange, Queue

from bench import _job

QUEUE = "bench.taskiq"
PREFETCH = int(os.environ.get("BENCH_PREFETCH", "100"))

broker = AioPikaBroker(
    _job.amqp_url(),
    qos=PREFETCH,
    exchange=Exchange(name="bench.taskiq"),
    task_queues=[Queue(name=QUEUE)],
)
pools: list["asyncpg.Pool[asyncpg.Record]"] = []


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def connect(_: TaskiqState) -> None:
    pools.append(await asyncpg.create_pool(_job.database_url(), min_size=8, max_size=8))


@broker.task(task_name="bench.store")
async def store(fields: dict[str, str]) -> None:
    await _job.store_one(pools[0], fields)


async def fill(count: int) -> None:
    await broker.startup()
    rows = list(_job.some_fields(count))
    for start in range(0, count, 100):
        await asyncio.gather(*(store.kiq(row) for row in rows[start : start + 100]))
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(fill(int(sys.argv[1])))
