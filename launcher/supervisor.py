import asyncio
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.markup import escape

from launcher import logs
from launcher.places import ROOT
from launcher.processes import end, identify
from launcher.readiness import until_ready
from launcher.record import Entry
from launcher.running import Run, log_file

LONGEST_PAUSE = 30.0
# Who ran this long has recovered, and its next failure is a first one again.
SETTLED = 60.0
FAILURES_TO_GIVE_UP_WAITING = 3


@dataclass(frozen=True)
class Program:
    """What to run, how to see that it is ready, and how to stop it."""

    name: str
    command: list[str]
    ready: str
    stage: int
    environment: dict[str, str] = field(default_factory=dict)
    signal: int = signal.SIGTERM
    grace: float = 15.0


@dataclass
class Supervised:
    program: Program
    process: asyncio.subprocess.Process
    since: float
    log_start: int
    restarts: int = 0
    failures: int = 0


class Supervisor:
    """Keeps programs alive: starts again who dies, with growing pauses, and says so."""

    def __init__(self, run: Run, say: Callable[[str], None]) -> None:
        self._run = run
        self._say = say
        self._kept: dict[str, Supervised] = {}
        self.hurry = threading.Event()

    async def start(self, program: Program) -> None:
        logs.rotate(log_file(self._run.places, program.name))
        self._kept[program.name] = await self._launch(program)

    async def keep(self, name: str) -> None:
        """Watch one started program for ever."""
        while True:
            one = self._kept[name]
            code = await one.process.wait()
            await asyncio.sleep(self._judge(one, code))
            await self._launch_again(one)
            telling = asyncio.ensure_future(self._tell_when_ready(name))
            await self._kept[name].process.wait()
            telling.cancel()

    async def _launch_again(self, one: Supervised) -> None:
        again = await self._launch(one.program)
        again.restarts, again.failures = one.restarts + 1, one.failures
        self._kept[one.program.name] = again
        self._note(again)

    async def _tell_when_ready(self, name: str) -> None:
        await until_ready(self._kept[name].program.ready)
        self._say(f"[green]{name} is ready again[/]")

    async def wait_ready(self, name: str, *, patience: float = 60.0) -> bool:
        """False when it is not ready in time, or died again and again."""
        program = self._kept[name].program
        asking = asyncio.ensure_future(until_ready(program.ready))
        deadline = time.monotonic() + patience
        try:
            while not asking.done():
                if time.monotonic() > deadline or self._is_hopeless(name):
                    return False
                await asyncio.wait({asking}, timeout=0.1)
        finally:
            asking.cancel()
        return True

    async def watch_house(self) -> None:
        """Bound the log files and keep the guardian."""
        while True:
            await asyncio.sleep(20)
            self._run.guardian.keep()
            for name in self._kept:
                await asyncio.to_thread(logs.cut, log_file(self._run.places, name))

    async def stop(self) -> None:
        endings = [entry.ending() for entry in self._run.record.entries.values()]
        await asyncio.to_thread(end, endings, hurry=self.hurry)
        for one in self._kept.values():
            await one.process.wait()
        self._run.record.entries.clear()

    def last_lines(self, name: str, count: int = 12) -> list[str]:
        """What the program has logged since its last start."""
        one = self._kept[name]
        return logs.tail(log_file(self._run.places, name), count, offset=one.log_start)

    async def _launch(self, program: Program) -> Supervised:
        path = log_file(self._run.places, program.name)
        with path.open("ab") as log:
            start = log.tell()
            process = await asyncio.create_subprocess_exec(
                *program.command,
                cwd=ROOT,
                env={**os.environ, **program.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        one = Supervised(program, process, since=time.time(), log_start=start)
        self._note(one)
        return one

    def _note(self, one: Supervised) -> None:
        identity = identify(one.process.pid)
        if identity is None:
            return
        program = one.program
        self._run.put(
            Entry(
                name=program.name,
                pid=identity.pid,
                born=identity.born,
                stage=program.stage,
                signal=program.signal,
                grace=program.grace,
                ready=program.ready,
                since=one.since,
                restarts=one.restarts,
            )
        )

    def _judge(self, one: Supervised, code: int) -> float:
        """Say what happened and return the pause before the next try."""
        lasted = time.time() - one.since
        one.failures = 1 if lasted > SETTLED else one.failures + 1
        pause = min(LONGEST_PAUSE, 2.0 ** (one.failures - 1))
        name = one.program.name
        self._say(
            f"[red]{name} ended {_how(code)} after {lasted:.1f} s[/]; again in {pause:.0f} s. "
            f"Its last lines (all: ./sibol logs {name}):"
        )
        for line in self.last_lines(name):
            self._say(f"  [dim]|[/] {escape(logs.plain(line))}")
        return pause

    def _is_hopeless(self, name: str) -> bool:
        return self._kept[name].failures >= FAILURES_TO_GIVE_UP_WAITING


def _how(code: int) -> str:
    return f"with code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
