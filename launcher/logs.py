"""Log files of bounded size: renamed at the start of a process, cut while it runs."""

import collections
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

LARGEST = 20 * 1024 * 1024
LARGE_AT_START = 2 * 1024 * 1024


def rotate(path: Path, *, above: int = LARGE_AT_START) -> None:
    if path.exists() and path.stat().st_size > above:
        path.replace(_older(path))


def cut(path: Path, *, above: int = LARGEST) -> None:
    """Keep a copy and empty the file; its writer appends, so it goes on at the start."""
    if path.exists() and path.stat().st_size > above:
        shutil.copyfile(path, _older(path))
        with path.open("r+b") as file:
            file.truncate()


def tail(path: Path, count: int, *, offset: int = 0) -> list[str]:
    try:
        with path.open(errors="replace") as file:
            file.seek(offset)
            return [line.rstrip("\n") for line in collections.deque(file, maxlen=count)]
    except FileNotFoundError:
        return []


def follow(paths: list[Path]) -> Iterator[tuple[str, str]]:
    """Yield (name, line) as lines arrive, for ever."""
    places = {path: path.stat().st_size if path.exists() else 0 for path in paths}
    while True:
        for path in paths:
            places[path], lines = _new_lines(path, places[path])
            yield from ((path.stem, line) for line in lines)
        time.sleep(0.2)


def plain(line: str) -> str:
    """Without the colours of a terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", line)


def _new_lines(path: Path, place: int) -> tuple[int, list[str]]:
    if not path.exists():
        return 0, []
    if path.stat().st_size < place:
        place = 0
    with path.open("rb") as file:
        file.seek(place)
        content = file.read()
    whole = content[: content.rfind(b"\n") + 1]
    return place + len(whole), whole.decode(errors="replace").splitlines()


def _older(path: Path) -> Path:
    return path.with_suffix(".1.log")
