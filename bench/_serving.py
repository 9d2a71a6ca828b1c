"""A server under load: started, listened for, and asked."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from bench import _job
from bench._drain import Arena, Failed, end
from bench._load import Request, Seen
from shared.ids import new_id
from tests.support.rooms import is_ready_at

CONNECTIONS = 32
READY_SECONDS = 30


def check(name: str, seen: Seen, wanted: int) -> None:
    good = sum(count for status, count in seen.statuses.items() if status < "400")
    if good != wanted:
        raise Failed(f"{name}: {good} of {wanted} succeeded: {seen.statuses} {seen.wrong}")


@asynccontextmanager
async def a_server(
    arena: Arena, arguments: Sequence[str], port: int, environment: Mapping[str, str] | None = None
) -> AsyncIterator[int]:
    """Listening; its pid."""
    process = await arena.run(arguments, environment)
    try:
        async with asyncio.timeout(READY_SECONDS):
            while not await listens(port):
                if process.returncode is not None:
                    raise Failed(f"{' '.join(arguments)} ended:\n{arena.tail()}")
                await asyncio.sleep(0.05)
        yield process.pid
    finally:
        await end(process)


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def submissions(count: int, path: str = "/submissions") -> list[Request]:
    project = str(new_id())
    return [
        Request(
            "POST",
            path,
            body={"project_id": project, "applicant_id": str(new_id()), "letter": _job.LETTER},
        )
        for _ in range(count)
    ]


async def ready(port: int) -> None:
    async with asyncio.timeout(READY_SECONDS):
        while not await asyncio.to_thread(is_ready_at, port):
            await asyncio.sleep(0.1)
