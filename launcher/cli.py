import asyncio
import contextlib
import importlib
import os
import signal
import sys
import time
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from launcher import chaos, checks, dead, logs, migrating, places, replaying, rooms, running
from launcher import up as upping
from launcher.answering import explaining, present, servers
from launcher.console import Clock, show
from launcher.errors import Refused
from launcher.processes import is_alive
from launcher.readiness import is_ready
from launcher.record import Entry, Record

app = typer.Typer(
    help="Sibol on one machine: servers, rooms, demo and tests.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.add_typer(dead.app, name="dead")


@app.command()
def up(
    scale: Annotated[list[str] | None, typer.Option(help="How many of a room: matching=2.")] = None,
    demo: Annotated[
        bool | None,
        typer.Option(
            "--demo/--no-demo", help="Load the demo once; unasked only into a private database."
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the API; the next free one if taken.")] = 8080,
) -> None:
    """Start everything, print the addresses, and keep it running until Ctrl-C."""
    with explaining():
        wishes = upping.Wishes(scale=rooms.read_scale(scale or []), port=port, demo=demo)
        upping.up(places.ordinary(), wishes)


@app.command()
def down() -> None:
    """Stop a running `up` and wait until all of it is gone."""
    record = running.running(places.ordinary())
    if record is None:
        show("Nothing is running.")
        return
    os.kill(record.supervisor.pid, signal.SIGTERM)
    while is_alive(record.supervisor):
        time.sleep(0.1)
    show("Stopped.")


@app.command()
def status() -> None:
    """Show every process: is it ready, since when, how often it was started again."""
    record = present()
    show(asyncio.run(_status(record)))
    if record.addresses:
        show(upping.listed(record.addresses))


@app.command("logs")
def show_logs(
    room: Annotated[str | None, typer.Argument(help="One process; all without.")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on with new lines.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", help="How many of the last lines.")] = 50,
) -> None:
    """Print what the processes have logged."""
    with explaining(), contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        _print_logs(room, lines, follow=follow)


@app.command()
def migrate() -> None:
    """Bring schemas and queues up to date: of SIBOL_DATABASE_URL and SIBOL_AMQP_URL, or of the running set."""
    with explaining():
        house = rooms.House(places.ordinary(), servers())
        asyncio.run(migrating.migrate(house, Clock().say))


@app.command()
def queues() -> None:
    """Show what waits where, and what somebody should look at."""
    with explaining():
        # Imported late: what speaks to the servers would make every other command slower.
        table, advice = asyncio.run(importlib.import_module("launcher.queues").look(servers()))
        show(table, *advice, sep="\n")


@app.command()
def replay(
    room: Annotated[str, typer.Argument(help=f"One of {', '.join(rooms.ROOMS)}.")],
    since: Annotated[str | None, typer.Option(help="Only from then on: 2026-11-24T08:00.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Build one room's tables anew from the log of events; nobody is told anything again."""
    with explaining():
        replaying.replay(room, since, yes=yes)


@app.command()
def demo() -> None:
    """Play a whole internship through the API, on the running set or on one for the moment."""
    with explaining():
        record = running.running(places.ordinary())
        if record is None:
            upping.up(places.ordinary(), upping.Wishes(), then=upping.play_demo_alone)
        else:
            asyncio.run(upping.play_demo(_api(record)))


@app.command()
def mails(
    to: Annotated[str, typer.Option(help="Only those to this address.")] = "",
    lines: Annotated[int, typer.Option("-n", help="How many of the newest.")] = 20,
) -> None:
    """Print the mails that Sibol has sent on this machine."""
    from launcher.mailbox import Mailbox  # noqa: PLC0415 - the parser of mails is needed here alone

    for mail in Mailbox(places.ordinary().mails).newest(to=to, count=lines):
        show(f"[bold]{escape(mail.subject)}[/]  to {escape(', '.join(mail.to))}  {mail.at:%F %T}")
        show(escape(mail.text.strip()) + "\n")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """Check everything on private servers: style, types, imports, tests. After -- come pytest's options."""
    with explaining():
        raise typer.Exit(checks.check(places.testing(), context.args))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="One of the files in bench/.")],
) -> None:
    """Measure on private servers. What comes after the name is for the bench itself."""
    with explaining():
        raise typer.Exit(checks.bench(places.testing(), name, context.args))


@app.command(
    "chaos",
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],
    },
)
def break_everything(context: typer.Context) -> None:
    """Break everything under load, on servers of its own, and look what was lost: see --help."""
    raise typer.Exit(chaos.run(context.args))


def _api(record: Record) -> str:
    address = record.addresses.get("API")
    if address is None or not asyncio.run(is_ready(f"{address}/readyz")):
        raise Refused("Sibol runs, but its API is not ready yet. See ./sibol status.")
    return address


async def _status(record: Record) -> Table:
    entries = sorted(record.entries.values(), key=lambda entry: (entry.stage, entry.name))
    ready = await asyncio.gather(*(is_ready(entry.ready) for entry in entries))
    shown = Table("process", "pid", "ready", "up for", "restarts")
    for entry, answer in zip(entries, ready, strict=True):
        shown.add_row(*_row(entry, ready=answer))
    return shown


def _row(entry: Entry, *, ready: bool) -> tuple[Any, ...]:
    if not is_alive(entry.identity):
        return entry.name, "-", "[red]down[/]", "-", str(entry.restarts)
    lasted = timedelta(seconds=int(time.time() - entry.since))
    state = "[green]yes[/]" if ready else "[yellow]no[/]"
    return entry.name, str(entry.pid), state, str(lasted), str(entry.restarts)


def _print_logs(room: str | None, lines: int, *, follow: bool) -> None:
    folder = places.ordinary().logs
    files = sorted(path for path in folder.glob("*.log") if not path.stem.endswith(".1"))
    if room is not None:
        known = [path.stem for path in files]
        files = [folder / f"{room}.log"]
        if room not in known:
            raise Refused(f"There is no log of {room}. There are: {', '.join(known) or 'none'}.")
    width = max((len(path.stem) for path in files), default=0)
    for path in files:
        for line in logs.tail(path, lines):
            _print_line(f"{path.stem:{width}} | {line}")
    if follow:
        for name, line in logs.follow(files):
            _print_line(f"{name:{width}} | {line}")


def _print_line(line: str) -> None:
    print(line if sys.stdout.isatty() else logs.plain(line), flush=True)
