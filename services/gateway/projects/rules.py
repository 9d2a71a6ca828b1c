from services.gateway.lifecycles import PROJECT, Who
from services.gateway.lifecycles.project import Status
from shared.errors import Conflict, Invalid

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
# Centavos for an hour: a flat floor over the whole country until the wage table by region.
PAY_FLOOR = 9_000
SUSPECT_WORDS = (
    "registration fee",
    "training fee",
    "placement fee",
    "unpaid trial",
    "walang bayad na",
    "magbayad muna",
    "processing fee",
)


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


def check_pay(*, fee: int, hours: int) -> None:
    if fee < PAY_FLOOR * hours:
        raise Invalid(
            f"The fee is under the pay floor: {hours} hours need at least "
            f"{PAY_FLOOR * hours} centavos.",
            floor=PAY_FLOOR * hours,
        )


def check_milestones(*, fee: int, milestone_fees: list[int]) -> None:
    if sum(milestone_fees) != fee:
        raise Invalid(
            f"The milestones' fees come to {sum(milestone_fees)} centavos; the whole fee is {fee}."
        )


def is_clean(*, title: str, summary: str, description: str) -> bool:
    """Whether no person needs to look before it may be funded."""
    text = f"{title}\n{summary}\n{description}".casefold()
    return not any(word in text for word in SUSPECT_WORDS)


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
