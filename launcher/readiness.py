import asyncio
import contextlib
from urllib.parse import urlsplit

import aiohttp
import asyncpg

_PATIENCE = 3.0
AMQP_PORTS = {"amqp": 5672, "amqps": 5671}


async def is_ready(url: str) -> bool:
    """Ask once: postgresql:// by signing in, http:// by its status, anything else by connecting."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await _ask(url)
    except (TimeoutError, OSError, aiohttp.ClientError, asyncpg.PostgresError):
        return False


async def until_ready(url: str) -> None:
    while True:
        if await is_ready(url):
            return
        await asyncio.sleep(0.1)


async def _ask(url: str) -> bool:
    match urlsplit(url).scheme:
        case "postgresql" | "postgres":
            connection = await asyncpg.connect(url)
            await connection.close()
            return True
        case "http" | "https":
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                return response.status == 200
        case _:
            return await _connects(url)


async def _connects(url: str) -> bool:
    parts = urlsplit(url)
    port = parts.port or AMQP_PORTS.get(parts.scheme)
    _, writer = await asyncio.open_connection(parts.hostname, port)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
