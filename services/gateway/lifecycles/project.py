from enum import StrEnum

from services.gateway.lifecycles.machine import Machine, Move, Timer, Who
from shared.events import projects as say


class Status(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    AWAITING_FUNDING = "awaiting_funding"
    CHANGES_REQUESTED = "changes_requested"
    OPEN = "open"
    PAUSED = "paused"
    SELECTING = "selecting"
    FILLED = "filled"
    IN_PROGRESS = "in_progress"
    SUSPENDED = "suspended"
    DISCARDED = "discarded"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    REMOVED = "removed"


PROJECT = Machine(
    record="project",
    initial=frozenset({Status.DRAFT}),
    terminal=frozenset(
        {
            Status.DISCARDED,
            Status.REJECTED,
            Status.EXPIRED,
            Status.CANCELLED,
            Status.COMPLETED,
            Status.REMOVED,
        }
    ),
    resting={},
    moves=(
        Move(
            "submit",
            Status.DRAFT,
            Status.IN_REVIEW,
            frozenset({Who.EMPLOYER}),
            say.ProjectSubmitted,
            "pay floor, scope, acceptance criteria, hours estimate and response promise are mandatory",
        ),
        Move(
            "discard",
            Status.DRAFT,
            Status.DISCARDED,
            frozenset({Who.EMPLOYER}),
            say.ProjectDiscarded,
        ),
        Move(
            "approve",
            Status.IN_REVIEW,
            Status.AWAITING_FUNDING,
            frozenset({Who.MODERATOR, Who.SYSTEM}),
            say.ProjectApproved,
            "auto-approve only for employers in good standing and a clean rule check",
        ),
        Move(
            "request_changes",
            Status.IN_REVIEW,
            Status.CHANGES_REQUESTED,
            frozenset({Who.MODERATOR}),
            say.ProjectChangesRequested,
            "reason codes",
        ),
        Move(
            "reject",
            Status.IN_REVIEW,
            Status.REJECTED,
            frozenset({Who.MODERATOR}),
            say.ProjectRejected,
            "reason code; one appeal",
        ),
        Move(
            "resubmit",
            Status.CHANGES_REQUESTED,
            Status.IN_REVIEW,
            frozenset({Who.EMPLOYER}),
            say.ProjectResubmitted,
        ),
        Move(
            "funds_held",
            Status.AWAITING_FUNDING,
            Status.OPEN,
            frozenset({Who.SYSTEM}),
            say.ProjectOpened,
            "from payment.held; a posting never opens unfunded",
        ),
        Move("pause", Status.OPEN, Status.PAUSED, frozenset({Who.EMPLOYER}), say.ProjectPaused),
        Move(
            "auto_pause",
            Status.OPEN,
            Status.PAUSED,
            frozenset({Who.SYSTEM}),
            say.ProjectAutoPaused,
            "3 missed answers in 180 days",
        ),
        Move("resume", Status.PAUSED, Status.OPEN, frozenset({Who.EMPLOYER}), say.ProjectResumed),
        Move(
            "close_applications",
            Status.OPEN,
            Status.SELECTING,
            frozenset({Who.EMPLOYER}),
            say.ProjectApplicationsClosed,
        ),
        Move(
            "reach_cap",
            Status.OPEN,
            Status.SELECTING,
            frozenset({Who.SYSTEM}),
            say.ProjectApplicationsClosed,
            "cap on live applications",
        ),
        Move(
            "fill_seats",
            Status.OPEN,
            Status.FILLED,
            frozenset({Who.SYSTEM}),
            say.ProjectFilled,
            "from application.accepted on the last seat",
        ),
        Move(
            "extend",
            Status.SELECTING,
            Status.OPEN,
            frozenset({Who.EMPLOYER}),
            say.ProjectExtended,
            "once, at most 7 days",
        ),
        Move(
            "fill_seats",
            Status.SELECTING,
            Status.FILLED,
            frozenset({Who.SYSTEM}),
            say.ProjectFilled,
        ),
        Move(
            "seat_lost",
            Status.FILLED,
            Status.SELECTING,
            frozenset({Who.SYSTEM}),
            say.ProjectReopened,
            "agreement lapsed or no-show: runner-up first",
        ),
        Move(
            "start",
            Status.FILLED,
            Status.IN_PROGRESS,
            frozenset({Who.SYSTEM}),
            say.ProjectStarted,
            "from engagement.started",
        ),
        Move(
            "seat_lost",
            Status.IN_PROGRESS,
            Status.SELECTING,
            frozenset({Who.SYSTEM}),
            say.ProjectReopened,
            "only if the employer asks to re-hire",
        ),
        Move(
            "finish",
            Status.IN_PROGRESS,
            Status.COMPLETED,
            frozenset({Who.SYSTEM}),
            say.ProjectCompleted,
            "all engagements terminal",
        ),
        Move(
            "cancel",
            Status.IN_REVIEW,
            Status.CANCELLED,
            frozenset({Who.EMPLOYER}),
            say.ProjectCancelled,
        ),
        Move(
            "cancel",
            Status.CHANGES_REQUESTED,
            Status.CANCELLED,
            frozenset({Who.EMPLOYER}),
            say.ProjectCancelled,
        ),
        Move(
            "cancel",
            Status.AWAITING_FUNDING,
            Status.CANCELLED,
            frozenset({Who.EMPLOYER}),
            say.ProjectCancelled,
        ),
        Move(
            "cancel",
            Status.OPEN,
            Status.CANCELLED,
            frozenset({Who.EMPLOYER}),
            say.ProjectCancelled,
            "all live applications closed with the reason; refund",
        ),
        Move(
            "cancel",
            Status.PAUSED,
            Status.CANCELLED,
            frozenset({Who.EMPLOYER}),
            say.ProjectCancelled,
        ),
        Move(
            "cancel",
            Status.SELECTING,
            Status.CANCELLED,
            frozenset({Who.EMPLOYER}),
            say.ProjectCancelled,
            "as above",
        ),
        Move(
            "suspend",
            Status.OPEN,
            Status.SUSPENDED,
            frozenset({Who.MODERATOR, Who.SYSTEM}),
            say.ProjectSuspended,
            "fraud rule or upheld flag",
        ),
        Move(
            "suspend",
            Status.SELECTING,
            Status.SUSPENDED,
            frozenset({Who.MODERATOR, Who.SYSTEM}),
            say.ProjectSuspended,
        ),
        Move(
            "suspend",
            Status.FILLED,
            Status.SUSPENDED,
            frozenset({Who.MODERATOR}),
            say.ProjectSuspended,
            "money frozen, interns told",
        ),
        Move(
            "reinstate",
            Status.SUSPENDED,
            Status.OPEN,
            frozenset({Who.MODERATOR}),
            say.ProjectReinstated,
            "goes back to the state it left; shown as open",
        ),
        Move(
            "remove",
            Status.SUSPENDED,
            Status.REMOVED,
            frozenset({Who.MODERATOR}),
            say.ProjectRemoved,
            "applicants told, refund/frozen money decided",
        ),
    ),
    timers=(
        Timer("idle_draft", Status.DRAFT, 30, Status.DISCARDED, say.ProjectDiscarded, "day 23"),
        Timer("review_sla", Status.IN_REVIEW, 2, None, say.ProjectReviewOverdue, "operators paged"),
        Timer(
            "review_hard",
            Status.IN_REVIEW,
            10,
            Status.DISCARDED,
            say.ProjectReviewLapsed,
            "operator fault counter",
        ),
        Timer(
            "resubmit_by",
            Status.CHANGES_REQUESTED,
            14,
            Status.DISCARDED,
            say.ProjectDiscarded,
            "day 7, 12",
        ),
        Timer(
            "fund_by",
            Status.AWAITING_FUNDING,
            7,
            Status.DISCARDED,
            say.ProjectFundingLapsed,
            "day 3, 6",
        ),
        Timer(
            "apply_by",
            Status.OPEN,
            14,
            Status.SELECTING,
            say.ProjectApplicationsClosed,
            "goes to expired instead when there is no application",
        ),
        Timer(
            "resume_by",
            Status.PAUSED,
            30,
            Status.EXPIRED,
            say.ProjectExpired,
            "day 20, 27; applications closed, refund",
        ),
        Timer(
            "decide_by",
            Status.SELECTING,
            7,
            Status.EXPIRED,
            say.ProjectExpiredUndecided,
            "day 3, 5, 6; employer strike, refund",
        ),
        Timer(
            "start_by",
            Status.FILLED,
            14,
            Status.EXPIRED,
            say.ProjectNotStarted,
            "from engagement deadlines",
        ),
        Timer(
            "hard_end",
            Status.IN_PROGRESS,
            120,
            Status.COMPLETED,
            say.ProjectCompleted,
            "engagements have their own, shorter clocks",
        ),
        Timer(
            "decide_suspension_by",
            Status.SUSPENDED,
            5,
            Status.REMOVED,
            say.ProjectRemoved,
            "business days; refund",
        ),
    ),
)
