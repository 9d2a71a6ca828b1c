"""The only source of time. A test sets it; nothing else asks the machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

_ahead: ContextVar[timedelta] = ContextVar("ahead", default=timedelta())


def now() -> datetime:
    return datetime.now(UTC) + _ahead.get()


@contextmanager
def advanced(by: timedelta) -> Iterator[None]:
    token = _ahead.set(_ahead.get() + by)
    try:
        yield
    finally:
        _ahead.reset(token)
