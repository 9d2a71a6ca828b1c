from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from services.gateway.lifecycles import MILESTONE, Who
from services.gateway.lifecycles.engagement import Status as EngagementStatus
from services.gateway.lifecycles.milestone import Status
from shared.errors import Conflict, Invalid

COMMANDS = frozenset({"start", "submit", "accept", "request_changes", "cancel", "amend", "dispute"})
MOST_ROUNDS = 2
LAST_HOURS = 48
LATEST_DUE = timedelta(days=120)
UNFINISHED = frozenset({Status.IN_WORK, Status.CHANGES_REQUESTED})
PAUSABLE = UNFINISHED | {Status.PLANNED, Status.READY}
# Clocks run while an engagement is stalled or disputed, and whoever does the work must not lose by it.
TAKES_WORK = frozenset(
    {EngagementStatus.ACTIVE, EngagementStatus.STALLED, EngagementStatus.DISPUTED}
)


class Work(Protocol):
    """A milestone, as far as it says who may do what."""

    @property
    def state(self) -> Status: ...
    @property
    def engagement_state(self) -> EngagementStatus: ...
    @property
    def rounds(self) -> int: ...
    @property
    def proposals(self) -> list[dict[str, Any]]: ...
    @property
    def dispute_ended_at(self) -> datetime | None: ...


def allowed_in(milestone: Work, who: frozenset[Who]) -> list[str]:
    names = [name for name in MILESTONE.allowed(milestone.state, who) if name in COMMANDS]
    kept = [name for name in names if _is_left(name, milestone)]
    return kept + (["accept"] if _may_agree(milestone, who) else [])


def _is_left(name: str, milestone: Work) -> bool:
    """Some commands may be given only so often."""
    match name:
        case "request_changes":
            return _may_ask(milestone)
        case "dispute":
            return milestone.dispute_ended_at is None
        case _:
            return True


def _may_ask(milestone: Work) -> bool:
    ended = milestone.engagement_state is EngagementStatus.TERMINATED
    return milestone.rounds < MOST_ROUNDS and not ended


def _may_agree(milestone: Work, who: frozenset[Who]) -> bool:
    """The intern accepts a lower fee, or offers to."""
    return Who.APPLICANT in who and milestone.state is Status.SUBMITTED


def check_starts(engagement_state: EngagementStatus) -> None:
    if engagement_state is not EngagementStatus.ACTIVE:
        raise _not_underway(engagement_state)


def check_takes_work(milestone: Work) -> None:
    ended = milestone.engagement_state is EngagementStatus.TERMINATED
    if ended and milestone.state in UNFINISHED:
        return
    if milestone.engagement_state not in TAKES_WORK:
        raise _not_underway(milestone.engagement_state)


def _not_underway(state: EngagementStatus) -> Conflict:
    return Conflict(
        f"The engagement is {state.replace('_', ' ')}; work goes on while it is active. Check in "
        "first if it has not begun.",
        state=state,
    )


def check_may_ask(milestone: Work) -> None:
    if milestone.engagement_state is EngagementStatus.TERMINATED:
        raise Conflict(
            "The engagement has ended, so nothing more can be changed. Accept the work or dispute "
            "it.",
            state=milestone.state,
            allowed=allowed_in(milestone, frozenset({Who.EMPLOYER})),
        )
    if milestone.rounds >= MOST_ROUNDS:
        raise Conflict(
            f"Changes were requested {milestone.rounds} times, the most there may be. Accept the "
            "work or dispute it.",
            state=milestone.state,
            allowed=allowed_in(milestone, frozenset({Who.EMPLOYER})),
        )


def check_may_dispute(milestone: Work, who: frozenset[Who]) -> None:
    """Each dispute stops the clock of the state it leaves, so neither side may dispute for ever."""
    if milestone.dispute_ended_at is not None:
        raise Conflict(
            "Your side disputed this milestone before, and each side may do so once. Accept, change "
            "or hand in the work, or dispute how the whole engagement goes on.",
            state=milestone.state,
            allowed=allowed_in(milestone, who),
        )


def check_amendment(
    terms: Mapping[str, Any], engagement_state: EngagementStatus, *, today: date
) -> None:
    if engagement_state is EngagementStatus.AGREEING:
        raise Conflict(
            "The agreement that names this milestone is being signed. Sign it first, or decline it "
            "and make another offer.",
            state=Status.PLANNED,
        )
    due = terms.get("due_on")
    if due is not None and not today <= date.fromisoformat(due) <= today + LATEST_DUE:
        raise Invalid(f"A milestone is due today or later, within {LATEST_DUE.days} days.")


def check_reduced(fee: int, full: int) -> None:
    if fee > full:
        raise Invalid(f"The fee of this milestone is {full} centavos; it can only be reduced.")


def check_criteria(numbers: Collection[int], *, count: int) -> None:
    """Criteria are named by their place, from 0."""
    if any(not 0 <= number < count for number in numbers):
        raise Invalid(f"Criteria are numbered 0 to {count - 1}.")
    if len(set(numbers)) != len(numbers):
        raise Invalid("Name each criterion once.")
