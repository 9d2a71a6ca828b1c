import math
from datetime import datetime, timedelta

from shared.errors import Conflict, Invalid, NotAllowed
from shared.events.origin import REAL

MOST_SANDBOXES = 3
MOST_ADDED = 50
LONGEST_STEP = timedelta(days=400)
FARTHEST = timedelta(days=3650)


def check_may_make(*, tenant: str, owned: int) -> None:
    if tenant != REAL:
        raise NotAllowed("Who lives in a sandbox cannot make another.")
    if owned >= MOST_SANDBOXES:
        raise Conflict(f"You have {MOST_SANDBOXES} sandboxes already; that is the most.")


def check_room(*, people: int, more: int, first: int) -> None:
    """`first` came with the sandbox and do not count."""
    left = MOST_ADDED + first - people
    if more > left:
        raise Conflict(f"A sandbox takes {MOST_ADDED} people more than its first; {left} may come.")


def target(
    *, ahead: timedelta, now: datetime, advance: timedelta | None, to: datetime | None
) -> timedelta:
    """How far ahead of the real time the clock shall run; `now` is the sandbox's time."""
    step = advance if to is None else to - now
    if step is None or step <= timedelta():
        raise Invalid(f"A sandbox's clock goes only forward; it stands at {now.isoformat()}.")
    if step > LONGEST_STEP:
        raise Invalid(f"A clock moves at most {LONGEST_STEP.days} days at once.")
    if ahead + step > FARTHEST:
        raise Conflict("This sandbox is ten years ahead. Make a new one.")
    return whole(ahead + step)


def whole(span: timedelta) -> timedelta:
    """Rounded up to seconds, for that is how an event tells it."""
    return timedelta(seconds=math.ceil(span.total_seconds()))
