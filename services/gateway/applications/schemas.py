from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, Field

from services.gateway.applications.queries import Application
from services.gateway.schemas import (
    ReasonCode,
    Request,
    Text4000,
    View,
    line,
    many_lines,
)

# Far enough for everybody, and near enough to count due days from.
LATEST_START = date(2100, 1, 1)
CoverLetter = Annotated[str, line(4000, shortest=20), AfterValidator(many_lines)]


class ApplyRequest(Request):
    """A letter written for this project. With `draft`, nothing is sent yet."""

    cover_letter: CoverLetter
    draft: bool = False


class LetterRequest(Request):
    cover_letter: CoverLetter


class OfferRequest(Request):
    message: Text4000
    starts_on: Annotated[date, Field(le=LATEST_START)]


class CommandRequest(Request):
    pass


class ReasonRequest(Request):
    """`reason` is a code that the applicant sees in words."""

    reason: ReasonCode


class OfferView(View):
    message: str
    starts_on: date
    fee: int
    made_at: datetime


class ApplicationView(View):
    """`profile` is the profile as it was when the application was made."""

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
    match_score: float | None
    offer: OfferView | None
    version: int
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
        }
        facts = {name: getattr(application, name) for name in cls.model_fields if name not in own}
        return cls.model_validate(facts | own)
