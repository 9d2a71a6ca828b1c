#!/usr/bin/env python3
"""Print what was said in the last seven days, from the first kept event or from a given offset.

Usage: python replay.py amqp://USER:PASSWORD@HOST:5672/ [OFFSET]
"""

import asyncio
import sys

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

SILENCE_SECONDS = 3


async def replay(url: str, offset: str = "first") -> None:
    connection = await aio_pika.connect(url, timeout=10)
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=100)  # a stream demands a limit
        stream = await channel.get_queue("sibol.firehose", ensure=False)
        arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        start = int(offset) if offset.isdigit() else offset
        await stream.consume(arrived.put, arguments={"x-stream-offset": start})
        while True:
            message = await asyncio.wait_for(arrived.get(), SILENCE_SECONDS)
            told = [message.headers[name] for name in ("x-stream-offset", "ce-type", "ce-subject")]
            sys.stdout.write(f"{' '.join(map(str, told))}\n")
            await message.ack()  # asks for the next; the stream forgets nothing by it


if __name__ == "__main__":
    try:
        asyncio.run(replay(*sys.argv[1:3]))
    except TimeoutError:
        sys.exit(f"Nothing new for {SILENCE_SECONDS} seconds; that was all.")
