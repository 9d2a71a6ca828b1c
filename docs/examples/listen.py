#!/usr/bin/env python3
"""Print every project and application event, and lose none while this program is away.

Usage: python listen.py amqp://USER:PASSWORD@HOST:5672/ ext.NAME.QUEUE
"""

import asyncio
import sys

import aio_pika


async def listen(url: str, name: str) -> None:
    connection = await aio_pika.connect_robust(url, timeout=10)
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=50)
        queue = await channel.declare_queue(
            name, durable=True, arguments={"x-queue-type": "quorum"}
        )
        for pattern in ("project.#", "application.#"):
            await queue.bind("sibol.public", pattern)
        async with queue.iterator() as messages:
            async for message in messages:
                async with message.process(requeue=True):  # acknowledged only when this went well
                    headers = message.headers
                    told = headers["ce-type"], headers["ce-subject"], headers["ce-sequence"]
                    sys.stdout.write(f"{' '.join(map(str, told))} {message.body.decode()}\n")
                    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(listen(*sys.argv[1:3]))
