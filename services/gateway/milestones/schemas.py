from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field

from services.gateway.lifecycles import MILESTONE
from services.gateway.milestones.queries import Milestone
from services.gateway.proposals.schemas import ProposalRequest, ProposalView
from services.gateway.schemas import Line120, OptionalText4000, ReasonCode, Request, Text4000, View
from services.gateway.timers.schemas import DueView

Criteria = Annotated[list[int], Field(max_length=20)]


class SubmitRequest(Request):
    """Files are uploaded first with POST /v1/files; criteria are named by their place, from 0."""

    note: Text4000
    criteria_met: Criteria
    file_ids: Annotated[list[UUID], Field(max_length=20)] = Field(default_factory=list)


class AcceptRequest(ProposalRequest):
    """With a lower `fee`, this proposes it, and the milestone is accepted when the other side agrees
    to it, by giving the same command with proposal_id."""

    review: OptionalText4000 = ""
    fee: Annotated[int | None, Field(gt=0)] = None

    def terms(self) -> dict[str, Any]:
        return {} if self.fee is None else {"fee": self.fee}


class AmendRequest(ProposalRequest):
    """Both sides agree on what changes, before the milestone is funded."""

    title: Line120 | None = None
    description: Text4000 | None = None
    due_on: date | None = None


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
    proposals: list[ProposalView]
    due: list[DueView]
    allowed: list[str]

    @classmethod
    def of(cls, milestone: Milestone, allowed: list[str]) -> Self:
        due = DueView.of(MILESTONE, milestone.state, milestone.timers)
        proposals = ProposalView.standing(milestone.proposals)
        own = {"allowed": allowed, "due": due, "proposals": proposals}
        facts = {name: getattr(milestone, name) for name in cls.model_fields if name not in own}
        return cls.model_validate(facts | own)


class MilestonesView(View):
    items: list[MilestoneView]
