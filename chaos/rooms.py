"""The real rooms, two of each, every one behind links of its own; who dies is started again."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from chaos.proxy import ADDRESS, Link
from chaos.servers import note
from launcher.places import ROOT
from launcher.running import Run
from launcher.supervisor import Program
from tests.support.rooms import free_port, is_ready_at

READY_SECONDS = 90
STOP_SECONDS = 10
TIMERS = "timers"
CRASH_AT = "SIBOL_CRASH_AT"
# The first may die of what the preparations said; the second meets what the clients did.
CRASHING_STARTS = 2
DATABASE, BROKER, MAIL = "postgres", "broker", "mail"
ARGUMENTS = {
    "gateway": ["services.gateway"],
    TIMERS: ["services.gateway", TIMERS],
    "matching": ["chaos.watched", "services.matching"],
    "notifications": ["chaos.watched", "services.notifications"],
    "credentialing": ["chaos.watched", "services.credentialing"],
}
ROLES = tuple(ARGUMENTS)


def through(url: str, link: Link) -> str:
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}{ADDRESS}:{link.port}"))


@dataclass
class Room:
    """`wanted` is false once it is to stay down."""

    name: str
    role: str
    command: list[str]
    environment: dict[str, str]
    links: dict[str, Link]
    log: Path
    port: int
    process: asyncio.subprocess.Process | None = None
    wanted: bool = True
    starts: int = 0
    endings: list[int] = field(default_factory=list)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def signal(self, number: int) -> None:
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)


@dataclass
class House:
    """What the rooms of one run share."""

    run: Run
    database_url: str
    amqp_url: str
    smtp_port: int
    folder: Path
    dice: random.Random
    rooms: dict[str, Room] = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)

    @property
    def gateways(self) -> list[str]:
        found = [room for room in self.rooms.values() if room.role == "gateway"]
        return [f"http://{ADDRESS}:{room.port}" for room in found]

    async def add(
        self,
        role: str,
        number: int = 1,
        *,
        settings: Mapping[str, str] | None = None,
        arguments: Iterable[str] = (),
    ) -> Room:
        """`arguments` in place of the ordinary ones."""
        name = f"{role}-{number}"
        links = {
            kind: Link(f"{name} to {kind}", target)
            for kind, target in (
                (DATABASE, urlsplit(self.database_url).port or 0),
                (BROKER, urlsplit(self.amqp_url).port or 0),
                (MAIL, self.smtp_port),
            )
        }
        for link in links.values():
            await link.open()
        port = free_port()
        environment = self._environment(role, port, links) | dict(settings or {})
        command = [sys.executable, "-m", *(list(arguments) or ARGUMENTS[role])]
        room = Room(name, role, command, environment, links, self.folder / f"{name}.log", port)
        self.rooms[name] = room
        return room

    def _environment(self, role: str, port: int, links: Mapping[str, Link]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SIBOL_")}
        own = "SIBOL_HTTP_PORT" if role == "gateway" else "SIBOL_HEALTH_PORT"
        return kept | {
            "SIBOL_DATABASE_URL": through(self.database_url, links[DATABASE]),
            "SIBOL_DATABASE_CONNECTIONS": "4",
            "SIBOL_AMQP_URL": through(self.amqp_url, links[BROKER]),
            "SIBOL_SMTP_URL": f"smtp://{ADDRESS}:{links[MAIL].port}",
            "SIBOL_PUBLIC_URL": f"http://{ADDRESS}:8080",
            "SIBOL_FILES_URL": (self.folder / "files").as_uri(),
            "SIBOL_KEYS_DIR": str(self.folder / "keys"),
            "PYTHONUNBUFFERED": "1",
            own: str(port),
        }

    async def launch(self, room: Room) -> None:
        if room.starts == CRASHING_STARTS:
            room.environment.pop(CRASH_AT, None)
        with room.log.open("ab") as log:
            room.process = await asyncio.create_subprocess_exec(
                *room.command,
                cwd=ROOT,
                env=room.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        room.starts += 1
        program = Program(room.name, room.command, "", stage=1)
        note(self.run, self._noted(room), room.process.pid, program)

    def _noted(self, room: Room) -> str:
        """Several houses may stand side by side."""
        return f"{self.folder.name} {room.name}"

    async def keep(self, room: Room) -> None:
        """As a supervisor would."""
        while room.wanted:
            assert room.process is not None
            room.endings.append(await room.process.wait())
            if room.wanted:
                await asyncio.sleep(self.dice.uniform(0.2, 1))
                await self.launch(room)

    async def ready(self, room: Room, *, seconds: float = READY_SECONDS) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if await asyncio.to_thread(is_ready_at, room.port):
                return True
            await asyncio.sleep(0.1)
        return False

    async def back(self, room: Room, *, seconds: float) -> bool:
        """It answers again; that it has caught up is another question."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if await asyncio.to_thread(_lives_at, room.port):
                return True
            await asyncio.sleep(0.1)
        return False

    async def all_ready(self) -> None:
        rooms = list(self.rooms.values())
        found = await asyncio.gather(*(self.ready(room) for room in rooms))
        late = [room.name for room, is_ready in zip(rooms, found, strict=True) if not is_ready]
        if late:
            raise NotReady(f"{', '.join(late)} did not become ready; see {self.folder}.")

    async def end(self, room: Room) -> None:
        """SIGTERM under load: it must end by itself, with 0, in time."""
        assert room.process is not None
        process = room.process
        started = time.monotonic()
        room.signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_SECONDS + 2)
        took = time.monotonic() - started
        if process.returncode is None:
            self.trouble.append(f"{room.name} had not ended {took:.0f} s after SIGTERM")
            room.signal(signal.SIGKILL)
        elif process.returncode not in {0, -signal.SIGKILL} or took > STOP_SECONDS:
            how = f"ended with {process.returncode} {took:.1f} s after SIGTERM"
            self.trouble.append(f"{room.name} {how}")

    async def stop(self) -> None:
        for room in self.rooms.values():
            room.wanted = False
            room.signal(signal.SIGCONT)
            room.signal(signal.SIGTERM)
        await asyncio.gather(*(self._stopped(room) for room in self.rooms.values()))
        for room in self.rooms.values():
            self.run.record.entries.pop(self._noted(room), None)
            for link in room.links.values():
                await link.close()

    async def _stopped(self, room: Room) -> None:
        if room.process is None:
            return
        try:
            await asyncio.wait_for(room.process.wait(), STOP_SECONDS)
        except TimeoutError:
            room.signal(signal.SIGKILL)
            await room.process.wait()


def _lives_at(port: int) -> bool:
    address = f"http://{ADDRESS}:{port}/livez"
    with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2) as answer:
        return bool(answer.status == 200)
    return False


class NotReady(Exception):
    """A room does not start."""
