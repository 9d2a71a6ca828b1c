from datetime import datetime
from typing import Self
from uuid import UUID

from services.gateway.schemas import View
from services.gateway.standing.queries import Record
from services.gateway.standing.rules import FEWEST_ANSWERS


class RecordView(View):
    """How an employer answered since a day. Every figure is null while it has answered fewer than
    five applications."""

    organization_id: UUID
    since: datetime
    answered: int | None = None
    answered_in_time: int | None = None
    missed: int | None = None
    median_answer_days: float | None = None

    @classmethod
    def of(cls, record: Record, *, organization_id: UUID, since: datetime) -> Self:
        view = cls(organization_id=organization_id, since=since)
        if record.answered < FEWEST_ANSWERS:
            return view
        figures = {name: getattr(record, name) for name in Record.__dataclass_fields__}
        return view.model_copy(update=figures)
