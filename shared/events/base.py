"""An event is a fact with a version: what happened, to which record, in which order."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

TYPE_PREFIX = "ph.sibol."


@dataclass(frozen=True)
class Envelope:
    """The CloudEvents attributes of one event.

    `sequence` counts 1, 2, 3 ... without gap for each `subject`. `time` is the tenant's time, which
    runs `ahead` of the real one in a sandbox.
    """

    id: UUID
    name: str
    source: str
    subject: UUID
    sequence: int
    time: datetime
    correlation_id: UUID
    causation_id: UUID | None
    actor_kind: str
    tenant: str
    traceparent: str | None = None
    ahead: timedelta = timedelta()


class Event(BaseModel):
    """Ids and facts only: no names, texts or addresses. Unknown fields are ignored on reading,
    so that a newer publisher may add fields; the type checker refuses them on writing."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    name: ClassVar[str]
    subject_field: ClassVar[str]
    public: ClassVar[bool] = True

    # A slot, because a private attribute of a model is ten times slower to read.
    __slots__ = ("_envelope",)
    if TYPE_CHECKING:
        _envelope: Envelope

    @property
    def subject(self) -> UUID:
        value = getattr(self, self.subject_field)
        assert isinstance(value, UUID)
        return value

    @property
    def envelope(self) -> Envelope:
        """Only a received event has one."""
        return self._envelope

    def received(self, envelope: Envelope) -> Self:
        object.__setattr__(self, "_envelope", envelope)
        return self
