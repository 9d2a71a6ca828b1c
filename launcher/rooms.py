import os
import sys
from dataclasses import dataclass

from launcher.errors import Refused
from launcher.places import Places
from launcher.state import State
from launcher.supervisor import Program

STAGE = 1
ROOMS = ("gateway", "matching", "notifications", "credentialing")
TIMERS = "timers"
# What runs beside the API, as many times as asked.
WORKERS = (*ROOMS[1:], TIMERS)


@dataclass(frozen=True)
class Servers:
    database_url: str
    amqp_url: str
    broker: str
    """Another one whenever the queues may be gone."""


@dataclass(frozen=True)
class House:
    """Every process beside the servers, with the ports they get."""

    places: Places
    servers: Servers
    api_port: int = 8080
    smtp_port: int = 1025
    mails_port: int = 8025

    @property
    def api_url(self) -> str:
        return f"http://localhost:{self.api_port}"

    @property
    def mails_url(self) -> str:
        return f"http://localhost:{self.mails_port}"

    def environment(self) -> dict[str, str]:
        """What the person has set wins."""
        ours = {
            "SIBOL_DATABASE_URL": self.servers.database_url,
            "SIBOL_AMQP_URL": self.servers.amqp_url,
            "SIBOL_HTTP_HOST": "127.0.0.1",
            "SIBOL_PUBLIC_URL": self.api_url,
            "SIBOL_SMTP_URL": f"smtp://127.0.0.1:{self.smtp_port}",
            "SIBOL_FILES_URL": self.places.files.as_uri(),
            "SIBOL_KEYS_DIR": str(self.places.keys),
            "SIBOL_LOG": "console",
            "PYTHONUNBUFFERED": "1",
        }
        return {name: os.environ.get(name) or value for name, value in ours.items()}

    def mails(self) -> Program:
        ports = ["--smtp-port", str(self.smtp_port), "--http-port", str(self.mails_port)]
        return Program(
            name="mails",
            command=[sys.executable, "-m", "launcher.mail", *ports, str(self.places.mails)],
            ready=f"http://127.0.0.1:{self.mails_port}/readyz",
            stage=STAGE,
        )

    def gateway(self) -> Program:
        return Program(
            name="gateway",
            command=[sys.executable, "-m", "services.gateway"],
            ready=f"http://127.0.0.1:{self.api_port}/readyz",
            stage=STAGE,
            environment=self.environment() | {"SIBOL_HTTP_PORT": str(self.api_port)},
        )

    def worker(self, room: str, name: str, port: int) -> Program:
        return Program(
            name=name,
            command=[sys.executable, "-m", *_arguments(room)],
            ready=f"http://127.0.0.1:{port}/readyz",
            stage=STAGE,
            environment=self.environment() | {"SIBOL_HEALTH_PORT": str(port)},
        )


def _arguments(worker: str) -> list[str]:
    """The timers are the gateway's second process."""
    return ["services.gateway", TIMERS] if worker == TIMERS else [f"services.{worker}"]


def programs(house: House, state: State, scale: dict[str, int]) -> list[Program]:
    workers = [
        house.worker(room, name, state.port(name))
        for room in WORKERS
        for name in names(room, scale.get(room, 1))
    ]
    return [house.gateway(), *workers, house.mails()]


def names(room: str, count: int) -> list[str]:
    """The first keeps the room's name: matching, matching-2, matching-3."""
    return [room, *(f"{room}-{number}" for number in range(2, count + 1))][:count]


def read_scale(wishes: list[str]) -> dict[str, int]:
    return dict(_read_wish(wish) for wish in wishes)


def _read_wish(wish: str) -> tuple[str, int]:
    room, _, count = wish.partition("=")
    if room not in WORKERS or not count.isdigit() or int(count) > 32:
        raise Refused(
            f"--scale {wish} is not understood. "
            f"Write --scale matching=2; rooms that scale: {', '.join(WORKERS)}; at most 32 of each."
        )
    return room, int(count)
