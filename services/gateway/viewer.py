"""Who is asking."""

from dataclasses import dataclass
from uuid import UUID

from services.gateway.lifecycles import Who

NOBODY: frozenset[Who] = frozenset()


@dataclass(frozen=True)
class Viewer:
    id: UUID
    duties: frozenset[str]

    def roles(self, *, applicant: bool = False, employer: bool = False) -> frozenset[Who]:
        """What this person is to one record. Nobody sits on both sides of it: an applicant who
        later joins the employer stays the applicant, and neither judges as a moderator."""
        if applicant:
            return frozenset({Who.APPLICANT})
        if employer:
            return frozenset({Who.EMPLOYER})
        return frozenset(Who(duty) for duty in self.duties)

    @property
    def moderates(self) -> bool:
        return bool(self.duties & {"moderator", "operator"})
