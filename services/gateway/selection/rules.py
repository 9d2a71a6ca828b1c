from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from uuid import UUID

from services.gateway.lifecycles.application import Status
from services.gateway.lifecycles.project import Status as ProjectStatus
from shared.errors import Conflict, Invalid

# Time enough to say yes, to sign and to prepare.
NOTICE = timedelta(days=3)
IN_WAITING = (Status.SUBMITTED, Status.SEEN, Status.SHORTLISTED)
CHOOSING = (ProjectStatus.OPEN, ProjectStatus.SELECTING)
RANKING = (*CHOOSING, ProjectStatus.PAUSED, ProjectStatus.FILLED)
# How an applicant leaves an application, by the state it is in.
WAY_OUT: Mapping[Status, str] = {
    Status.INVITED: "decline",
    Status.DRAFT: "discard",
    Status.SUBMITTED: "withdraw",
    Status.SEEN: "withdraw",
    Status.SHORTLISTED: "withdraw",
    Status.OFFERED: "decline",
}


@dataclass(frozen=True)
class Work:
    """So many hours within so many weeks."""

    hours: int
    weeks: int

    @property
    def weekly(self) -> Fraction:
        return Fraction(self.hours, self.weeks)


@dataclass(frozen=True)
class Load:
    """What a person can do in a week, and has taken on."""

    capacity: int
    engagements: tuple[Work, ...]

    @property
    def taken(self) -> Fraction:
        return sum((work.weekly for work in self.engagements), Fraction())

    def fits(self, work: Work) -> bool:
        return self.taken + work.weekly <= self.capacity


def start_of(wanted: date, *, today: date) -> date:
    """When a runner-up would start."""
    return max(wanted, today + NOTICE)


def check_may_rank(state: ProjectStatus) -> None:
    if state not in RANKING:
        raise Conflict(
            f"This project is {state.replace('_', ' ')}; people are ranked while it may still "
            "need one.",
            state=state,
        )


def check_ranked(application_ids: Iterable[UUID], *, known: Iterable[UUID]) -> None:
    wanted = list(application_ids)
    if len(set(wanted)) < len(wanted):
        raise Invalid("Each application may be ranked once.")
    if strangers := [str(one) for one in wanted if one not in set(known)]:
        raise Invalid(
            f"These are no applications to this project: {', '.join(strangers)}.",
            unknown=strangers,
        )
