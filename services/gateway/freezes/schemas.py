from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.gateway.freezes.moving import Freeze
from services.gateway.schemas import Line80, Request, View


class FreezeRequest(Request):
    """`place`: a region for the scope region, a school's organization id for the scope school, left
    out for yourself. `starts_at`: left out, now."""

    scope: Literal["region", "school", "person"]
    place: Line80 | None = None
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime
    reason: Literal["calamity", "class_suspension", "exams", "illness", "other"]


class EndRequest(Request):
    pass


class FreezeView(View):
    """Clocks that wait for those of `place` stand still from `starts_at` to `ends_at`. The reason of a
    person's own freeze is shown to that person alone."""

    id: UUID
    scope: str
    place: str | None
    school: str | None
    starts_at: datetime
    ends_at: datetime
    reason: str | None
    declared_at: datetime

    @classmethod
    def of(cls, freeze: Freeze, viewer_id: UUID) -> Self:
        is_private = freeze.person_id not in {None, viewer_id}
        facts = {name: getattr(freeze, name) for name in cls.model_fields}
        return cls.model_validate(facts | ({"reason": None} if is_private else {}))


class MovedView(View):
    """`timers` have moved, deadlines and reminders."""

    freeze: FreezeView
    timers: int


class FreezesView(View):
    items: list[FreezeView]


class ClockRequest(Request):
    """Every clock that waits for you and starts from now on runs so many times as long."""

    multiplier: Annotated[float, Field(ge=1, le=2)]


class ClockView(View):
    """Seen by you alone."""

    multiplier: float
