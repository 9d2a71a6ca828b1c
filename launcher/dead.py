"""`./sibol dead`: look through what the rooms have given up, send it back, or drop it."""

import asyncio
import importlib
from types import ModuleType
from typing import Annotated

import typer

from launcher.answering import explaining
from launcher.console import show
from launcher.errors import Refused
from launcher.rooms import ROOMS

QUEUES = (*ROOMS, "unrouted")

app = typer.Typer(
    help="Look through what the rooms have given up, send it back, or drop it.",
    no_args_is_help=True,
)
RoomArgument = Annotated[str, typer.Argument(help=f"One of {', '.join(QUEUES)}.")]
IdsArgument = Annotated[list[str] | None, typer.Argument(help="As ./sibol dead list shows them.")]
EveryOption = Annotated[bool, typer.Option("--all", help="All that are there now.")]


@app.command("list")
def list_letters(
    room: Annotated[str | None, typer.Argument(help="One room; all without.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many of each.")] = 100,
) -> None:
    """Show what was given up, the oldest first; it all stays where it is."""
    with explaining():
        asyncio.run(_letters().show_all([_known(room)] if room else QUEUES, limit))


@app.command("show")
def show_letter(room: RoomArgument, letter: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Show one message whole; it stays where it is."""
    with explaining():
        show(asyncio.run(_letters().show_one(_known(room), letter)))


@app.command()
def redrive(room: RoomArgument, ids: IdsArgument = None, everything: EveryOption = False) -> None:
    """Send messages back to be handled again. What was handled meanwhile is not done twice."""
    with explaining():
        wanted = _wanted(ids, everything=everything)
        asyncio.run(_letters().redrive(_known(room), wanted))


@app.command()
def drop(
    room: RoomArgument,
    ids: IdsArgument = None,
    everything: EveryOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove messages for ever: what they ask for will not be done."""
    with explaining():
        wanted = _wanted(ids, everything=everything)
        name = "everything" if wanted is None else " ".join(sorted(wanted))
        if not yes:
            typer.confirm(f"Drop {name} of {_known(room)} for ever?", abort=True)
        asyncio.run(_letters().drop(_known(room), wanted))


def _known(room: str) -> str:
    if room not in QUEUES:
        raise Refused(f"There is no dead queue of {room}. There are: {', '.join(QUEUES)}.")
    return room


def _wanted(ids: list[str] | None, *, everything: bool) -> set[str] | None:
    """None for all."""
    if bool(ids) == everything:
        raise Refused("Name the messages by their ids, or say --all.")
    return None if everything else set(ids or ())


def _letters() -> ModuleType:
    """Imported late: what speaks to the broker would make every other command slower."""
    return importlib.import_module("launcher.letters")
