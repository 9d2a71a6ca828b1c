"""`./sibol replay`: one room builds anew what it has learned from events."""

import os
import subprocess
import sys
from collections.abc import Mapping

import typer

from launcher import places
from launcher.answering import servers
from launcher.console import show
from launcher.errors import Refused
from launcher.places import ROOT
from launcher.rooms import ROOMS, House


def replay(room: str, since: str | None, *, yes: bool) -> None:
    if room not in ROOMS:
        raise Refused(f"There is no room {room}. There are: {', '.join(ROOMS)}.")
    environment = os.environ | House(places.ordinary(), servers()).environment()
    show(_run(room, environment, "--what", output=subprocess.PIPE))
    if not yes:
        typer.confirm("Go on?", abort=True)
    _run(room, environment, *(["--since", since] if since else []))


def _run(
    room: str, environment: Mapping[str, str], *options: str, output: int | None = None
) -> str:
    """Its progress goes to the terminal, unless asked for."""
    command = [sys.executable, "-m", f"services.{room}", "replay", *options]
    # Ctrl-C reaches it too; what was not committed is not done.
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=output, text=True, check=False
    )
    if ended.returncode:
        raise Refused(f"The replay of {room} did not end well; asking again is safe.")
    return (ended.stdout or "").strip()
