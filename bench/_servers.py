"""What every bench needs: a database and a virtual host of its own on the servers of `./sibol bench`,
and what a process has cost."""

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from shared.database.migrate import ROOMS, migrate
from tests.support.broker import Broker
from tests.support.places import MIGRATIONS, ROOT, with_database


@asynccontextmanager
async def a_database() -> AsyncIterator[str]:
    server = os.environ["SIBOL_TEST_DATABASE_URL"]
    name = f"sibol_bench_{uuid.uuid4().hex[:12]}"
    admin = await asyncpg.connect(server)
    await admin.execute(f'CREATE DATABASE "{name}"')
    url = with_database(server, name)
    try:
        for room in ROOMS:
            await migrate(url, room, MIGRATIONS[room])
        yield url
    finally:
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.close()


@asynccontextmanager
async def a_broker() -> AsyncIterator[Broker]:
    name = f"bench-{uuid.uuid4().hex[:12]}"
    parts = urlsplit(os.environ["SIBOL_TEST_AMQP_URL"])
    url = urlunsplit(parts._replace(path=f"/{name}"))
    found = Broker(os.environ["SIBOL_TEST_AMQP_API"], name, url)
    await asyncio.to_thread(found.make)
    try:
        yield found
    finally:
        await asyncio.to_thread(found.drop)


async def a_process(
    arguments: Sequence[str], settings: Mapping[str, str], log: Path
) -> asyncio.subprocess.Process:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIBOL_")}
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            cwd=ROOT,
            env=kept | dict(settings),
            stdout=output,
            stderr=output,
        )


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
