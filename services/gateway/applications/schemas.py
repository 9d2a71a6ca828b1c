from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, Field

from services.gateway.applications.queries import Application
from services.gateway.lifecycles import APPLICATION
from services.gateway.reasons import Reason
from services.gateway.schemas import (
    ReasonCode,
    Request,
    Text4000,
    View,
    line,
    many_lines,
)
from services.gateway.timers.schemas import DueView

CoverLetter = Annotated[str, line(4000, shortest=20), AfterValidator(many_lines)]


class ApplyRequest(Request):
    """A letter written for this project. With `draft`, nothing is sent yet."""

    cover_letter: CoverLetter
    draft: bool = False


class LetterRequest(Request):
    cover_letter: CoverLetter


class OfferRequest(Request):
    message: Text4000
    starts_on: date


class CommandRequest(Request):
    pass


class ReasonRequest(Request):
    """`reason` is a code that the other side sees in words: GET /v1/reasons."""

    reason: ReasonCode | None


class NotSelectRequest(ReasonRequest):
    """`criteria_not_met` names the project's criteria by their place, from 0."""

    criteria_not_met: Annotated[list[int], Field(max_length=20)] = Field(default_factory=list)


class InvitationRequest(Request):
    """Somebody among the project's matches, and why they are invited."""

    person_id: UUID
    reason: Annotated[str, Reason("application.invite")]


class OfferView(View):
    message: str
    starts_on: date
    fee: int
    made_at: datetime


class ApplicationView(View):
    """`profile` is the profile as it was when the application was made; of somebody invited there
    is none, nor a name for the employer, until they apply. `slot_returned`: unanswered too long, it
    no longer counts among the applicant's live applications."""

    id: UUID
    project_id: UUID
    project_title: str
    organization_id: UUID
    organization_name: str
    applicant_id: UUID
    applicant_name: str
    cover_letter: str
    profile: dict[str, Any]
    state: str
    reason: str | None
    criteria_not_met: list[int]
    invited_for: str | None
    slot_returned: bool
    match_score: float | None
    offer: OfferView | None
    version: int
    due: list[DueView]
    allowed: list[str]
    drafted_at: datetime
    submitted_at: datetime | None
    changed_at: datetime

    @classmethod
    def of(cls, application: Application, allowed: list[str]) -> Self:
        offer = application.offer
        own = {
            "profile": application.profile_snapshot,
            "offer": OfferView.model_validate(offer, from_attributes=True) if offer else None,
            "allowed": allowed,
            "due": DueView.of(APPLICATION, application.state, application.timers),
        }
        facts = {name: getattr(application, name) for name in cls.model_fields if name not in own}
        return cls.model_validate(facts | own)
