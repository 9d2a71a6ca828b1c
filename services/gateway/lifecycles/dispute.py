from enum import StrEnum

from services.gateway.lifecycles.machine import Machine, Move, Remind, Timer, Who
from shared.events import disputes as say


class Status(StrEnum):
    OPENED = "opened"
    ANSWERED = "answered"
    SETTLED = "settled"
    MEDIATING = "mediating"
    DECIDED = "decided"
    DEFAULTED = "defaulted"


DISPUTE = Machine(
    record="dispute",
    initial=frozenset({Status.OPENED}),
    terminal=frozenset({Status.SETTLED, Status.DECIDED, Status.DEFAULTED}),
    resting={},
    moves=(
        Move(
            "answer",
            Status.OPENED,
            Status.ANSWERED,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.DisputeAnswered,
            "by the other side",
        ),
        Move(
            "withdraw",
            Status.OPENED,
            Status.SETTLED,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.DisputeWithdrawn,
            "by the filer",
        ),
        Move(
            "settle",
            Status.ANSWERED,
            Status.SETTLED,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.DisputeSettled,
            "both agree on a split",
        ),
        Move(
            "take", Status.ANSWERED, Status.MEDIATING, frozenset({Who.MODERATOR}), say.DisputeTaken
        ),
        Move(
            "settle",
            Status.MEDIATING,
            Status.SETTLED,
            frozenset({Who.APPLICANT, Who.EMPLOYER}),
            say.DisputeSettled,
        ),
        Move(
            "decide",
            Status.MEDIATING,
            Status.DECIDED,
            frozenset({Who.MODERATOR}),
            say.DisputeDecided,
            "written reasons; one appeal to a second person within 5 d",
        ),
    ),
    timers=(
        Timer(
            "answer_by",
            Status.OPENED,
            5,
            Status.DEFAULTED,
            say.DisputeDefaulted,
            "business days; for the filer",
            waits_on=frozenset({Who.APPLICANT, Who.EMPLOYER}),
            reminders=(Remind(after=2), Remind(after=4)),
            working=True,
        ),
        Timer(
            "take_by",
            Status.ANSWERED,
            2,
            Status.MEDIATING,
            say.DisputeTaken,
            "auto-assign",
            waits_on=frozenset({Who.MODERATOR}),
        ),
        Timer(
            "decide_by",
            Status.MEDIATING,
            8,
            Status.DEFAULTED,
            say.DisputeDefaulted,
            "work delivered is paid",
            waits_on=frozenset({Who.MODERATOR}),
            reminders=(Remind(after=5), Remind(after=7)),
        ),
    ),
    reminded=say.DisputeReminded,
)
