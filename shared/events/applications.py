from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.events.base import Event


class ApplicationEvent(Event):
    """`state` is the state after; `reason` a code."""

    subject_field: ClassVar[str] = "application_id"

    application_id: UUID
    project_id: UUID
    organization_id: UUID
    applicant_id: UUID
    state: str
    reason: str | None = None


class ApplicationInvited(ApplicationEvent):
    """The employer invited a person to apply; `reason` says why."""

    name: ClassVar[str] = "application.invited.v1"


class ApplicationStarted(ApplicationEvent):
    """A person took up an invitation to apply."""

    name: ClassVar[str] = "application.started.v1"


class ApplicationInviteDeclined(ApplicationEvent):
    """A person declined an invitation to apply."""

    name: ClassVar[str] = "application.invite_declined.v1"


class ApplicationSubmitted(ApplicationEvent):
    """A job seeker applied to a project. The letter itself stays in the gateway."""

    name: ClassVar[str] = "application.submitted.v1"


class ApplicationDiscarded(ApplicationEvent):
    """A draft application was thrown away."""

    name: ClassVar[str] = "application.discarded.v1"


class ApplicationSeen(ApplicationEvent):
    """The employer opened an application."""

    name: ClassVar[str] = "application.seen.v1"


class ApplicationShortlisted(ApplicationEvent):
    """The employer put an application on the short list."""

    name: ClassVar[str] = "application.shortlisted.v1"


class ApplicationOffered(ApplicationEvent):
    """The employer offered a seat."""

    name: ClassVar[str] = "application.offered.v1"


class ApplicationNotSelected(ApplicationEvent):
    """The employer chose not to go on with an application."""

    name: ClassVar[str] = "application.not_selected.v1"


class ApplicationWithdrawn(ApplicationEvent):
    """The applicant withdrew."""

    name: ClassVar[str] = "application.withdrawn.v1"


class ApplicationAccepted(ApplicationEvent):
    """The applicant accepted the offer; an engagement begins."""

    name: ClassVar[str] = "application.accepted.v1"


class ApplicationDeclined(ApplicationEvent):
    """The applicant declined the offer."""

    name: ClassVar[str] = "application.declined.v1"


class ApplicationOfferRescinded(ApplicationEvent):
    """The employer took an offer back."""

    name: ClassVar[str] = "application.offer_rescinded.v1"


class ApplicationClosed(ApplicationEvent):
    """The posting ended, and with it this application."""

    name: ClassVar[str] = "application.closed.v1"


class ApplicationRemoved(ApplicationEvent):
    """A moderator removed an application."""

    name: ClassVar[str] = "application.removed.v1"


class ApplicationInviteLapsed(ApplicationEvent):
    """An invitation was not answered in time."""

    name: ClassVar[str] = "application.invite_lapsed.v1"


class ApplicationAnswerOverdue(ApplicationEvent):
    """The employer has not answered within the promised time."""

    name: ClassVar[str] = "application.answer_overdue.v1"


class ApplicationNoResponse(ApplicationEvent):
    """The employer never answered; the application is closed."""

    name: ClassVar[str] = "application.no_response.v1"


class ApplicationOfferLapsed(ApplicationEvent):
    """An offer was not answered in time; the seat is free."""

    name: ClassVar[str] = "application.offer_lapsed.v1"


class ApplicationReminded(ApplicationEvent):
    """Somebody is reminded of what is awaited until `due_at`."""

    name: ClassVar[str] = "application.reminded.v1"

    timer: str
    due_at: datetime
    waits_on: list[str]


class ApplicationClashing(ApplicationEvent):
    """Accepting another offer took the hours that this application would need."""

    name: ClassVar[str] = "application.clashing.v1"


class InterviewOffered(ApplicationEvent):
    """The employer offered times to talk."""

    name: ClassVar[str] = "interview.offered.v1"


class InterviewBooked(ApplicationEvent):
    """The applicant chose a time to talk."""

    name: ClassVar[str] = "interview.booked.v1"

    starts_at: datetime


EVENTS: tuple[type[Event], ...] = (
    ApplicationInvited,
    ApplicationStarted,
    ApplicationInviteDeclined,
    ApplicationSubmitted,
    ApplicationDiscarded,
    ApplicationSeen,
    ApplicationShortlisted,
    ApplicationOffered,
    ApplicationNotSelected,
    ApplicationWithdrawn,
    ApplicationAccepted,
    ApplicationDeclined,
    ApplicationOfferRescinded,
    ApplicationClosed,
    ApplicationRemoved,
    ApplicationInviteLapsed,
    ApplicationAnswerOverdue,
    ApplicationNoResponse,
    ApplicationOfferLapsed,
    ApplicationReminded,
    ApplicationClashing,
    InterviewOffered,
    InterviewBooked,
)
