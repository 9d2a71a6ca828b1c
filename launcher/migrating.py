import asyncio
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

from launcher import marks
from launcher.commands import CommandFailed, run
from launcher.errors import Refused
from launcher.places import ROOT
from launcher.rooms import ROOMS, House, Servers

MARK = "migrations"


async def is_needed(servers: Servers) -> bool:
    """Whether code or broker differ from those of the last time; asking every room takes seconds."""
    return await marks.read(servers.database_url, MARK) != digest(ROOT, servers.broker)


async def migrate(house: House, say: Callable[[str], None]) -> None:
    """Every room prepares its schema and its queue; they wait for one another where they must."""
    async with asyncio.TaskGroup() as together:
        for room in ROOMS:
            together.create_task(_migrate(room, house))
    servers = house.servers
    await marks.write(servers.database_url, MARK, digest(ROOT, servers.broker))
    say("schemas and queues are up to date")


async def _migrate(room: str, house: House) -> None:
    command = [sys.executable, "-m", f"services.{room}", "migrate"]
    try:
        await run(*command, environment=house.environment())
    except CommandFailed as error:
        raise Refused(f"The migrations of {room} failed:\n{error.output}") from error


def digest(root: Path, broker: str) -> str:
    """Over the rooms' code, which says what tables and queues there must be, and the broker that has the queues."""
    files = sorted({*root.glob("services/**/*"), *root.glob("shared/**/*")})
    total = hashlib.sha256(broker.encode())
    for file in files:
        if file.suffix in {".sql", ".py"}:
            total.update(f"{file.relative_to(root)}\0".encode())
            total.update(file.read_bytes())
    return total.hexdigest()
