"""An event is a fact with a version: what happened, to which record, in which order."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PrivateAttr

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

    _envelope: Envelope | None = PrivateAttr(default=None)

    @property
    def subject(self) -> UUID:
        value = getattr(self, self.subject_field)
        assert isinstance(value, UUID)
        return value

    @property
    def envelope(self) -> Envelope:
        assert self._envelope is not None, "Only a received event has an envelope."
        return self._envelope

    def received(self, envelope: Envelope) -> Self:
        self._envelope = envelope
        return self
