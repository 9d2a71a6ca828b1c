from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.events.base import Event


class EngagementEvent(Event):
    """`state` is the state after; `reason` a code."""

    subject_field: ClassVar[str] = "engagement_id"

    engagement_id: UUID
    application_id: UUID
    project_id: UUID
    organization_id: UUID
    applicant_id: UUID
    state: str
    reason: str | None = None
    party: str | None = None


class EngagementSigned(EngagementEvent):
    """One party signed the agreement."""

    name: ClassVar[str] = "engagement.signed.v1"


class EngagementAgreed(EngagementEvent):
    """Every needed party has signed the agreement."""

    name: ClassVar[str] = "engagement.agreed.v1"


class EngagementNotAgreed(EngagementEvent):
    """A party declined to sign the agreement."""

    name: ClassVar[str] = "engagement.not_agreed.v1"


class EngagementStarted(EngagementEvent):
    """The work began."""

    name: ClassVar[str] = "engagement.started.v1"


class EngagementCancelled(EngagementEvent):
    """An agreed engagement was called off before it began."""

    name: ClassVar[str] = "engagement.cancelled.v1"


class EngagementCheckedIn(EngagementEvent):
    """A party said how the work goes."""

    name: ClassVar[str] = "engagement.checked_in.v1"


class EngagementHelpRequested(EngagementEvent):
    """A party asked for help."""

    name: ClassVar[str] = "engagement.help_requested.v1"


class EngagementAmended(EngagementEvent):
    """Both parties changed the terms."""

    name: ClassVar[str] = "engagement.amended.v1"


class EngagementPaused(EngagementEvent):
    """Both parties put the work on hold."""

    name: ClassVar[str] = "engagement.paused.v1"


class EngagementResumed(EngagementEvent):
    """The work goes on after a pause or a silence."""

    name: ClassVar[str] = "engagement.resumed.v1"


class EngagementWorkAccepted(EngagementEvent):
    """The last milestone was accepted; only feedback is left."""

    name: ClassVar[str] = "engagement.work_accepted.v1"


class FeedbackGiven(EngagementEvent):
    """A party gave its closing feedback. The words stay sealed in the gateway."""

    name: ClassVar[str] = "feedback.given.v1"


class EngagementCompleted(EngagementEvent):
    """The engagement ended well."""

    name: ClassVar[str] = "engagement.completed.v1"


class EngagementTerminated(EngagementEvent):
    """The engagement was ended early."""

    name: ClassVar[str] = "engagement.terminated.v1"


class EngagementDisputed(EngagementEvent):
    """A party disputes the engagement."""

    name: ClassVar[str] = "engagement.disputed.v1"


class EngagementDisputeSettled(EngagementEvent):
    """A dispute was settled and the work goes on."""

    name: ClassVar[str] = "engagement.dispute_settled.v1"


class EngagementAgreementLapsed(EngagementEvent):
    """The agreement was not signed in time."""

    name: ClassVar[str] = "engagement.agreement_lapsed.v1"


class EngagementNoShow(EngagementEvent):
    """The work did not begin in time."""

    name: ClassVar[str] = "engagement.no_show.v1"


class EngagementQuiet(EngagementEvent):
    """Neither party has been heard for days."""

    name: ClassVar[str] = "engagement.quiet.v1"


class EngagementStalled(EngagementEvent):
    """A party has been silent too long."""

    name: ClassVar[str] = "engagement.stalled.v1"


class EngagementReminded(EngagementEvent):
    """Somebody is reminded of what is awaited until `due_at`."""

    name: ClassVar[str] = "engagement.reminded.v1"

    timer: str
    due_at: datetime
    waits_on: list[str]


class EngagementProposed(EngagementEvent):
    """A party proposed a change that needs both."""

    name: ClassVar[str] = "engagement.proposed.v1"

    proposal_id: UUID
    command: str


EVENTS: tuple[type[Event], ...] = (
    EngagementSigned,
    EngagementAgreed,
    EngagementNotAgreed,
    EngagementStarted,
    EngagementCancelled,
    EngagementCheckedIn,
    EngagementHelpRequested,
    EngagementAmended,
    EngagementPaused,
    EngagementResumed,
    EngagementWorkAccepted,
    FeedbackGiven,
    EngagementCompleted,
    EngagementTerminated,
    EngagementDisputed,
    EngagementDisputeSettled,
    EngagementAgreementLapsed,
    EngagementNoShow,
    EngagementQuiet,
    EngagementStalled,
    EngagementReminded,
    EngagementProposed,
)
