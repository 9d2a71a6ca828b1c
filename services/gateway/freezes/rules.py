from collections.abc import Container, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.gateway.organizations.regions import REGIONS
from shared.errors import Conflict, Invalid, NotAllowed


class Scope(StrEnum):
    REGION = "region"
    SCHOOL = "school"
    PERSON = "person"


class Reason(StrEnum):
    CALAMITY = "calamity"
    CLASS_SUSPENSION = "class_suspension"
    EXAMS = "exams"
    ILLNESS = "illness"
    OTHER = "other"


LONGEST = {
    Scope.REGION: timedelta(days=30),
    Scope.SCHOOL: timedelta(days=30),
    Scope.PERSON: timedelta(days=14),
}
FURTHEST_AHEAD = timedelta(days=180)
# A freeze of one's own delays others: so many of them in so long a time.
ALLOWANCE = 2
ALLOWANCE_PERIOD = timedelta(days=180)


def check_window(scope: Scope, *, starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    """What has rung has rung: no freeze begins in the past."""
    longest = LONGEST[scope]
    faults = [
        (starts_at < now, "starts_at", "must not lie in the past; leave it out for now"),
        (
            starts_at > now + FURTHEST_AHEAD,
            "starts_at",
            f"must lie within {FURTHEST_AHEAD.days} days from now",
        ),
        (ends_at <= starts_at, "ends_at", "must lie after the start"),
        (
            ends_at > starts_at + longest,
            "ends_at",
            f"must lie at most {longest.days} days after the start",
        ),
    ]
    found = [
        {"pointer": f"/{field}", "code": "wrong_window", "detail": detail}
        for is_wrong, field, detail in faults
        if is_wrong
    ]
    if found:
        raise _wrong(found)


def check_region(place: str | None) -> str:
    if place is None or place not in REGIONS:
        raise _wrong([_place("unknown_region", f"must be one of {', '.join(REGIONS)}")])
    return place


def check_no_place(place: str | None) -> None:
    if place is not None:
        raise _wrong([_place("not_here", "is not for a freeze of your own; leave it out")])


def check_school_id(place: str | None) -> UUID:
    try:
        return UUID(place or "")
    except ValueError:
        raise no_school() from None


def no_school() -> Invalid:
    return _wrong([_place("no_school", "must be the id of an organization of kind school")])


def check_may_freeze_region(*, moderates: bool) -> None:
    if not moderates:
        raise NotAllowed("Only a moderator or an operator may freeze the clocks of a region.")


def check_may_freeze_school(*, is_member: bool, duties: Container[str]) -> None:
    """Anybody may register a school; an operator appoints who speaks for one."""
    if "operator" not in duties and not (is_member and "school" in duties):
        raise NotAllowed(
            "Only an operator, or a member of the school whom an operator has appointed for school "
            "matters, may freeze its clocks."
        )


def check_allowance(taken: int) -> None:
    if taken >= ALLOWANCE:
        raise Conflict(
            f"You have stopped your clocks {taken} times in {ALLOWANCE_PERIOD.days} days, which is "
            "as often as anybody may. Write to the other side, or ask a moderator."
        )


def check_not_over(ends_at: datetime, now: datetime) -> None:
    if ends_at <= now:
        raise Conflict("This freeze is over already.")


def _wrong(errors: Sequence[dict[str, str]]) -> Invalid:
    said = "; ".join(f"{error['pointer']}: {error['detail']}" for error in errors)
    return Invalid(f"{said}.", errors=list(errors))


def _place(code: str, detail: str) -> dict[str, str]:
    return {"pointer": "/place", "code": code, "detail": detail}
