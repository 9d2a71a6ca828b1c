"""Who is asking."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.gateway.lifecycles import Who
from shared.events.origin import REAL

NOBODY: frozenset[Who] = frozenset()


@dataclass(frozen=True)
class Viewer:
    """`ahead` is how far the clock of their tenant runs before the real one."""

    id: UUID
    duties: frozenset[str]
    tenant: str = REAL
    ahead: timedelta = timedelta()

    def roles(
        self, *, applicant: bool = False, employer: bool = False, school: bool = False
    ) -> frozenset[Who]:
        """What this person is to one record. Nobody sits on both sides of it: an applicant who
        later joins the employer stays the applicant, and neither judges as a moderator."""
        if applicant:
            return frozenset({Who.APPLICANT})
        if employer:
            return frozenset({Who.EMPLOYER})
        if school:
            return frozenset({Who.SCHOOL})
        return frozenset(Who(duty) for duty in self.duties) - {Who.SCHOOL}

    @property
    def moderates(self) -> bool:
        return bool(self.duties & {"moderator", "operator"})
