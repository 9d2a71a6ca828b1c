from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.events.base import Event


class MilestoneEvent(Event):
    """`state` is the state after; `reason` a code; `intern_share` what the intern gets of the fee,
    in centavos, when that is not all of it."""

    subject_field: ClassVar[str] = "milestone_id"

    milestone_id: UUID
    engagement_id: UUID
    project_id: UUID
    organization_id: UUID
    applicant_id: UUID
    state: str
    reason: str | None = None
    delivery: int | None = None
    intern_share: int | None = None


class MilestoneFunded(MilestoneEvent):
    """The fee of a milestone is held; the work may begin."""

    name: ClassVar[str] = "milestone.funded.v1"


class MilestoneAmended(MilestoneEvent):
    """Both parties changed a milestone."""

    name: ClassVar[str] = "milestone.amended.v1"


class MilestoneStarted(MilestoneEvent):
    """The intern began a milestone."""

    name: ClassVar[str] = "milestone.started.v1"


class DeliverableSubmitted(MilestoneEvent):
    """The intern handed in a version of the work."""

    name: ClassVar[str] = "deliverable.submitted.v1"


class MilestoneAccepted(MilestoneEvent):
    """The employer accepted the work."""

    name: ClassVar[str] = "milestone.accepted.v1"


class MilestoneChangesRequested(MilestoneEvent):
    """The employer asked for changes against the acceptance criteria."""

    name: ClassVar[str] = "milestone.changes_requested.v1"


class MilestoneDisputed(MilestoneEvent):
    """A party disputes a milestone."""

    name: ClassVar[str] = "milestone.disputed.v1"


class MilestoneDisputeWithdrawn(MilestoneEvent):
    """The intern took a dispute back; the milestone is where the dispute found it."""

    name: ClassVar[str] = "milestone.dispute_withdrawn.v1"


class MilestoneCancelled(MilestoneEvent):
    """A milestone will not be done."""

    name: ClassVar[str] = "milestone.cancelled.v1"


class MilestoneFundingLapsed(MilestoneEvent):
    """The fee of a milestone was not held in time."""

    name: ClassVar[str] = "milestone.funding_lapsed.v1"


class MilestoneOverdue(MilestoneEvent):
    """A milestone is past its date."""

    name: ClassVar[str] = "milestone.overdue.v1"


class MilestoneLapsed(MilestoneEvent):
    """A milestone was given up because nothing came."""

    name: ClassVar[str] = "milestone.lapsed.v1"


class MilestoneAutoAccepted(MilestoneEvent):
    """Nobody reviewed the work in time, so it counts as accepted."""

    name: ClassVar[str] = "milestone.auto_accepted.v1"


class MilestoneReminded(MilestoneEvent):
    """Somebody is reminded of what is awaited until `due_at`."""

    name: ClassVar[str] = "milestone.reminded.v1"

    timer: str
    due_at: datetime
    waits_on: list[str]


class MilestoneProposed(MilestoneEvent):
    """A party proposed a change that needs both."""

    name: ClassVar[str] = "milestone.proposed.v1"

    proposal_id: UUID
    command: str
    party: str


EVENTS: tuple[type[Event], ...] = (
    MilestoneFunded,
    MilestoneAmended,
    MilestoneStarted,
    DeliverableSubmitted,
    MilestoneAccepted,
    MilestoneChangesRequested,
    MilestoneDisputed,
    MilestoneDisputeWithdrawn,
    MilestoneCancelled,
    MilestoneFundingLapsed,
    MilestoneOverdue,
    MilestoneLapsed,
    MilestoneAutoAccepted,
    MilestoneReminded,
    MilestoneProposed,
)
