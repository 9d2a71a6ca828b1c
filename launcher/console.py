import contextlib
import time

from rich.console import Console, RenderableType

_console = Console(highlight=False)


def show(*parts: RenderableType, sep: str = " ") -> None:
    """Print; a terminal that has gone away is no reason to stop."""
    with contextlib.suppress(OSError):
        _console.print(*parts, sep=sep, soft_wrap=True)


class Clock:
    """Progress lines with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def say(self, text: str) -> None:
        show(f"[dim]{self.seconds:6.1f} s[/]  {text}")
