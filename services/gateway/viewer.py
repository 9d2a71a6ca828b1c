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
        """What this person is to one record."""
        found = {Who(duty) for duty in self.duties}
        if applicant:
            found.add(Who.APPLICANT)
        if employer:
            found.add(Who.EMPLOYER)
        return frozenset(found)

    @property
    def moderates(self) -> bool:
        return bool(self.duties & {"moderator", "operator"})
