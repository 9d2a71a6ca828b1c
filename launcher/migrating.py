import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from launcher import marks
from launcher.commands import CommandFailed, run
from launcher.errors import Refused
from launcher.places import ROOT
from launcher.rooms import ROOMS

MARK = "migrations"


async def is_needed(database_url: str) -> bool:
    """Whether any migration file differs from those applied last; asking every room takes seconds."""
    return await marks.read(database_url, MARK) != digest(ROOT)


async def migrate(database_url: str, say: Callable[[str], None]) -> None:
    # A migration speaks to the database alone, but the settings of a room ask for both addresses.
    amqp_url = os.environ.get("SIBOL_AMQP_URL", "amqp://127.0.0.1/")
    addresses = {"SIBOL_DATABASE_URL": database_url, "SIBOL_AMQP_URL": amqp_url}
    for room in ROOMS:
        command = [sys.executable, "-m", f"services.{room}", "migrate"]
        try:
            await run(*command, environment=addresses | {"SIBOL_LOG": "console"})
        except CommandFailed as error:
            raise Refused(f"The migrations of {room} failed:\n{error.output}") from error
    await marks.write(database_url, MARK, digest(ROOT))
    say("the database is migrated")


def digest(root: Path) -> str:
    """Over every migration and the code that applies them."""
    files = sorted({*root.glob("services/*/migrations/**/*"), *root.glob("shared/database/**/*")})
    total = hashlib.sha256()
    for file in files:
        if file.suffix in {".sql", ".py"}:
            total.update(f"{file.relative_to(root)}\0".encode())
            total.update(file.read_bytes())
    return total.hexdigest()
