"""The record of a running set, on disk: for `status` and `down`, for the guardian, and for the next start."""

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from launcher.processes import Ending, Identity
from launcher.state import read_json, write_json


@dataclass
class Entry:
    name: str
    pid: int
    born: int
    stage: int
    signal: int
    grace: float
    ready: str
    since: float
    restarts: int

    @property
    def identity(self) -> Identity:
        return Identity(self.pid, self.born)

    def ending(self, *, grace: float | None = None) -> Ending:
        patience = self.grace if grace is None else min(grace, self.grace)
        return Ending(self.identity, self.stage, self.signal, patience)


@dataclass
class Record:
    supervisor: Identity
    started: float = field(default_factory=time.time)
    addresses: dict[str, str] = field(default_factory=dict)
    servers: dict[str, str] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        write_json(path, asdict(self))


def read(path: Path) -> Record | None:
    content: dict[str, Any] | None = read_json(path)
    if content is None:
        return None
    return Record(
        supervisor=Identity(**content["supervisor"]),
        started=content["started"],
        addresses=content["addresses"],
        servers=content["servers"],
        entries={name: Entry(**entry) for name, entry in content["entries"].items()},
    )
