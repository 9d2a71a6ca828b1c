"""Who and what caused the events of this task: set once per request or per handled event."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import UUID

from shared.ids import new_id


@dataclass(frozen=True)
class Origin:
    correlation_id: UUID = field(default_factory=new_id)
    causation_id: UUID | None = None
    actor_kind: str = "system"
    tenant: str = "ph"
    traceparent: str | None = None


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
