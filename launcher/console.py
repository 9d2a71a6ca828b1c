import contextlib
import time
from collections.abc import Iterator

from rich.console import Console, RenderableType

_console = Console(highlight=False)


def show(*parts: RenderableType) -> None:
    """Print; a terminal that has gone away is no reason to stop."""
    with contextlib.suppress(OSError):
        _console.print(*parts, soft_wrap=True)


class Clock:
    """Progress lines with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def say(self, text: str) -> None:
        show(f"[dim]{self.seconds:6.1f} s[/]  {text}")


@contextlib.contextmanager
def waiting(text: str) -> Iterator[None]:
    """A spinner on a terminal, nothing elsewhere."""
    if not _console.is_terminal:
        yield
        return
    with _console.status(text):
        yield
