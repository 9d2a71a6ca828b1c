"""What every command needs: to refuse in words, and to know which servers it speaks to."""

import contextlib
import os
from collections.abc import Iterator

import typer
from rich.markup import escape

from launcher import places, running
from launcher.console import show
from launcher.errors import Refused
from launcher.record import Record
from launcher.rooms import Servers


@contextlib.contextmanager
def explaining() -> Iterator[None]:
    try:
        yield
    except Refused as error:
        show(f"[red]{escape(str(error))}[/]")
        raise typer.Exit(1) from error


def present() -> Record:
    record = running.running(places.ordinary())
    if record is None:
        show("Nothing is running. Start it with ./sibol up.")
        raise typer.Exit(1)
    return record


def servers() -> Servers:
    """Of SIBOL_DATABASE_URL and SIBOL_AMQP_URL, or of the running set."""
    database_url = os.environ.get("SIBOL_DATABASE_URL")
    amqp_url = os.environ.get("SIBOL_AMQP_URL")
    if database_url and amqp_url:
        return Servers(database_url, amqp_url, broker=amqp_url)
    return Servers(**_running())


def amqp_url() -> str:
    """Of SIBOL_AMQP_URL, or of the running set."""
    return os.environ.get("SIBOL_AMQP_URL") or _running()["amqp_url"]


def _running() -> dict[str, str]:
    found = present().servers
    if not found:
        raise Refused("Sibol is still starting. Wait for its addresses, then ask again.")
    return found
