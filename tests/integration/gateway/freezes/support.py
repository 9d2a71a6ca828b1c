"""People, employers and schools in regions, and clocks that wait for them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.gateway.freezes import actions
from services.gateway.freezes.moving import Freeze
from services.gateway.freezes.rules import Reason, Scope
from services.gateway.lifecycles import Who
from services.gateway.timers import queries as timers
from services.gateway.timers.planning import Clock
from services.gateway.viewer import Viewer
from shared import clock

A_DAY = timedelta(days=1)


def moderator(person_id: UUID) -> Viewer:
    return Viewer(person_id, frozenset({"moderator"}))


def operator(person_id: UUID) -> Viewer:
    return Viewer(person_id, frozenset({"operator"}))


def somebody(person_id: UUID) -> Viewer:
    return Viewer(person_id, frozenset())


def appointed(person_id: UUID) -> Viewer:
    """Whom an operator lets speak for a school."""
    return Viewer(person_id, frozenset({"school"}))


@dataclass
class Country:
    conn: Any

    async def person(self, region: str = "ncr", school: str = "") -> UUID:
        person_id = uuid4()
        await self.conn.execute(
            """INSERT INTO gateway.people (id, email, password_hash, name, locale, joined_at)
                    VALUES ($1, $2, 'x', 'Ana', 'fil', now())""",
            person_id,
            f"{person_id}@halimbawa.example",
        )
        await self.conn.execute(
            """INSERT INTO gateway.profiles (person_id, region, school, changed_at)
                    VALUES ($1, $2, $3, now())""",
            person_id,
            region,
            school,
        )
        return person_id

    async def organization(self, region: str = "ncr", *, school: str | None = None) -> UUID:
        organization_id = uuid4()
        await self.conn.execute(
            """INSERT INTO gateway.organizations (id, name, kind, industry, region, registered_at)
                    VALUES ($1, $2, $3, 'education', $4, now())""",
            organization_id,
            school or "Aklatan",
            "school" if school else "employer",
            region,
        )
        return organization_id

    async def member(self, organization_id: UUID) -> UUID:
        person_id = await self.person()
        await self.conn.execute(
            "INSERT INTO gateway.members VALUES ($1, $2, 'member', now())",
            organization_id,
            person_id,
        )
        return person_id

    async def clock(
        self,
        *,
        applicant: UUID | None = None,
        employer: UUID | None = None,
        days: float = 7,
        **changes: Any,
    ) -> UUID:
        """Of a record that waits for these people; return the record's id."""
        facts: dict[str, Any] = {
            "name": "answer_by",
            "is_reminder": False,
            "waits_on": frozenset({Who.APPLICANT if applicant else Who.EMPLOYER}),
            "starts_at": clock.now(),
            "days": days,
            "rings_after": days,
            "working": False,
            "not_after": None,
            "applicant_id": applicant,
            "organization_id": employer,
            **changes,
        }
        record_id = uuid4()
        pace = await timers.select_pace(
            self.conn,
            applicant_id=applicant,
            organization_id=employer,
            since=facts["starts_at"],
        )
        await timers.insert_timers(
            self.conn,
            record="application",
            record_id=record_id,
            state="submitted",
            clocks=[Clock(**facts)],
            pace=pace,
        )
        return record_id

    async def due(self, record_id: UUID) -> datetime:
        (found,) = await timers.select_timers(self.conn, [record_id])
        return found.due_at

    async def freeze(
        self,
        viewer: Viewer,
        scope: Scope = Scope.REGION,
        place: str | None = "ncr",
        *,
        days: float = 5,
        ahead: float = 0,
        reason: Reason = Reason.CALAMITY,
    ) -> tuple[Freeze, int]:
        starts_at = clock.now() + ahead * A_DAY
        return await actions.declare(
            self.conn,
            viewer=viewer,
            scope=scope,
            place=None if scope is Scope.PERSON else place,
            starts_at=starts_at if ahead else None,
            ends_at=starts_at + days * A_DAY,
            reason=reason,
        )

    async def said(self) -> list[Any]:
        rows = await self.conn.fetch(
            "SELECT name, data FROM gateway.events WHERE name LIKE 'clocks.%' ORDER BY id"
        )
        return [(row["name"], row["data"]) for row in rows]


def days_from(start: datetime, end: datetime) -> float:
    return round((end - start) / A_DAY, 4)


def a_monday() -> datetime:
    """A week without a holiday."""
    return datetime(2027, 1, 11, 1, tzinfo=UTC)
