"""Handle events again without saying again what was said of them the first time."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_muted: ContextVar[bool] = ContextVar("muted", default=False)


def is_muted() -> bool:
    return _muted.get()


@contextmanager
def muted() -> Iterator[None]:
    """Whatever is recorded within is neither logged nor published."""
    token = _muted.set(True)
    try:
        yield
    finally:
        _muted.reset(token)
