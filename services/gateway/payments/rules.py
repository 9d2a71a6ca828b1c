from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Protocol

from services.gateway.engagements.rules import KILL_FEE_PERCENT
from services.gateway.lifecycles import PAYMENT, Who
from services.gateway.lifecycles.engagement import Status as EngagementStatus
from services.gateway.lifecycles.milestone import Status as MilestoneStatus
from services.gateway.lifecycles.payment import Status
from services.gateway.lifecycles.project import Status as ProjectStatus
from services.gateway.timers.calendar import end_of
from shared.errors import Conflict

COMMANDS = frozenset({"fund", "resend"})
HELD = frozenset({Status.HELD, Status.FROZEN, Status.SCHEDULED})
OVER = frozenset(
    {
        ProjectStatus.DISCARDED,
        ProjectStatus.REJECTED,
        ProjectStatus.EXPIRED,
        ProjectStatus.CANCELLED,
        ProjectStatus.COMPLETED,
        ProjectStatus.REMOVED,
    }
)
# A seat of such a project may still be given to somebody.
SEEKING = frozenset(
    {
        ProjectStatus.AWAITING_FUNDING,
        ProjectStatus.OPEN,
        ProjectStatus.PAUSED,
        ProjectStatus.SELECTING,
        ProjectStatus.FILLED,
        ProjectStatus.SUSPENDED,
    }
)
ENDED = frozenset(
    {
        EngagementStatus.NOT_AGREED,
        EngagementStatus.NOT_STARTED,
        EngagementStatus.COMPLETED,
        EngagementStatus.TERMINATED,
    }
)
NOT_BEGUN = frozenset({EngagementStatus.NOT_AGREED, EngagementStatus.NOT_STARTED})
KILL_FEE_NOTICE = timedelta(hours=48)
NEXT = {
    (Status.HELD, MilestoneStatus.ACCEPTED): "release",
    (Status.HELD, MilestoneStatus.CANCELLED): "refund",
    (Status.FROZEN, MilestoneStatus.ACCEPTED): "decide_release",
    (Status.FROZEN, MilestoneStatus.CANCELLED): "decide_refund",
}
PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
# After this nothing is sent again unasked, so that the clock of `retrying` can run out.
TRIED_FOR = timedelta(days=3)
COOLING = timedelta(days=1)
PROVIDER_TIME = timedelta(days=1)
# After this an appeal that nobody decided has come to nothing.
APPEAL_TIME = timedelta(days=PAYMENT.timer(Status.FROZEN, "decide_by").days)
DONE = frozenset({MilestoneStatus.ACCEPTED, MilestoneStatus.CANCELLED})
SENT = frozenset({Status.SENDING, Status.PAID, Status.RETRYING, Status.UNCLAIMED})


def allowed(state: str, who: frozenset[Who]) -> list[str]:
    return [name for name in PAYMENT.allowed(state, who) if name in COMMANDS]


def pause_after(tries: int) -> timedelta:
    """1 minute to 6 hours, the longer the more often it was tried."""
    return PAUSES[min(max(tries, 1), len(PAUSES)) - 1]


def kill_fee(fee: int, *, cancelled_at: datetime | None, starts_at: datetime) -> int:
    """What an intern gets who is told less than two days before that there will be no work."""
    late = cancelled_at is not None and cancelled_at > starts_at - KILL_FEE_NOTICE
    return fee * KILL_FEE_PERCENT // 100 if late else 0


def next_step(
    state: Status,
    *,
    project_state: ProjectStatus,
    engagement_state: EngagementStatus,
    milestone_state: MilestoneStatus,
    begun: bool,
    appealed: bool,
    waits: bool = False,
) -> str | None:
    """What becomes of somebody's money, as things stand. In doubt it stands still. `waits`: it goes
    back, unless somebody appeals."""
    looked_into = (
        engagement_state is EngagementStatus.DISPUTED or project_state is ProjectStatus.SUSPENDED
    )
    earned = milestone_state is MilestoneStatus.ACCEPTED
    disputed = milestone_state is MilestoneStatus.DISPUTED
    if appealed or waits or disputed or (earned and looked_into):
        return "freeze" if state in {Status.HELD, Status.SCHEDULED} else None
    command = NEXT.get((state, milestone_state))
    return None if command == "refund" and not begun else command


class Work(Protocol):
    @property
    def state(self) -> str: ...
    @property
    def due_on(self) -> date: ...
    @property
    def changed_at(self) -> datetime: ...
    @property
    def review_days(self) -> int: ...


def pay_by(state: Status, changed_at: datetime, work: Work | None) -> datetime | None:
    """The latest that the money is with the intern, when work that is not yet there comes on its day."""
    match state:
        case Status.SENDING:
            return changed_at + PROVIDER_TIME
        case Status.SCHEDULED:
            return changed_at + COOLING + PROVIDER_TIME
        case Status.HELD if work is not None:
            handed_in = work.state == MilestoneStatus.SUBMITTED
            begins = work.changed_at if handed_in else end_of(work.due_on)
            return begins + timedelta(days=work.review_days) + COOLING + PROVIDER_TIME
        case _:
            return None


def check_fundable(state: ProjectStatus, allowed_now: list[str]) -> None:
    if state is not ProjectStatus.AWAITING_FUNDING:
        raise Conflict(
            f"This project is {state.replace('_', ' ')}; it cannot be funded now.",
            state=state,
            allowed=allowed_now,
        )


def check_left_to_fund(
    project_state: ProjectStatus, states: Collection[Status], allowed_now: list[str]
) -> None:
    if not states or Status.DUE in states:
        return
    found = " and ".join(sorted({state.replace("_", " ") for state in states}))
    raise Conflict(
        f"Nothing is left to fund: the payments of this project are {found}.",
        state=project_state,
        allowed=allowed_now,
    )


def check_not_over(state: ProjectStatus) -> None:
    if state in OVER:
        raise Conflict(f"This project is {state}; nothing more is paid into it.", state=state)
