"""`./sibol test`: the checks that need no server run while the servers start."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape
from rich.rule import Rule
from rich.table import Table

from launcher.console import Clock, show
from launcher.errors import Refused
from launcher.places import ROOT, Places
from launcher.processes import identify
from launcher.record import Entry
from launcher.running import Run, run_in
from launcher.servers import Starter
from launcher.state import State
from launcher.supervisor import Supervisor
from launcher.up import Done, stopping_on_signals, unwrapped

BINARIES = Path(sys.executable).parent
STATIC = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy"],
    "lint-imports": ["lint-imports"],
}
ALONE = "tests/e2e"
MOST_WORKERS = 4
GIVEN = ("SIBOL_TEST_DATABASE_URL", "SIBOL_TEST_AMQP_URL", "SIBOL_TEST_AMQP_API")


@dataclass(frozen=True)
class Outcome:
    name: str
    code: int
    seconds: float


@dataclass(frozen=True)
class Step:
    """A Python command that is given the servers' addresses."""

    name: str
    command: list[str]


def check(places: Places, arguments: list[str]) -> int:
    """Run every check and return the code of the first that failed. What measures or kills processes
    runs alone, all else on every core."""
    if arguments:
        return _carry_out(places, [_pytest("pytest", *arguments)], STATIC)
    workers = str(min(os.cpu_count() or 1, MOST_WORKERS))
    most = _pytest("pytest", "-n", workers, "--dist", "loadfile", "--ignore", ALONE)
    return _carry_out(places, [most, _pytest(f"pytest {ALONE}", ALONE)], STATIC)


def _pytest(name: str, *arguments: str) -> Step:
    return Step(name, ["-m", "pytest", *arguments])


def bench(places: Places, name: str, arguments: list[str]) -> int:
    """Run one of the measurements against private servers."""
    if name not in benches():
        raise Refused(f"There is no bench {name}. There are: {', '.join(benches())}.")
    return _carry_out(places, [Step(name, ["-m", f"bench.{name}", *arguments])], {})


def benches() -> list[str]:
    return sorted(path.stem for path in (ROOT / "bench").glob("[a-z]*.py"))


def _carry_out(places: Places, steps: list[Step], static: Mapping[str, list[str]]) -> int:
    """`static` needs no server and runs while they start."""
    try:
        with run_in(places, wait=True) as current:
            outcomes = asyncio.run(_check(current, steps, static))
    except asyncio.CancelledError:
        show("Interrupted; everything is stopped.")
        return 130
    show(_summary(outcomes))
    return first_failure(outcomes)


def first_failure(outcomes: list[Outcome]) -> int:
    return next((outcome.code for outcome in outcomes if outcome.code), 0)


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Without settings of a running Sibol, so that no test can reach it."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("SIBOL_") or name.startswith("SIBOL_TEST_")
    }


async def _check(current: Run, steps: list[Step], static: Mapping[str, list[str]]) -> list[Outcome]:
    supervisor = Supervisor(current, show)
    outcomes: list[Outcome] = []
    with stopping_on_signals(supervisor.hurry.set):
        try:
            with unwrapped(Done):
                await _all(current, supervisor, steps, static, outcomes)
        finally:
            await supervisor.stop()
    return outcomes


async def _all(
    current: Run,
    supervisor: Supervisor,
    steps: list[Step],
    static: Mapping[str, list[str]],
    outcomes: list[Outcome],
) -> None:
    async with asyncio.TaskGroup() as group:
        servers = group.create_task(_servers_if_possible(current, supervisor, group))
        for name, command in static.items():
            tool = [str(BINARIES / command[0]), *command[1:]]
            outcomes.append(await _step(current, name, tool, {}))
        environment = await servers
        for step in steps:
            if environment is None:
                outcomes.append(Outcome(step.name, 1, 0.0))
            else:
                command = [sys.executable, *step.command]
                outcomes.append(await _step(current, step.name, command, environment))
        raise Done


async def _servers_if_possible(
    current: Run, supervisor: Supervisor, group: asyncio.TaskGroup
) -> dict[str, str] | None:
    try:
        with unwrapped():
            return await _servers(current, supervisor, group)
    except Refused as error:
        show(f"[red]{escape(str(error))}[/]")
        return None


async def _servers(
    current: Run, supervisor: Supervisor, group: asyncio.TaskGroup
) -> dict[str, str]:
    given = {name: os.environ[name] for name in GIVEN if name in os.environ}
    if len(given) == len(GIVEN):
        return given
    # Quiet, because their progress would stand between the lines of the first checks.
    starter = Starter(current, State(current.places.state), supervisor, group, lambda _: None)
    async with asyncio.TaskGroup() as together:
        database = together.create_task(starter.postgres(hasty=True))
        broker = together.create_task(starter.rabbitmq_anew())
    return {
        "SIBOL_TEST_DATABASE_URL": database.result().url,
        "SIBOL_TEST_AMQP_URL": broker.result().url,
        "SIBOL_TEST_AMQP_API": broker.result().api_url,
    }


async def _step(
    current: Run, name: str, command: list[str], environment: dict[str, str]
) -> Outcome:
    show(Rule(f"[bold]{name}[/]", align="left"))
    clock = Clock()
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env=clean_environment(os.environ) | environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    _note(current, process.pid)
    return Outcome(name, await process.wait(), clock.seconds)


def _note(current: Run, pid: int) -> None:
    """Listed first, so that whoever stops the servers lets the check clean up before."""
    identity = identify(pid)
    if identity is not None:
        current.put(
            Entry(
                name="check",
                pid=identity.pid,
                born=identity.born,
                stage=0,
                signal=signal.SIGINT,
                grace=15,
                ready="",
                since=time.time(),
                restarts=0,
            )
        )


def _summary(outcomes: list[Outcome]) -> Table:
    shown = Table("check", "result", "seconds")
    for outcome in outcomes:
        result = "[green]passed[/]" if outcome.code == 0 else f"[red]failed ({outcome.code})[/]"
        shown.add_row(outcome.name, result, f"{outcome.seconds:.1f}")
    return shown
