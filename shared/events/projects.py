from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.events.base import Event


class ProjectEvent(Event):
    """`state` is the state after; `reason` a code."""

    subject_field: ClassVar[str] = "project_id"

    project_id: UUID
    organization_id: UUID
    state: str
    reason: str | None = None


class ProjectSubmitted(ProjectEvent):
    """An employer sent a draft posting for review."""

    name: ClassVar[str] = "project.submitted.v1"


class ProjectResubmitted(ProjectEvent):
    """An employer sent a changed posting for review again."""

    name: ClassVar[str] = "project.resubmitted.v1"


class ProjectDiscarded(ProjectEvent):
    """A posting was thrown away before it was ever open."""

    name: ClassVar[str] = "project.discarded.v1"


class ProjectApproved(ProjectEvent):
    """A posting passed review and waits for its funds."""

    name: ClassVar[str] = "project.approved.v1"


class ProjectChangesRequested(ProjectEvent):
    """A moderator asked the employer to change a posting."""

    name: ClassVar[str] = "project.changes_requested.v1"


class ProjectRejected(ProjectEvent):
    """A moderator refused a posting."""

    name: ClassVar[str] = "project.rejected.v1"


class ProjectOpened(ProjectEvent):
    """The funds are held and the posting takes applications."""

    name: ClassVar[str] = "project.opened.v1"


class ProjectPaused(ProjectEvent):
    """An employer paused a posting."""

    name: ClassVar[str] = "project.paused.v1"


class ProjectAutoPaused(ProjectEvent):
    """A posting was paused because its employer left people unanswered."""

    name: ClassVar[str] = "project.auto_paused.v1"


class ProjectResumed(ProjectEvent):
    """An employer took up a paused posting again."""

    name: ClassVar[str] = "project.resumed.v1"


class ProjectApplicationsClosed(ProjectEvent):
    """A posting takes no more applications; the employer is choosing."""

    name: ClassVar[str] = "project.applications_closed.v1"


class ProjectExtended(ProjectEvent):
    """An employer opened a closed posting for a few more days."""

    name: ClassVar[str] = "project.extended.v1"


class ProjectFilled(ProjectEvent):
    """Every seat of a posting is taken."""

    name: ClassVar[str] = "project.filled.v1"


class ProjectReopened(ProjectEvent):
    """A seat became free again."""

    name: ClassVar[str] = "project.reopened.v1"


class ProjectStarted(ProjectEvent):
    """The first intern of a posting began to work."""

    name: ClassVar[str] = "project.started.v1"


class ProjectCompleted(ProjectEvent):
    """Every engagement of a posting has ended."""

    name: ClassVar[str] = "project.completed.v1"


class ProjectCancelled(ProjectEvent):
    """An employer withdrew a posting; live applications are closed."""

    name: ClassVar[str] = "project.cancelled.v1"


class ProjectSuspended(ProjectEvent):
    """A posting was taken out of sight while it is looked into."""

    name: ClassVar[str] = "project.suspended.v1"


class ProjectReinstated(ProjectEvent):
    """A suspended posting is back."""

    name: ClassVar[str] = "project.reinstated.v1"


class ProjectRemoved(ProjectEvent):
    """A posting was removed for good."""

    name: ClassVar[str] = "project.removed.v1"


class ProjectReviewOverdue(ProjectEvent):
    """A posting waits longer for review than was promised."""

    name: ClassVar[str] = "project.review_overdue.v1"


class ProjectReviewLapsed(ProjectEvent):
    """Nobody reviewed a posting in time."""

    name: ClassVar[str] = "project.review_lapsed.v1"


class ProjectFundingLapsed(ProjectEvent):
    """The funds of a posting did not come in time."""

    name: ClassVar[str] = "project.funding_lapsed.v1"


class ProjectExpired(ProjectEvent):
    """A posting ended without anybody chosen."""

    name: ClassVar[str] = "project.expired.v1"


class ProjectExpiredUndecided(ProjectEvent):
    """An employer chose nobody in time."""

    name: ClassVar[str] = "project.expired_undecided.v1"


class ProjectNotStarted(ProjectEvent):
    """Nobody began to work in time."""

    name: ClassVar[str] = "project.not_started.v1"


class ProjectReminded(ProjectEvent):
    """Somebody is reminded of what is awaited until `due_at`."""

    name: ClassVar[str] = "project.reminded.v1"

    timer: str
    due_at: datetime
    waits_on: list[str]


EVENTS: tuple[type[Event], ...] = (
    ProjectSubmitted,
    ProjectResubmitted,
    ProjectDiscarded,
    ProjectApproved,
    ProjectChangesRequested,
    ProjectRejected,
    ProjectOpened,
    ProjectPaused,
    ProjectAutoPaused,
    ProjectResumed,
    ProjectApplicationsClosed,
    ProjectExtended,
    ProjectFilled,
    ProjectReopened,
    ProjectStarted,
    ProjectCompleted,
    ProjectCancelled,
    ProjectSuspended,
    ProjectReinstated,
    ProjectRemoved,
    ProjectReviewOverdue,
    ProjectReviewLapsed,
    ProjectFundingLapsed,
    ProjectExpired,
    ProjectExpiredUndecided,
    ProjectNotStarted,
    ProjectReminded,
)
