from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from math import ceil

from services.gateway.lifecycles import PROJECT, Who
from services.gateway.lifecycles.project import Status
from services.gateway.projects import lures, wages
from shared.errors import Conflict, Invalid, NotAllowed

# Commands that people may give today; the others wait for what they need.
COMMANDS = frozenset(
    {
        "submit",
        "discard",
        "approve",
        "request_changes",
        "reject",
        "resubmit",
        "pause",
        "resume",
        "close_applications",
        "extend",
        "cancel",
        "suspend",
        "reinstate",
        "remove",
    }
)
NEED_REASON = frozenset({"request_changes", "reject", "cancel", "suspend", "remove"})
EDITABLE = frozenset({Status.DRAFT, Status.CHANGES_REQUESTED})
# A posting lives at most so long from its first opening, whatever is paused or extended.
LIFETIME = timedelta(days=60)
EXTENSION_DAYS = 7


class Kind(StrEnum):
    """The three lawful kinds of posting; none of them is unpaid."""

    INDEPENDENT = "independent"
    SCHOOL_INTERNSHIP = "school_internship"
    GOVERNMENT_PROGRAMME = "government_programme"


# Of the pay floor: interns of a school or a programme may be paid less than it, never nothing.
SHARE = {
    Kind.INDEPENDENT: Fraction(1),
    Kind.SCHOOL_INTERNSHIP: Fraction(3, 4),
    Kind.GOVERNMENT_PROGRAMME: Fraction(3, 4),
}
NEEDED: dict[Kind, dict[str, str]] = {
    Kind.INDEPENDENT: {},
    Kind.SCHOOL_INTERNSHIP: {
        "school_id": "is missing: the school that gives credit, an organization of kind school",
        "programme": "is missing: the course that the internship counts for",
        "credit_hours": "is missing: the hours of training that the school credits",
    },
    Kind.GOVERNMENT_PROGRAMME: {
        "programme": "is missing: the name of the government programme",
        "programme_reference": "is missing: the number under which the programme knows the post",
    },
}
KIND_FIELDS = sorted({field for needed in NEEDED.values() for field in needed})
# What an intern must be, stated on the posting.
CONDITIONS: dict[Kind, tuple[str, ...]] = {
    Kind.INDEPENDENT: (),
    Kind.SCHOOL_INTERNSHIP: ("enrolled_at_the_school",),
    Kind.GOVERNMENT_PROGRAMME: ("age_18_to_30",),
}


def allowed(state: str, who: frozenset[Who]) -> list[str]:
    names = [name for name in PROJECT.allowed(state, who) if name in COMMANDS]
    funds = state == Status.AWAITING_FUNDING and Who.EMPLOYER in who
    return ["fund", *names] if funds else names


def check_editable(state: str) -> None:
    if state not in EDITABLE:
        raise Conflict(
            "A posting can be changed while it is a draft or when changes were requested.",
            state=state,
        )


def check_kind(kind: Kind, given: Mapping[str, object]) -> None:
    """What the kind needs is there, and nothing of another kind."""
    needed = NEEDED[kind]
    missing = [field for field in needed if given[field] is None]
    foreign = [field for field in KIND_FIELDS if field not in needed and given[field] is not None]
    errors = [_fault(field, "missing", needed[field]) for field in missing]
    errors += [
        _fault(field, "other_kind", f"is not for the kind {kind}; leave it out")
        for field in foreign
    ]
    if errors:
        raise Invalid(
            f"A posting of the kind {kind} needs other fields; each is listed in errors.",
            errors=errors,
        )


def check_school(found: str | None) -> None:
    """`found` is what kind of organization school_id names."""
    if found != "school":
        says = "must be the id of an organization of kind school"
        raise Invalid(f"/school_id: {says}.", errors=[_fault("school_id", "no_school", says)])


def check_may_post(organization_kind: str) -> None:
    if organization_kind == "school":
        raise NotAllowed(
            "A school vouches for interns and does not post. Register an employer to post."
        )


def pay_floor(kind: Kind, *, hours: int, regions: Collection[str], on: date) -> int:
    """Centavos for the whole posting. Where the work is done counts; of remote work nobody knows
    that yet, so the dearer of the posting's and the employer's region does."""
    hourly = max(_hourly_floor(region, on) for region in regions)
    return ceil(hours * hourly * SHARE[kind])


def _hourly_floor(region: str, on: date) -> int:
    wage = wages.in_force(region, on)
    if wage is None:
        raise Invalid(f"No minimum wage is known for {region} on {on}; ask the operator to add it.")
    return wage.hourly_floor


def check_pay(*, fee: int, floor: int) -> None:
    if fee < floor:
        says = f"must be at least the pay floor, {floor} centavos for these hours and this region"
        raise Invalid(
            f"/fee: {says}.", errors=[_fault("fee", "under_pay_floor", says)], floor=floor
        )


def _fault(field: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": f"/{field}", "code": code, "detail": detail}


def check_milestones(*, fee: int, milestone_fees: list[int]) -> None:
    if sum(milestone_fees) != fee:
        raise Invalid(
            f"The milestones' fees come to {sum(milestone_fees)} centavos; the whole fee is {fee}."
        )


def is_clean(*texts: str) -> bool:
    """Whether no person needs to look before it may be funded."""
    return not any(lures.found_in(text) for text in texts)


def lives_until(opened_at: datetime) -> datetime:
    return opened_at + LIFETIME


def last_day(state: Status, opened_at: datetime | None) -> datetime | None:
    """Pausing and extending give a posting no more time."""
    return lives_until(opened_at) if opened_at and state in {Status.OPEN, Status.PAUSED} else None


def check_may_extend(*, extended: bool, opened_at: datetime | None, now: datetime) -> None:
    if extended:
        raise Conflict("A posting is extended once; this one has been. Choose among who applied.")
    if opened_at is None or now >= lives_until(opened_at):
        raise Conflict(
            f"A posting lives {LIFETIME.days} days from its first opening; these are over."
        )


def check_seats(*, seats: int, taken: int) -> None:
    if taken >= seats:
        raise Conflict(f"All {seats} seats are taken or offered.", seats=seats)


HIDDEN = frozenset(
    {
        Status.DRAFT,
        Status.IN_REVIEW,
        Status.AWAITING_FUNDING,
        Status.CHANGES_REQUESTED,
        Status.DISCARDED,
        Status.REJECTED,
        Status.SUSPENDED,
        Status.REMOVED,
    }
)


def may_see(*, state: Status, is_mine: bool, moderates: bool) -> bool:
    return is_mine or moderates or state not in HIDDEN
