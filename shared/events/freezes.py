"""Freezes of clocks: a calamity, a class suspension, exams, or a reason of one's own."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.events.base import Event


class FreezeEvent(Event):
    """`place` is a region or a school; a freeze of one person names neither person nor reason."""

    subject_field: ClassVar[str] = "freeze_id"

    freeze_id: UUID
    scope: str
    place: str | None = None
    starts_at: datetime
    ends_at: datetime
    reason: str | None = None
    timers: int


class ClocksFrozen(FreezeEvent):
    """Deadlines that fall on certain people stand still for a while; `timers` have moved."""

    name: ClassVar[str] = "clocks.frozen.v1"


class ClocksThawed(FreezeEvent):
    """A freeze ends earlier than announced; `timers` have moved back."""

    name: ClassVar[str] = "clocks.thawed.v1"


EVENTS: tuple[type[Event], ...] = (ClocksFrozen, ClocksThawed)
