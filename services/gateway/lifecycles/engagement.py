from enum import StrEnum

from services.gateway.lifecycles.machine import Machine, Move, Remind, Timer, Who
from shared.events import engagements as say


class Status(StrEnum):
    AGREEING = "agreeing"
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    PAUSED = "paused"
    STALLED = "stalled"
    WRAPPING_UP = "wrapping_up"
    DISPUTED = "disputed"
    NOT_AGREED = "not_agreed"
    NOT_STARTED = "not_started"
    COMPLETED = "completed"
    TERMINATED = "terminated"


ENGAGEMENT = Machine(
    record="engagement",
    initial=frozenset({Status.AGREEING}),
    terminal=frozenset(
        {
            Status.NOT_AGREED,
            Status.NOT_STARTED,
            Status.COMPLETED,
            Status.TERMINATED,
        }
    ),
    resting={},
    moves=(
        Move(
            "sign",
            Status.AGREEING,
            Status.AGREEING,
            frozenset({Who.APPLICANT, Who.EMPLOYER, Who.SCHOOL}),
            say.EngagementSigned,
            "until every required party has signed",
        ),
        Move(
            "last_signature",
            Status.AGREEING,
            Status.SCHEDULED,
            frozenset({Who.SYSTEM}),
            say.EngagementAgreed,
            "hash of the agreement text kept",
        ),
        Move(
            "decline",
            Status.AGREEING,
            Status.NOT_AGREED,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.EngagementNotAgreed,
        ),
        Move(
            "check_in",
            Status.SCHEDULED,
            Status.ACTIVE,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.EngagementStarted,
            "kick-off done by both, or first check-in by the intern after start_at",
        ),
        Move(
            "cancel",
            Status.SCHEDULED,
            Status.NOT_STARTED,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.EngagementCancelled,
            "employer cancel within 48 h of start: kill fee",
        ),
        Move(
            "check_in",
            Status.ACTIVE,
            Status.ACTIVE,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.EngagementCheckedIn,
            "one tap: fine / slow / stuck",
            restarts=True,
        ),
        Move(
            "ask_help",
            Status.ACTIVE,
            Status.ACTIVE,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.EngagementHelpRequested,
            "1 business day answer promise",
            restarts=True,
        ),
        Move(
            "amend",
            Status.ACTIVE,
            Status.ACTIVE,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.EngagementAmended,
            "both must agree: scope, dates, fee",
            restarts=True,
        ),
        Move(
            "pause",
            Status.ACTIVE,
            Status.PAUSED,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.EngagementPaused,
            "both agree; exams, illness, calamity",
        ),
        Move(
            "resume",
            Status.PAUSED,
            Status.ACTIVE,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.EngagementResumed,
        ),
        Move(
            "check_in",
            Status.STALLED,
            Status.ACTIVE,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.EngagementResumed,
            "by the silent party",
        ),
        Move(
            "work_accepted",
            Status.ACTIVE,
            Status.WRAPPING_UP,
            frozenset({Who.SYSTEM}),
            say.EngagementWorkAccepted,
            "last milestone accepted",
        ),
        Move(
            "feedback",
            Status.WRAPPING_UP,
            Status.WRAPPING_UP,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.FeedbackGiven,
            "sealed until both or the timer",
        ),
        Move(
            "feedback_done",
            Status.WRAPPING_UP,
            Status.COMPLETED,
            frozenset({Who.SYSTEM}),
            say.EngagementCompleted,
            "both sides in: revealed",
        ),
        Move(
            "terminate",
            Status.ACTIVE,
            Status.TERMINATED,
            frozenset({Who.APPLICANT, Who.EMPLOYER, Who.SCHOOL}),
            say.EngagementTerminated,
            "reason; accepted and in-review milestones still settle",
        ),
        Move(
            "terminate",
            Status.STALLED,
            Status.TERMINATED,
            frozenset({Who.APPLICANT, Who.EMPLOYER, Who.SCHOOL}),
            say.EngagementTerminated,
        ),
        Move(
            "terminate",
            Status.PAUSED,
            Status.TERMINATED,
            frozenset({Who.APPLICANT, Who.EMPLOYER, Who.SCHOOL}),
            say.EngagementTerminated,
        ),
        Move(
            "dispute",
            Status.ACTIVE,
            Status.DISPUTED,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.EngagementDisputed,
            "see Dispute",
        ),
        Move(
            "dispute",
            Status.STALLED,
            Status.DISPUTED,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.EngagementDisputed,
        ),
        Move(
            "decide_continue",
            Status.DISPUTED,
            Status.ACTIVE,
            frozenset({Who.MODERATOR, Who.SYSTEM}),
            say.EngagementDisputeSettled,
        ),
        Move(
            "decide_end",
            Status.DISPUTED,
            Status.TERMINATED,
            frozenset({Who.MODERATOR, Who.SYSTEM}),
            say.EngagementTerminated,
            "with the money split decided",
        ),
        Move(
            "decide_done",
            Status.DISPUTED,
            Status.WRAPPING_UP,
            frozenset({Who.MODERATOR, Who.SYSTEM}),
            say.EngagementWorkAccepted,
        ),
    ),
    timers=(
        Timer(
            "sign_by",
            Status.AGREEING,
            3,
            Status.NOT_AGREED,
            say.EngagementAgreementLapsed,
            "24 h, 48 h; seat released, runner-up",
            waits_on=frozenset({Who.APPLICANT, Who.EMPLOYER}),
            reminders=(Remind(after=1), Remind(after=2)),
        ),
        Timer(
            "start_by",
            Status.SCHEDULED,
            9,
            Status.NOT_STARTED,
            say.EngagementNoShow,
            "start_at + 48 h; fault party recorded (default: 7 d to start + 2 d)",
            waits_on=frozenset({Who.APPLICANT, Who.EMPLOYER}),
            since="starts_on",
            left=2,
        ),
        Timer(
            "quiet",
            Status.ACTIVE,
            3,
            None,
            say.EngagementQuiet,
            "no message, check-in or submission by either side",
            waits_on=frozenset({Who.APPLICANT, Who.EMPLOYER}),
        ),
        Timer(
            "silent",
            Status.ACTIVE,
            6,
            Status.STALLED,
            say.EngagementStalled,
            "says which side is silent",
            waits_on=frozenset({Who.APPLICANT, Who.EMPLOYER}),
        ),
        Timer(
            "answer_by",
            Status.STALLED,
            4,
            Status.TERMINATED,
            say.EngagementTerminated,
            "fault = silent side; in-review work auto-settles",
            waits_on=frozenset({Who.APPLICANT, Who.EMPLOYER}),
        ),
        Timer(
            "resume_by",
            Status.PAUSED,
            14,
            Status.ACTIVE,
            say.EngagementResumed,
            "day 10, 13",
            waits_on=frozenset({Who.APPLICANT, Who.EMPLOYER}),
            reminders=(Remind(after=10), Remind(after=13)),
        ),
        Timer(
            "feedback_by",
            Status.WRAPPING_UP,
            10,
            Status.COMPLETED,
            say.EngagementCompleted,
            "day 5, 8; one-sided feedback then revealed",
            waits_on=frozenset({Who.APPLICANT, Who.EMPLOYER}),
            reminders=(Remind(after=5), Remind(after=8)),
        ),
        Timer(
            "decide_by",
            Status.DISPUTED,
            15,
            Status.TERMINATED,
            say.EngagementTerminated,
            "Dispute timers are shorter; default rule applies",
            waits_on=frozenset({Who.MODERATOR}),
        ),
    ),
    reminded=say.EngagementReminded,
)
