import asyncio
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from launcher.places import ROOT


class CommandFailed(Exception):
    def __init__(self, command: tuple[str, ...], output: str) -> None:
        self.output = output.strip()
        super().__init__(f"{' '.join(command[:3])} failed: {last_lines(self.output, 5)}")


def last_lines(text: str, count: int) -> str:
    return "\n".join(text.rstrip().splitlines()[-count:])


async def run(
    *command: str,
    environment: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
) -> str:
    """Run to the end and return the output; a cancelled caller leaves nothing running."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    text = output.decode(errors="replace")
    if process.returncode:
        raise CommandFailed(command, text)
    return text
