import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from services.gateway.lifecycles import ENGAGEMENT, Who
from services.gateway.lifecycles.engagement import Status
from shared.errors import Conflict, Invalid, NotAllowed

COMMANDS = frozenset(
    {
        "sign",
        "decline",
        "check_in",
        "cancel",
        "ask_help",
        "amend",
        "pause",
        "resume",
        "terminate",
        "feedback",
        "dispute",
    }
)
NEED_REASON = frozenset({"decline", "cancel", "terminate"})
PARTIES = frozenset({Who.APPLICANT, Who.EMPLOYER, Who.SCHOOL})
REVEALED = frozenset({Status.COMPLETED})
HELP_WORKING_DAYS = 1
LONGEST_PAUSE = timedelta(days=14)
LATEST_DUE = timedelta(days=120)
# Between the last signs of two sides: closer than this, both are silent.
TOGETHER = timedelta(days=3)
KILL_FEE_PERCENT = 10
PAY_DAYS = 1


class Said(Protocol):
    """An engagement, as far as it says who has spoken."""

    @property
    def state(self) -> Status: ...
    @property
    def signed(self) -> list[str]: ...
    @property
    def feedback(self) -> list[str]: ...


class Heard(Protocol):
    """An engagement, as far as it says when its sides were last heard."""

    @property
    def started_at(self) -> datetime | None: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def applicant_seen_at(self) -> datetime | None: ...
    @property
    def employer_seen_at(self) -> datetime | None: ...
    @property
    def help_asked_by(self) -> str | None: ...
    @property
    def checked_in(self) -> list[str]: ...


class Part(Protocol):
    """A milestone, as far as its terms can change."""

    @property
    def id(self) -> UUID: ...
    @property
    def fee(self) -> int: ...
    @property
    def open(self) -> bool: ...


def allowed_in(engagement: Said, who: frozenset[Who]) -> list[str]:
    """Without what this side has said already."""
    said = {"sign": engagement.signed, "feedback": engagement.feedback}
    return [
        name
        for name in ENGAGEMENT.allowed(engagement.state, who)
        if name in COMMANDS and not who & PARTIES & set(said.get(name, ()))
    ]


def party(who: frozenset[Who]) -> str:
    """Which side this person is on."""
    sides = who & PARTIES
    if not sides:
        raise NotAllowed("Only the intern and the employer may do this.")
    return min(sides)


def other(side: str) -> str:
    return "employer" if side == Who.APPLICANT else "applicant"


def needed_signatures(*, has_school: bool) -> frozenset[str]:
    return frozenset(
        {"applicant", "employer", "school"} if has_school else {"applicant", "employer"}
    )


def text_hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def check_text(signed: str, agreement_hash: bytes) -> None:
    if signed.lower() != agreement_hash.hex():
        raise Conflict(
            "The agreement you signed is not this one. Read it again and sign its agreement_hash.",
            agreement_hash=agreement_hash.hex(),
        )


def begins(*, side: str, starts_on: date, today: date, checked_in: Collection[str]) -> bool:
    """The work begins when both have checked in, or with the intern on the agreed day."""
    if other(side) in checked_in:
        return True
    return side == Who.APPLICANT and today >= starts_on


def silent_side(engagement: Heard) -> str:
    """Whoever owes an answer to a call for help, or was heard long before the other side; or both."""
    if engagement.help_asked_by:
        return other(engagement.help_asked_by)
    began = engagement.started_at or engagement.created_at
    applicant = engagement.applicant_seen_at or began
    employer = engagement.employer_seen_at or began
    if abs(applicant - employer) < TOGETHER:
        return "both"
    return "applicant" if applicant < employer else "employer"


def fault(engagement: Heard, timer: str) -> str | None:
    """The reason that an engagement carries when this timer stalls it, ends it or finds nobody."""
    if timer in {"silent", "answer_by"}:
        side = silent_side(engagement)
        return "silence" if side == "both" else f"silent_{side}"
    if timer == "start_by":
        missing = {"applicant", "employer"} - set(engagement.checked_in)
        return "no_show" if len(missing) == 2 else f"no_show_{min(missing)}"
    return None


def check_breaks_silence(engagement: Heard, side: str) -> None:
    """The side that waits cannot end the other's silence."""
    silent = silent_side(engagement)
    if silent not in {"both", side}:
        raise Conflict(
            f"The {silent} is the one who has been silent; the {silent}'s check-in lets the work go "
            "on. You may terminate or dispute the engagement.",
            state=Status.STALLED,
        )


def check_pause(terms: Mapping[str, Any], *, today: date) -> None:
    if {"until", "reason"} - set(terms):
        raise Invalid("A pause needs until, the day when the work goes on, and a reason.")
    if not today < date.fromisoformat(terms["until"]) <= today + LONGEST_PAUSE:
        raise Invalid(f"The work goes on after today and within {LONGEST_PAUSE.days} days.")


def check_amendment(
    terms: Mapping[str, Any], parts: Sequence[Part], *, today: date, pay_floor: int
) -> None:
    """What both sides may change: never to less time than is left, nor to money that is not held."""
    by_id = {str(part.id): part for part in parts}
    changes = terms.get("milestones", [])
    if len({change["id"] for change in changes}) != len(changes):
        raise Invalid("Name each milestone once.")
    for change in changes:
        part = by_id.get(change["id"])
        if part is None or not part.open:
            raise Invalid(
                "Only a milestone of this engagement that is not yet handed in can change."
            )
        _check_due(change.get("due_on"), today)
        _check_fee(change.get("fee"), part.fee)
    lowered = sum(by_id[each["id"]].fee - each["fee"] for each in changes if "fee" in each)
    if lowered and sum(part.fee for part in parts) - lowered < pay_floor:
        raise Invalid(f"The whole fee cannot fall below the lawful {pay_floor} centavos.")


def _check_due(due_on: str | None, today: date) -> None:
    if due_on is not None and not today <= date.fromisoformat(due_on) <= today + LATEST_DUE:
        raise Invalid(f"A milestone is due today or later, within {LATEST_DUE.days} days.")


def _check_fee(fee: int | None, held: int) -> None:
    if fee is not None and fee > held:
        raise Invalid(
            f"{held} centavos are held for this milestone, and no more can be promised. For more "
            "work and more money, post another project."
        )
