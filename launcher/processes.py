"""Processes by number and birth, so that a number used again is never mistaken for the old process.

Every process the launcher starts leads a session of its own; whatever it starts in turn is found by that session.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
# A login grants 1024, which a gateway with many waiting clients exceeds.


@dataclass(frozen=True)
class Identity:
    pid: int
    born: int
    """In clock ticks since the machine started."""


@dataclass(frozen=True)
class Ending:
    """How a process is to be stopped: lower stages first, each with its signal and patience."""

    identity: Identity
    stage: int
    signal: int = signal.SIGTERM
    grace: float = 15.0


def identify(pid: int) -> Identity | None:
    fields = _stat(pid)
    return Identity(pid, int(fields[19])) if fields else None


def is_alive(identity: Identity) -> bool:
    fields = _stat(identity.pid)
    return fields is not None and int(fields[19]) == identity.born and fields[0] != "Z"


def session_of(identity: Identity) -> list[int]:
    """Every living process of the session that this one led; empty when its number is used again."""
    leader = _stat(identity.pid)
    if leader and int(leader[19]) != identity.born:
        return []
    numbers = (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())
    return [pid for pid in numbers if _is_member(pid, identity.pid)]


def end(endings: Iterable[Ending], *, hurry: threading.Event | None = None) -> None:
    """Stop stage after stage; who does not go in time is killed."""
    ordered = sorted(endings, key=lambda ending: ending.stage)
    for stage in dict.fromkeys(ending.stage for ending in ordered):
        _end_together([e for e in ordered if e.stage == stage], hurry or threading.Event())


def _end_together(endings: list[Ending], hurry: threading.Event) -> None:
    for ending in endings:
        if is_alive(ending.identity):
            _signal(ending.identity.pid, ending.signal)
    asked = time.monotonic()
    left = endings
    while left := [ending for ending in left if session_of(ending.identity)]:
        for ending in left:
            if hurry.is_set() or time.monotonic() - asked > ending.grace:
                kill_session(ending.identity)
        time.sleep(0.05)


def kill_session(identity: Identity) -> None:
    for pid in session_of(identity):
        _signal(pid, signal.SIGKILL)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _is_member(pid: int, session: int) -> bool:
    fields = _stat(pid)
    return fields is not None and int(fields[3]) == session and fields[0] != "Z"


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat after the name, which may itself hold spaces and brackets."""
    try:
        content = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return content[content.rindex(")") + 2 :].split()
