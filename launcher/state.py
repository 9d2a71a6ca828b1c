"""What is chosen at the first start and kept: ports and passwords."""

import json
import os
import secrets
import socket
from pathlib import Path
from typing import Any

# Below the range from which Linux takes ports for outgoing connections.
CHOICE = range(20_000, 30_000)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
            probe.listen(1)
        except OSError:
            return False
        return True


def first_free(port: int) -> int:
    while not is_free(port):
        port += 1
    return port


def write_json(path: Path, content: Any) -> None:
    """Whole or not at all, and for the owner's eyes only."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
    fresh.replace(path)


def read_json(path: Path) -> Any:
    """Return None when there is no readable document."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


class State:
    def __init__(self, path: Path) -> None:
        self._path = path
        kept = read_json(path) or {}
        self._ports: dict[str, int] = kept.get("ports", {})
        self._secrets: dict[str, str] = kept.get("secrets", {})
        self._given: set[int] = set()

    def port(self, name: str) -> int:
        """The port of last time while it is free, else another one."""
        port = self._ports.get(name)
        if port is None or port in self._given or not is_free(port):
            port = self._choose()
        self._given.add(port)
        if self._ports.get(name) != port:
            self._ports[name] = port
            self._save()
        return port

    def secret(self, name: str) -> str:
        if name not in self._secrets:
            self._secrets[name] = secrets.token_hex(16)
            self._save()
        return self._secrets[name]

    def _choose(self) -> int:
        taken = self._given | set(self._ports.values())
        while True:
            port = secrets.choice(CHOICE)
            if port not in taken and is_free(port):
                return port

    def _save(self) -> None:
        write_json(self._path, {"ports": self._ports, "secrets": self._secrets})
