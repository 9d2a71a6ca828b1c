from enum import StrEnum

from services.gateway.lifecycles.machine import Machine, Move, Timer, Who
from shared.events import milestones as say


class Status(StrEnum):
    PLANNED = "planned"
    READY = "ready"
    IN_WORK = "in_work"
    SUBMITTED = "submitted"
    CHANGES_REQUESTED = "changes_requested"
    DISPUTED = "disputed"
    ACCEPTED = "accepted"
    CANCELLED = "cancelled"


MILESTONE = Machine(
    record="milestone",
    initial=frozenset({Status.PLANNED}),
    terminal=frozenset(
        {
            Status.ACCEPTED,
            Status.CANCELLED,
        }
    ),
    resting={},
    moves=(
        Move(
            "funds_held",
            Status.PLANNED,
            Status.READY,
            frozenset({Who.SYSTEM}),
            say.MilestoneFunded,
            "from payment.held",
        ),
        Move(
            "amend",
            Status.PLANNED,
            Status.PLANNED,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.MilestoneAmended,
            "both agree",
        ),
        Move(
            "start",
            Status.READY,
            Status.IN_WORK,
            frozenset({Who.APPLICANT}),
            say.MilestoneStarted,
            "or implicit at first upload",
        ),
        Move(
            "submit",
            Status.READY,
            Status.SUBMITTED,
            frozenset({Who.APPLICANT}),
            say.DeliverableSubmitted,
        ),
        Move(
            "submit",
            Status.IN_WORK,
            Status.SUBMITTED,
            frozenset({Who.APPLICANT}),
            say.DeliverableSubmitted,
            "version n, SHA-256, criteria ticked",
        ),
        Move(
            "accept",
            Status.SUBMITTED,
            Status.ACCEPTED,
            frozenset({Who.EMPLOYER}),
            say.MilestoneAccepted,
            "full or reduced fee only if intern agrees",
        ),
        Move(
            "request_changes",
            Status.SUBMITTED,
            Status.CHANGES_REQUESTED,
            frozenset({Who.EMPLOYER}),
            say.MilestoneChangesRequested,
            "must cite unmet criteria; at most 2 rounds",
        ),
        Move(
            "submit",
            Status.CHANGES_REQUESTED,
            Status.SUBMITTED,
            frozenset({Who.APPLICANT}),
            say.DeliverableSubmitted,
        ),
        Move(
            "dispute",
            Status.SUBMITTED,
            Status.DISPUTED,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.MilestoneDisputed,
        ),
        Move(
            "dispute",
            Status.CHANGES_REQUESTED,
            Status.DISPUTED,
            frozenset({Who.APPLICANT}),
            say.MilestoneDisputed,
            "third round or out-of-scope request",
        ),
        Move(
            "decide_accept",
            Status.DISPUTED,
            Status.ACCEPTED,
            frozenset({Who.MODERATOR, Who.SYSTEM}),
            say.MilestoneAccepted,
            "may carry a split",
        ),
        Move(
            "decide_cancel",
            Status.DISPUTED,
            Status.CANCELLED,
            frozenset({Who.MODERATOR}),
            say.MilestoneCancelled,
            "refund",
        ),
        Move(
            "cancel",
            Status.PLANNED,
            Status.CANCELLED,
            frozenset({Who.APPLICANT, Who.EMPLOYER, Who.SYSTEM}),
            say.MilestoneCancelled,
            "engagement ended",
        ),
        Move(
            "cancel",
            Status.READY,
            Status.CANCELLED,
            frozenset({Who.APPLICANT, Who.EMPLOYER, Who.SYSTEM}),
            say.MilestoneCancelled,
            "refund",
        ),
        Move(
            "cancel",
            Status.IN_WORK,
            Status.CANCELLED,
            frozenset({Who.APPLICANT, Who.SYSTEM}),
            say.MilestoneCancelled,
            "not by the employer alone: ending the engagement gives the intern 48 h to submit what exists, which then goes to review",
        ),
        Move(
            "cancel",
            Status.CHANGES_REQUESTED,
            Status.CANCELLED,
            frozenset({Who.APPLICANT, Who.SYSTEM}),
            say.MilestoneCancelled,
            "not by the employer alone: accept, ask again or dispute",
        ),
    ),
    timers=(
        Timer(
            "fund_by",
            Status.PLANNED,
            7,
            Status.CANCELLED,
            say.MilestoneFundingLapsed,
            "day 3, 6; intern told not to start",
        ),
        Timer("due_at", Status.READY, 14, None, say.MilestoneOverdue, "3 d and 1 d before"),
        Timer("lapse_at", Status.READY, 21, Status.CANCELLED, say.MilestoneLapsed, "due_at + 7 d"),
        Timer("due_at", Status.IN_WORK, 14, None, say.MilestoneOverdue, "3 d and 1 d before"),
        Timer(
            "lapse_at", Status.IN_WORK, 21, Status.CANCELLED, say.MilestoneLapsed, "due_at + 7 d"
        ),
        Timer(
            "review_by",
            Status.SUBMITTED,
            5,
            Status.ACCEPTED,
            say.MilestoneAutoAccepted,
            "50 %, 80 %, 24 h before; configurable 2-14",
        ),
        Timer(
            "rework_by",
            Status.CHANGES_REQUESTED,
            10,
            Status.CANCELLED,
            say.MilestoneLapsed,
            "day 5, 9; intern may dispute before",
        ),
        Timer(
            "decide_by",
            Status.DISPUTED,
            15,
            Status.ACCEPTED,
            say.MilestoneAutoAccepted,
            "default if nobody decides: the delivered work is paid",
        ),
    ),
)
