"""The real rooms as processes, each on its own ports, against the database and the virtual host of
one test."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from shared.database.migrate import ROOMS
from tests.support.places import ROOT

READY_SECONDS = 60
TIMERS = "timers"
# The timers are the gateway's second process.
PROCESSES = (*ROOMS, TIMERS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def ready_at(port: int, *, seconds: float = READY_SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(is_ready_at, port):
            await asyncio.sleep(0.1)


def is_ready_at(port: int) -> bool:
    address = f"http://127.0.0.1:{port}/readyz"
    with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
        return answer.status == 200
    return False


class Sink(Message):
    """A mail server that keeps what it is given."""

    def __init__(self):
        super().__init__()
        self.mails = []

    def handle_message(self, message):
        self.mails.append(message)

    def to(self, address):
        return [mail for mail in self.mails if mail["To"] and address in mail["To"]]


@dataclass
class Rooms:
    database_url: str
    amqp_url: str
    folder: Path
    sink: Sink = field(default_factory=Sink)
    processes: dict = field(default_factory=dict)
    ports: dict = field(default_factory=lambda: {name: free_port() for name in PROCESSES})
    smtp_port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['gateway']}"

    def environment(self, name: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SIBOL_")}
        own = "SIBOL_HTTP_PORT" if name == "gateway" else "SIBOL_HEALTH_PORT"
        return kept | {
            "SIBOL_DATABASE_URL": self.database_url,
            "SIBOL_AMQP_URL": self.amqp_url,
            "SIBOL_SMTP_URL": f"smtp://127.0.0.1:{self.smtp_port}",
            "SIBOL_PUBLIC_URL": self.url,
            "SIBOL_FILES_URL": (self.folder / "files").as_uri(),
            "SIBOL_KEYS_DIR": str(self.folder / "keys"),
            own: str(self.ports[name]),
        }

    async def run(self, name: str, *arguments: str) -> asyncio.subprocess.Process:
        command = ["services.gateway", TIMERS] if name == TIMERS else [f"services.{name}"]
        log = (self.folder / f"{name}.log").open("ab")
        with log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *command,
                *arguments,
                cwd=ROOT,
                env=self.environment(name),
                stdout=log,
                stderr=log,
            )

    async def start(self) -> None:
        (self.folder / "keys").mkdir(mode=0o700)
        migrations = [await self.run(room, "migrate") for room in ROOMS]
        assert [await process.wait() for process in migrations] == [0] * len(ROOMS), self.logs()
        for name in PROCESSES:
            self.processes[name] = await self.run(name)
        for name in PROCESSES:
            await self.ready(name)

    async def ready(self, name: str) -> None:
        for _ in range(READY_SECONDS * 10):
            if await asyncio.to_thread(self.answers, name):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{name} is not ready:\n{self.logs()}")

    def answers(self, name: str) -> bool:
        return is_ready_at(self.ports[name])

    async def kill(self, name: str) -> None:
        """As the kernel would, and start it again."""
        self.processes[name].kill()
        await self.processes[name].wait()
        self.processes[name] = await self.run(name)

    async def stop(self) -> dict[str, int]:
        """Ask nicely; return each exit code."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        return {name: await process.wait() for name, process in self.processes.items()}

    def logs(self) -> str:
        return "\n".join(path.read_text()[-3000:] for path in sorted(self.folder.glob("*.log")))


@contextlib.asynccontextmanager
async def running(database_url: str, amqp_url: str, folder: Path):
    rooms = Rooms(database_url, amqp_url, folder)
    controller = Controller(rooms.sink, hostname="127.0.0.1", port=rooms.smtp_port)
    controller.start()
    try:
        await rooms.start()
        yield rooms
    finally:
        await rooms.stop()
        controller.stop()
