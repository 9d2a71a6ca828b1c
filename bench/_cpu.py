"""What processes have cost: CPU seconds of a whole family, and memory."""

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
LISTENING = "0A"


class NotFound(Exception):
    """The server is not a process of this machine and user."""


@dataclass(frozen=True)
class Stat:
    parent: int
    own: int
    ended_children: int


def stat(pid: int) -> Stat:
    fields = (PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return Stat(
        int(fields[1]), int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    )


def _all() -> dict[int, Stat]:
    found = {}
    for path in PROC.iterdir():
        if path.name.isdigit():
            try:
                found[int(path.name)] = stat(int(path.name))
            except (OSError, IndexError):
                continue
    return found


def family(root: int, stats: dict[int, Stat] | None = None) -> set[int]:
    """The process and all that descend from it."""
    stats = stats or _all()
    members = {root}
    while True:
        more = {pid for pid, found in stats.items() if found.parent in members} - members
        if not more:
            return members
        members |= more


def family_seconds(root: int, *, without: Collection[int] = ()) -> float:
    """User and system time so far, with what children that ended have cost.

    Looked at again when a child ends meanwhile: its time would be counted twice, or not at all.
    """
    while True:
        stats = _all()
        if root not in stats:
            raise NotFound(f"Process {root} is gone.")
        members = family(root, stats) - set(without)
        ticks = sum(stats[pid].own + stats[pid].ended_children for pid in members)
        if stat(root).ended_children == stats[root].ended_children:
            return ticks / TICKS


def memory_mb(root: int) -> float:
    """Resident memory of the largest process of the family."""
    return max(_resident_kb(pid) for pid in family(root)) / 1024


def _resident_kb(pid: int) -> int:
    try:
        text = (PROC / str(pid) / "status").read_text("utf-8", "replace")
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s+(\d+)", text)
    return int(found[1]) if found else 0


def listener(url: str, default: int) -> int:
    """The process that listens on the port of this address."""
    port = urlsplit(url).port or default
    inodes = set(_sockets(port))
    found = {pid for pid in _all() if inodes & set(_held(pid))}
    first = [pid for pid in found if stat(pid).parent not in found]
    if not first:
        raise NotFound(
            f"Nobody on this machine listens on port {port}: the CPU of the servers can be read only "
            "where they run, by their own user."
        )
    return first[0]


def _sockets(port: int) -> Iterator[str]:
    for name in ("tcp", "tcp6"):
        for line in (PROC / "net" / name).read_text("ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield f"socket:[{fields[9]}]"


def _held(pid: int) -> Iterator[str]:
    try:
        for path in (PROC / str(pid) / "fd").iterdir():
            yield str(path.readlink())
    except OSError:
        return


@dataclass(frozen=True)
class Spent:
    """CPU seconds so far, or of a span."""

    workers: float
    postgres: float
    broker: float

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(
            self.workers - other.workers,
            self.postgres - other.postgres,
            self.broker - other.broker,
        )


@dataclass(frozen=True)
class Meter:
    """`onlookers` are the backends of those who only look, and are not counted."""

    postmaster: int
    broker: int
    onlookers: frozenset[int]

    @classmethod
    async def of(cls, amqp_url: str, *onlookers: "asyncpg.Connection[asyncpg.Record]") -> "Meter":
        pids = {await conn.fetchval("SELECT pg_backend_pid()") for conn in onlookers}
        postmasters = {stat(pid).parent for pid in pids if (PROC / str(pid)).exists()}
        if len(postmasters) != 1:
            raise NotFound("PostgreSQL does not run on this machine: its CPU cannot be read.")
        return cls(postmasters.pop(), listener(amqp_url, 5672), frozenset(pids))

    def read(self, *workers: int) -> Spent:
        return Spent(
            sum(family_seconds(pid) for pid in workers),
            family_seconds(self.postmaster, without=self.onlookers),
            family_seconds(self.broker),
        )
