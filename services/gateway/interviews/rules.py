from collections.abc import Iterable
from datetime import datetime, timedelta

from services.gateway.lifecycles import Who
from services.gateway.lifecycles.application import Status
from shared.errors import Conflict, Invalid, NotAllowed

TALKING = frozenset({Status.SUBMITTED, Status.SEEN, Status.SHORTLISTED})
MOST_SLOTS = 10
# A slot further away than an application can live is a slip of the pen.
AHEAD = timedelta(days=60)


def check_may_offer(*, state: Status, who: frozenset[Who]) -> None:
    if Who.EMPLOYER not in who:
        raise NotAllowed("Only the employer offers times to talk.")
    _check_talking(state)


def check_may_book(*, state: Status, who: frozenset[Who]) -> None:
    if Who.APPLICANT not in who:
        raise NotAllowed("Only the applicant chooses a time to talk.")
    _check_talking(state)


def check_times(times: Iterable[datetime], *, now: datetime) -> None:
    wanted = list(times)
    if len(set(wanted)) < len(wanted):
        raise Invalid("Each time may be offered once.")
    for at in wanted:
        if not now < at <= now + AHEAD:
            raise Invalid(f"{at.isoformat()} does not lie within the next {AHEAD.days} days.")


def check_room(*, offered: int) -> None:
    if offered > MOST_SLOTS:
        raise Conflict(f"At most {MOST_SLOTS} times may be offered for one application.")


def check_not_past(starts_at: datetime, *, now: datetime) -> None:
    if starts_at <= now:
        raise Conflict("This time has passed. Choose a later one.")


def _check_talking(state: Status) -> None:
    if state not in TALKING:
        raise Conflict(
            f"This application is {state.replace('_', ' ')}; people talk before there is a decision.",
            state=state,
        )
