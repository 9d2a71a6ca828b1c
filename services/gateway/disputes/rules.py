from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from services.gateway.lifecycles import DISPUTE, Who
from services.gateway.lifecycles.dispute import Status
from services.gateway.lifecycles.milestone import Status as MilestoneStatus
from services.gateway.payments.rules import APPEAL_TIME
from shared import clock
from shared.errors import Conflict, Invalid, NotAllowed

COMMANDS = frozenset({"answer", "withdraw", "settle", "take", "decide"})
BY_THE_FILER = frozenset({"withdraw"})
BY_THE_OTHER = frozenset({"answer"})
LIVE = frozenset({Status.OPENED, Status.ANSWERED, Status.MEDIATING})
DELIVERED = frozenset({MilestoneStatus.SUBMITTED, MilestoneStatus.CHANGES_REQUESTED})
UNSETTLED = DELIVERED | {MilestoneStatus.PLANNED, MilestoneStatus.READY, MilestoneStatus.IN_WORK}
APPEAL = timedelta(days=5)


class Outcome(StrEnum):
    """What becomes of an engagement in dispute."""

    CONTINUE = "continue"
    END = "end"
    DONE = "done"


class Disputed(Protocol):
    """A dispute, as far as it says who may do what."""

    @property
    def state(self) -> Status: ...
    @property
    def milestone_id(self) -> UUID | None: ...
    @property
    def filer(self) -> str: ...
    @property
    def fee(self) -> int: ...
    @property
    def mediator_id(self) -> UUID | None: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def appealed_at(self) -> datetime | None: ...
    @property
    def appeal_ended_at(self) -> datetime | None: ...


class Part(Protocol):
    """A milestone, as far as money is shared out over it."""

    @property
    def id(self) -> UUID: ...
    @property
    def fee(self) -> int: ...
    @property
    def state(self) -> MilestoneStatus: ...


def allowed_in(dispute: Disputed, who: frozenset[Who], person_id: UUID) -> list[str]:
    """Without what is for the other side, or for another mediator, to do."""
    found = [name for name in DISPUTE.allowed(dispute.state, who) if name in COMMANDS]
    kept = [name for name in found if _is_theirs(name, dispute, who, person_id)]
    return kept + _appeals(dispute, who, person_id)


def _is_theirs(name: str, dispute: Disputed, who: frozenset[Who], person_id: UUID) -> bool:
    if name in BY_THE_FILER:
        return Who(dispute.filer) in who
    if name in BY_THE_OTHER:
        return Who(dispute.filer) not in who
    return name != "decide" or dispute.mediator_id in {None, person_id}


def _appeals(dispute: Disputed, who: frozenset[Who], person_id: UUID) -> list[str]:
    if who & {Who.APPLICANT, Who.EMPLOYER}:
        return ["appeal"] if _may_be_appealed(dispute) else []
    judges = Who.MODERATOR in who and person_id != dispute.mediator_id
    return ["decide_appeal"] if judges and _is_appealed(dispute) else []


def _may_be_appealed(dispute: Disputed) -> bool:
    if dispute.state is not Status.DECIDED or dispute.milestone_id is None:
        return False
    if dispute.appealed_at is not None:
        return False
    return dispute.ended_at is not None and clock.now() < dispute.ended_at + APPEAL


def _is_appealed(dispute: Disputed) -> bool:
    if dispute.appealed_at is None or dispute.appeal_ended_at is not None:
        return False
    return clock.now() < dispute.appealed_at + APPEAL_TIME


def check_theirs(command: str, dispute: Disputed, who: frozenset[Who], person_id: UUID) -> None:
    """After the table allowed it to people of this kind."""
    if _is_theirs(command, dispute, who, person_id):
        return
    if command == "decide":
        raise NotAllowed("Another mediator has taken this dispute, and decides it.")
    who_may = "side that opened it" if command in BY_THE_FILER else "other side"
    raise NotAllowed(
        f"To {command} this dispute is for the {who_may}.",
        state=dispute.state,
        allowed=allowed_in(dispute, who, person_id),
    )


def check_appealable(dispute: Disputed) -> UUID:
    """Return the milestone whose share is appealed."""
    if dispute.state is not Status.DECIDED:
        raise Conflict("Only a mediator's decision can be appealed.", state=dispute.state)
    if dispute.milestone_id is None:
        raise Conflict(
            "How an engagement goes on is decided once. What is paid for a milestone can be "
            "appealed.",
            state=dispute.state,
        )
    if dispute.appealed_at is not None:
        raise Conflict("There is one appeal, and it has been made.", state=dispute.state)
    if not _may_be_appealed(dispute):
        raise Conflict(
            f"A decision can be appealed within {APPEAL.days} days.", state=dispute.state
        )
    return dispute.milestone_id


def check_appealed(dispute: Disputed, who: frozenset[Who], person_id: UUID) -> UUID:
    """Return the milestone whose share is decided again."""
    if Who.MODERATOR not in who:
        raise NotAllowed("An appeal is decided by a mediator who is no side of the dispute.")
    if dispute.milestone_id is None or not _is_appealed(dispute):
        raise Conflict(
            "No appeal of this dispute is waiting. What nobody decided within "
            f"{APPEAL_TIME.days} days stays as it was decided first.",
            state=dispute.state,
        )
    if dispute.mediator_id == person_id:
        raise NotAllowed("An appeal is decided by a second person. You decided the dispute.")
    return dispute.milestone_id


def check_share(share: int, fee: int, *, sent: int = 0) -> None:
    if share > fee:
        raise Invalid(f"The disputed fee is {fee} centavos; nobody can get more of it.")
    if share < sent:
        raise Invalid(f"{sent} centavos have been sent to the intern. Name that much or more.")


def check_terms(
    *, of_milestone: bool, outcome: Outcome | None, share: int | None, fee: int
) -> None:
    """A milestone is decided by a share; an engagement by what becomes of it, and by a share when
    it ends."""
    if of_milestone and outcome is not None:
        raise Invalid("outcome is for a dispute over a whole engagement. Leave it out.")
    if not of_milestone and outcome is None:
        raise Invalid("Say in outcome what becomes of the engagement: continue, end or done.")
    if outcome is Outcome.CONTINUE and share is not None:
        raise Invalid(
            "When the work goes on, each milestone keeps its fee. Leave intern_share out."
        )
    if outcome is not Outcome.CONTINUE and share is None:
        raise Invalid("Say in intern_share what the intern gets of the disputed fee, in centavos.")
    check_share(share or 0, fee)


def share_when_withdrawn(dispute: Disputed) -> int | None:
    """None where nothing is decided about the money."""
    by_employer = dispute.filer == Who.EMPLOYER
    return dispute.fee if by_employer and dispute.milestone_id is not None else None


def shared_out(share: int, parts: Sequence[Part]) -> list[int]:
    """Delivered work is paid before work that is not; earlier milestones before later ones."""
    shares = dict.fromkeys((part.id for part in parts), 0)
    for part in sorted(parts, key=lambda part: part.state not in DELIVERED):
        shares[part.id] = min(part.fee, share)
        share -= shares[part.id]
    return [shares[part.id] for part in parts]


def delivered_fee(parts: Sequence[Part]) -> int:
    return sum(part.fee for part in parts if part.state in DELIVERED)


def unsettled_fee(parts: Sequence[Part]) -> int:
    return sum(part.fee for part in parts if part.state in UNSETTLED)
