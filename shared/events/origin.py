"""Who and what caused the events of this task: set once per request or per handled event."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from shared.ids import new_id

# The tenant that is no sandbox.
REAL = "ph"


@dataclass(frozen=True)
class Origin:
    """`ahead` is how far the tenant's clock runs before the real one: an effect has the time of
    its cause."""

    correlation_id: UUID = field(default_factory=new_id)
    causation_id: UUID | None = None
    actor_kind: str = "system"
    tenant: str = REAL
    traceparent: str | None = None
    ahead: timedelta = timedelta()


_current: ContextVar[Origin | None] = ContextVar("origin", default=None)


def current() -> Origin:
    return _current.get() or Origin()


@contextmanager
def within(origin: Origin) -> Iterator[None]:
    token = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(token)
