"""What the clients were told: each answer is written down before its client goes on."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Entry:
    """One command. Without a status its fate is unknown: done or not, but not half."""

    number: int
    person_id: str
    kind: str
    method: str
    path: str
    key: str
    body: Any
    asked_at: float
    status: int | None = None
    answer: Any = None
    answered_at: float = 0
    tries: int = 0
    replayed: bool = False

    @property
    def is_acknowledged(self) -> bool:
        return self.status is not None and self.status < 300


@dataclass
class Ledger:
    path: Path
    entries: list[Entry] = field(default_factory=list)
    successes: list[float] = field(default_factory=list)
    repeats: int = 0
    differences: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._file = self.path.open("a")

    def close(self) -> None:
        self._file.close()

    def begin(self, **facts: Any) -> Entry:
        entry = Entry(len(self.entries), asked_at=time.time(), **facts)
        self.entries.append(entry)
        self._write(
            {"asked": entry.number, "kind": entry.kind, "key": entry.key, "path": entry.path}
        )
        return entry

    def answered(self, entry: Entry, status: int, answer: Any) -> None:
        entry.status, entry.answer, entry.answered_at = status, answer, time.time()
        if entry.is_acknowledged:
            self.successes.append(entry.answered_at)
        about = answer if isinstance(answer, dict) else {}
        facts = {name: about.get(name) for name in ("id", "state", "version")}
        self._write({"answered": entry.number, "status": status, **facts, "at": entry.answered_at})

    def repeated(self, entry: Entry, status: int, answer: Any) -> None:
        """Of one key there is one answer."""
        self.repeats += 1
        if (status, answer) != (entry.status, entry.answer):
            self.differences.append(
                f"{entry.kind} {entry.key}: answered {entry.status}, and when sent again {status}"
            )

    def acknowledged(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.is_acknowledged]

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
