"""Run a room with one more handler for everything it hears: it notes each effect, without looking
whether it was noted before, in the transaction of the other handlers.

    python -m chaos.watched services.matching
"""

import os
import runpy
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from chaos.marks import DEADLY, FAULTY, TRIES_FILE
from shared import worker
from shared.database import Connection
from shared.events.base import Event
from shared.messaging import Subscription, on


class Faulty(Exception):
    """What a mistake in our own code would raise."""


def watching(room: str, subscriptions: Iterable[Subscription]) -> list[Subscription]:
    found = list(subscriptions)

    async def note(conn: Connection, event: Event) -> None:
        _obey(event)
        await conn.execute("INSERT INTO chaos.effects VALUES ($1, $2)", room, event.envelope.id)

    events: list[Any] = list(dict.fromkeys(item.event for item in found))
    return [*(on(event, note) for event in events), *found]


def _obey(event: Event) -> None:
    mark = event.envelope.correlation_id
    if mark == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    if mark == FAULTY:
        with Path(os.environ[TRIES_FILE]).open("a") as file:
            file.write(f"{event.envelope.id}\n")
        raise Faulty


def watch() -> None:
    """Before the room's own module asks for it."""
    ordinary = worker.run_room

    async def run_room(
        settings: Any, room: str, subscriptions: Iterable[Subscription], *others: Any, **named: Any
    ) -> None:
        await ordinary(settings, room, watching(room, subscriptions), *others, **named)

    worker.run_room = run_room


def run(package: str, arguments: list[str]) -> None:
    watch()
    sys.argv = [package, *arguments]
    runpy.run_module(package, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2:])
