from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from services.gateway.lifecycles import Who
from shared.errors import Conflict


class Fault(StrEnum):
    MISSED_ANSWER = "missed_answer"
    EXPIRED_UNDECIDED = "expired_undecided"
    NO_SHOW = "no_show"
    SILENCE = "silence"


REMEMBERED = timedelta(days=180)
MOST_MISSED = 2
# With fewer, one person's case would show through the figures.
FEWEST_ANSWERS = 5
AT_FAULT = {
    "silent_applicant": Who.APPLICANT,
    "silent_employer": Who.EMPLOYER,
    "no_show_applicant": Who.APPLICANT,
    "no_show_employer": Who.EMPLOYER,
}


class Waiting(Protocol):
    @property
    def project_id(self) -> UUID: ...
    @property
    def applications(self) -> int: ...


def at_fault(*, party: str | None, reason: str | None) -> Who | None:
    """The side that an engagement's event names, or None when it names none."""
    if party in {Who.APPLICANT, Who.EMPLOYER}:
        return Who(party)
    return AT_FAULT.get(reason or "")


def check_may_resume(unanswered: Iterable[Waiting]) -> None:
    """A posting opens again when everybody who waited too long has an answer."""
    found = list(unanswered)
    if not found:
        return
    waiting = sum(each.applications for each in found)
    people = "1 applicant waits" if waiting == 1 else f"{waiting} applicants wait"
    raise Conflict(
        f"{people} for an overdue answer. Shortlist or refuse each of them first: "
        "POST /v1/projects/PROJECT/decisions does many at once.",
        unanswered=[
            {"project_id": str(each.project_id), "applications": each.applications}
            for each in found
        ],
    )
