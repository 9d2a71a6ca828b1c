from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.gateway.interviews.queries import Slot
from services.gateway.interviews.rules import MOST_SLOTS
from services.gateway.schemas import Line240, Request, View


class SlotsRequest(Request):
    """`slots` are starting times with their offset from UTC; `where` an address or a link."""

    slots: Annotated[list[AwareDatetime], Field(min_length=1, max_length=MOST_SLOTS)]
    minutes: Annotated[int, Field(ge=5, le=240)]
    where: Line240


class BookRequest(Request):
    pass


class SlotView(View):
    id: UUID
    application_id: UUID
    starts_at: datetime
    minutes: int
    where: str
    booked_at: datetime | None

    @classmethod
    def of(cls, slot: Slot) -> Self:
        return cls(
            id=slot.id,
            application_id=slot.application_id,
            starts_at=slot.starts_at,
            minutes=slot.minutes,
            where=slot.place,
            booked_at=slot.booked_at,
        )


class SlotsView(View):
    items: list[SlotView]
