from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, WithJsonSchema

from services.gateway.engagements.queries import Engagement, Feedback
from services.gateway.engagements.rules import needed_signatures
from services.gateway.lifecycles import ENGAGEMENT
from services.gateway.proposals.schemas import ProposalRequest, ProposalView
from services.gateway.reasons import Reason
from services.gateway.schemas import OptionalText4000, ReasonCode, Request, Text4000, View, shaped
from services.gateway.timers.schemas import DueView

SHA256 = r"^[0-9a-fA-F]{64}$"


class SignRequest(Request):
    """The SHA-256 of the agreement's text, as the engagement shows it."""

    agreement_hash: Annotated[
        str,
        shaped(SHA256, "must be the agreement_hash that the engagement shows: 64 hex digits"),
        WithJsonSchema({"type": "string", "pattern": SHA256}),
    ]


class CheckInRequest(Request):
    mood: Literal["fine", "slow", "stuck"]
    note: OptionalText4000 = ""


class FeedbackRequest(Request):
    """`rating` from 1 to 5; the words are sealed until both sides have spoken."""

    rating: Annotated[int, Field(ge=1, le=5)]
    words: Text4000


class MilestoneChange(Request):
    """A later day, or a lower fee, for one milestone that is not yet handed in."""

    id: UUID
    due_on: date | None = None
    fee: Annotated[int | None, Field(gt=0)] = None


class AmendRequest(ProposalRequest):
    """Both sides agree on what changes; agreeing signs the new text. A fee may go down, never above
    what is held for the milestone."""

    note: Text4000 | None = None
    hours: Annotated[int | None, Field(ge=1, le=200)] = None
    milestones: Annotated[list[MilestoneChange] | None, Field(min_length=1, max_length=20)] = None


class PauseRequest(ProposalRequest):
    """Both sides agree on the day when the work goes on, at most 14 days ahead."""

    until: date | None = None
    reason: Annotated[str, Reason("engagement.pause")] | None = None


class CommandRequest(Request):
    pass


class ReasonRequest(Request):
    reason: ReasonCode


class EngagementView(View):
    """`needed_signatures`, `signed`, `checked_in` and `feedback` name parties; `signed` is of the
    present text, whose number is `agreement_number`. `help_by` is when `help_asked_by` was promised
    an answer. `paused_until` is the day when the work goes on."""

    id: UUID
    application_id: UUID
    project_id: UUID
    project_title: str
    organization_id: UUID
    organization_name: str
    applicant_id: UUID
    applicant_name: str
    agreement: str
    agreement_hash: str
    agreement_number: int
    school_id: UUID | None
    starts_on: date
    needed_signatures: list[str]
    signed: list[str]
    checked_in: list[str]
    feedback: list[str]
    help_asked_by: str | None
    help_by: datetime | None
    paused_until: date | None
    proposals: list[ProposalView]
    state: str
    reason: str | None
    version: int
    due: list[DueView]
    allowed: list[str]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, engagement: Engagement, allowed: list[str]) -> Self:
        own = {
            "agreement_hash": engagement.agreement_hash.hex(),
            "needed_signatures": sorted(
                needed_signatures(has_school=engagement.school_id is not None)
            ),
            "paused_until": engagement.paused_until if engagement.state == "paused" else None,
            "proposals": ProposalView.standing(engagement.proposals),
            "allowed": allowed,
            "due": DueView.of(ENGAGEMENT, engagement.state, engagement.timers),
        }
        facts = {name: getattr(engagement, name) for name in cls.model_fields if name not in own}
        return cls.model_validate(facts | own)


class FeedbackView(View):
    party: str
    rating: int
    words: str
    given_at: datetime

    @classmethod
    def of(cls, feedback: Feedback) -> Self:
        return cls.model_validate(feedback, from_attributes=True)


class FeedbacksView(View):
    items: list[FeedbackView]
