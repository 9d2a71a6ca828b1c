"""The gateway's rows, written as the gateway would, and the room's answers."""

import random
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.matching.handlers import SUBSCRIPTIONS
from shared import clock
from shared.database import Database
from shared.events.applications import ApplicationSubmitted
from shared.events.base import Envelope, Event
from shared.events.people import OrganizationMemberAdded, ProfileChanged
from shared.events.projects import ProjectEvent, ProjectOpened
from shared.ids import new_id


@dataclass(frozen=True)
class Posting:
    id: UUID
    organization_id: UUID


class World:
    def __init__(self, gateway: Database) -> None:
        self._gateway = gateway

    async def person(self, *skills: str, **terms: Any) -> UUID:
        person_id = new_id()
        facts = {"region": "PH-07", "weekly_hours": 20, "minimum_hourly_pay": 0} | terms
        await self._gateway.execute(
            """INSERT INTO people (id, email, password_hash, name, locale, joined_at)
               VALUES ($1, $2, '', $3, 'fil', $4)""",
            person_id,
            f"{person_id}@example.org",
            facts.pop("name", "Ligaya"),
            clock.now(),
        )
        await self._gateway.execute(
            """INSERT INTO profiles (person_id, region, weekly_hours, minimum_hourly_pay, version,
                                     changed_at)
               VALUES ($1, $2, $3, $4, 1, $5)""",
            person_id,
            *facts.values(),
            clock.now(),
        )
        await self._teach(person_id, skills)
        return person_id

    async def changes_skills(self, person_id: UUID, *skills: str) -> None:
        await self._gateway.execute("DELETE FROM profile_skills WHERE person_id = $1", person_id)
        await self._teach(person_id, skills)
        await self._gateway.execute(
            "UPDATE profiles SET version = version + 1 WHERE person_id = $1", person_id
        )

    async def _teach(self, person_id: UUID, skills: tuple[str, ...]) -> None:
        await self._gateway.executemany(
            "INSERT INTO profile_skills (person_id, skill_id, level) VALUES ($1, $2, 3)",
            [(person_id, skill) for skill in skills],
        )

    async def organization(self, *members: UUID) -> UUID:
        organization_id = new_id()
        await self._gateway.execute(
            """INSERT INTO organizations (id, name, industry, region, registered_at)
               VALUES ($1, 'Habi', 'fashion', 'PH-07', $2)""",
            organization_id,
            clock.now(),
        )
        for member in members:
            await self.joins(organization_id, member)
        return organization_id

    async def joins(self, organization_id: UUID, person_id: UUID) -> None:
        await self._gateway.execute(
            """INSERT INTO members (organization_id, person_id, role, joined_at)
               VALUES ($1, $2, 'member', $3)""",
            organization_id,
            person_id,
            clock.now(),
        )

    async def project(
        self,
        *required: str,
        must_have: tuple[str, ...] = (),
        organization_id: UUID | None = None,
        hours: int = 20,
    ) -> Posting:
        posting = Posting(new_id(), organization_id or await self.organization())
        await self._gateway.execute(
            """INSERT INTO projects (id, organization_id, title, summary, description, language,
                                     languages, industry, region, remote, hours, weeks, seats, fee,
                                     currency, answer_days, criteria, state, version, drafted_at,
                                     changed_at)
               VALUES ($1, $2, 'T', 'S', 'D', 'fil', '{fil}', 'fashion', 'PH-07', true, $3, 2, 1,
                       500000, 'PHP', 3, '{done}', 'open', 1, $4, $4)""",
            posting.id,
            posting.organization_id,
            hours,
            clock.now(),
        )
        await self._gateway.executemany(
            "INSERT INTO project_skills (project_id, skill_id, must_have) VALUES ($1, $2, $3)",
            [(posting.id, skill, skill in must_have) for skill in {*required, *must_have}],
        )
        return posting

    async def moves(self, posting: Posting, state: str) -> None:
        await self._gateway.execute(
            "UPDATE projects SET state = $2, version = version + 1 WHERE id = $1",
            posting.id,
            state,
        )

    async def crowd(self, people: int, skills: list[str], *, seed: int = 1) -> list[UUID]:
        """Many people at once, with five to twelve skills each, common ones more often."""
        chosen = random.Random(seed)
        ids = [new_id() for _ in range(people)]
        weights = [1 / rank for rank in range(1, len(skills) + 1)]
        taught = [
            (person_id, skill)
            for person_id in ids
            for skill in set(chosen.choices(skills, weights, k=chosen.randint(5, 12)))
        ]
        await self._gateway.execute(
            """INSERT INTO people (id, email, password_hash, name, locale, joined_at)
               SELECT id, id || '@example.org', '', 'Ligaya', 'fil', now() FROM unnest($1::uuid[]) AS id""",
            ids,
        )
        await self._gateway.execute(
            """INSERT INTO profiles (person_id, region, version, changed_at)
               SELECT id, 'PH-07', 1, now() FROM unnest($1::uuid[]) AS id""",
            ids,
        )
        await self._gateway.execute(
            """INSERT INTO profile_skills (person_id, skill_id, level)
               SELECT *, 3 FROM unnest($1::uuid[], $2::text[])""",
            [person_id for person_id, _ in taught],
            [skill for _, skill in taught],
        )
        return ids


class Room:
    """What the matching room does with an event, and what it shows afterwards."""

    def __init__(self, matching: Database, gateway: Database) -> None:
        self._matching = matching
        self._gateway = gateway

    async def hears(self, *events: Event) -> None:
        async with self._matching.acquire() as conn, conn.transaction():
            for event in events:
                for subscription in SUBSCRIPTIONS:
                    if subscription.event is type(event):
                        await subscription.hear(conn, [received(event)])

    async def list_of(self, posting: Posting) -> list[UUID]:
        """As the gateway reads it."""
        rows = await self._gateway.fetch(
            """SELECT person_id FROM matching.public_matches
                WHERE project_id = $1 AND passed AND is_open ORDER BY score DESC, person_id""",
            posting.id,
        )
        return [row["person_id"] for row in rows]

    async def match(self, posting: Posting, person_id: UUID) -> Any:
        return await self._gateway.fetchrow(
            "SELECT * FROM matching.public_matches WHERE project_id = $1 AND person_id = $2",
            posting.id,
            person_id,
        )

    async def matches(self) -> set[tuple[UUID, UUID, float]]:
        rows = await self._gateway.fetch(
            "SELECT project_id, person_id, score FROM matching.public_matches"
        )
        return {tuple(row) for row in rows}

    async def said(self, name: str) -> list[dict[str, Any]]:
        rows = await self._matching.fetch(
            "SELECT data FROM events WHERE name LIKE $1 || '%' ORDER BY occurred_at, id", name
        )
        return [row["data"] for row in rows]


def received(event: Event) -> Event:
    return event.received(
        Envelope(
            id=new_id(),
            name=event.name,
            source="/sibol/gateway",
            subject=event.subject,
            sequence=1,
            time=clock.now(),
            correlation_id=new_id(),
            causation_id=None,
            actor_kind="system",
            tenant="ph",
        )
    )


def changed(person_id: UUID, version: int = 1) -> ProfileChanged:
    return ProfileChanged(person_id=person_id, version=version)


def opened(posting: Posting) -> ProjectEvent:
    return said(ProjectOpened, posting, "open")


def said(event: type[ProjectEvent], posting: Posting, state: str) -> ProjectEvent:
    return event(project_id=posting.id, organization_id=posting.organization_id, state=state)


def joined(organization_id: UUID, person_id: UUID) -> OrganizationMemberAdded:
    return OrganizationMemberAdded(organization_id=organization_id, person_id=person_id)


def applied(posting: Posting, person_id: UUID, application_id: UUID) -> ApplicationSubmitted:
    return ApplicationSubmitted(
        application_id=application_id,
        project_id=posting.id,
        organization_id=posting.organization_id,
        applicant_id=person_id,
        state="submitted",
    )
