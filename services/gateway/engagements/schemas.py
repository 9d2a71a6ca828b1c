from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, WithJsonSchema

from services.gateway.engagements.queries import Engagement, Feedback
from services.gateway.schemas import OptionalText4000, ReasonCode, Request, Text4000, View, shaped

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


class CommandRequest(Request):
    pass


class ReasonRequest(Request):
    reason: ReasonCode


class EngagementView(View):
    """`signed` and `feedback` name the parties that have given theirs."""

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
    starts_on: date
    signed: list[str]
    feedback: list[str]
    state: str
    reason: str | None
    version: int
    allowed: list[str]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, engagement: Engagement, allowed: list[str]) -> Self:
        own = {"agreement_hash": engagement.agreement_hash.hex(), "allowed": allowed}
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
