from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from services.gateway.milestones.queries import Milestone
from services.gateway.schemas import OptionalText4000, ReasonCode, Request, Text4000, View

Criteria = Annotated[list[int], Field(max_length=20)]


class SubmitRequest(Request):
    """Files are uploaded first with POST /v1/files; criteria are named by their place, from 0."""

    note: Text4000
    criteria_met: Criteria
    file_ids: Annotated[list[UUID], Field(max_length=20)] = Field(default_factory=list)


class AcceptRequest(Request):
    review: OptionalText4000 = ""


class ChangesRequest(Request):
    """Changes are asked against criteria that the work does not meet."""

    review: Text4000
    criteria_unmet: Annotated[list[int], Field(min_length=1, max_length=20)]


class StartRequest(Request):
    pass


class CancelRequest(Request):
    reason: ReasonCode


class FilePartView(View):
    id: UUID
    name: str
    media_type: str
    size: int
    sha256: str


class DeliveryView(View):
    number: int
    note: str
    criteria_met: list[int]
    submitted_at: datetime
    review: str | None
    criteria_unmet: list[int] | None
    files: list[FilePartView]


class MilestoneView(View):
    id: UUID
    engagement_id: UUID
    position: int
    title: str
    description: str
    due_on: date
    fee: int
    criteria: list[str]
    deliveries: list[DeliveryView]
    state: str
    reason: str | None
    rounds: int
    version: int
    allowed: list[str]

    @classmethod
    def of(cls, milestone: Milestone, allowed: list[str]) -> Self:
        facts = {name: getattr(milestone, name) for name in cls.model_fields if name != "allowed"}
        return cls.model_validate(facts | {"allowed": allowed})


class MilestonesView(View):
    items: list[MilestoneView]
