from collections.abc import Collection

from services.gateway.lifecycles import MILESTONE, Who
from services.gateway.lifecycles.engagement import Status as EngagementStatus
from services.gateway.lifecycles.milestone import Status
from shared.errors import Conflict, Invalid

COMMANDS = frozenset({"start", "submit", "accept", "request_changes", "cancel"})
MOST_ROUNDS = 2


def allowed(state: str, who: frozenset[Who], *, rounds: int) -> list[str]:
    names = [name for name in MILESTONE.allowed(state, who) if name in COMMANDS]
    return [name for name in names if name != "request_changes" or rounds < MOST_ROUNDS]


def check_underway(engagement_state: EngagementStatus) -> None:
    if engagement_state is not EngagementStatus.ACTIVE:
        raise Conflict(
            f"The engagement is {engagement_state.replace('_', ' ')}; work goes on while it is "
            "active. Check in first if it has not begun.",
            state=engagement_state,
        )


def check_rounds(state: Status, rounds: int) -> None:
    if rounds >= MOST_ROUNDS:
        raise Conflict(
            f"Changes were requested {rounds} times, the most there may be. Accept the work.",
            state=state,
            allowed=allowed(state, frozenset({Who.EMPLOYER}), rounds=rounds),
        )


def check_criteria(numbers: Collection[int], *, count: int) -> None:
    """Criteria are named by their place, from 0."""
    if any(not 0 <= number < count for number in numbers):
        raise Invalid(f"Criteria are numbered 0 to {count - 1}.")
    if len(set(numbers)) != len(numbers):
        raise Invalid("Name each criterion once.")
