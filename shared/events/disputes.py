from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.events.base import Event


class DisputeEvent(Event):
    """`state` is the state after; `reason` a code; `party` who acted; `intern_share` what the intern
    gets of the disputed fee, in centavos."""

    subject_field: ClassVar[str] = "dispute_id"

    dispute_id: UUID
    engagement_id: UUID
    milestone_id: UUID | None = None
    project_id: UUID
    organization_id: UUID
    applicant_id: UUID
    state: str
    reason: str | None = None
    party: str | None = None
    intern_share: int | None = None


class DisputeOpened(DisputeEvent):
    """A party disputes the work or its review."""

    name: ClassVar[str] = "dispute.opened.v1"


class DisputeAnswered(DisputeEvent):
    """The other party answered."""

    name: ClassVar[str] = "dispute.answered.v1"


class DisputeWithdrawn(DisputeEvent):
    """The party that opened the dispute took it back."""

    name: ClassVar[str] = "dispute.withdrawn.v1"


class DisputeSettlementProposed(DisputeEvent):
    """A party proposed what the intern should get."""

    name: ClassVar[str] = "dispute.settlement_proposed.v1"


class DisputeSettled(DisputeEvent):
    """Both parties agreed."""

    name: ClassVar[str] = "dispute.settled.v1"


class DisputeTaken(DisputeEvent):
    """A mediator took the dispute."""

    name: ClassVar[str] = "dispute.taken.v1"


class DisputeDecided(DisputeEvent):
    """The mediator decided, with written reasons."""

    name: ClassVar[str] = "dispute.decided.v1"


class DisputeAppealed(DisputeEvent):
    """A party asked a second person to look at the mediator's decision."""

    name: ClassVar[str] = "dispute.appealed.v1"


class DisputeAppealDecided(DisputeEvent):
    """A second person confirmed or changed the mediator's decision, with written reasons."""

    name: ClassVar[str] = "dispute.appeal_decided.v1"


class DisputeDefaulted(DisputeEvent):
    """Nobody answered or decided in time, so the printed rule decides."""

    name: ClassVar[str] = "dispute.defaulted.v1"


class DisputeReminded(DisputeEvent):
    """Somebody is reminded of what is awaited until `due_at`."""

    name: ClassVar[str] = "dispute.reminded.v1"

    timer: str
    due_at: datetime
    waits_on: list[str]


EVENTS: tuple[type[Event], ...] = (
    DisputeOpened,
    DisputeAnswered,
    DisputeWithdrawn,
    DisputeSettlementProposed,
    DisputeSettled,
    DisputeTaken,
    DisputeDecided,
    DisputeAppealed,
    DisputeAppealDecided,
    DisputeDefaulted,
    DisputeReminded,
)
