"""A posting, people who want it, and what the gateway hears of itself."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.gateway.applications import moves
from services.gateway.applications.queries import lock_any_application
from services.gateway.handlers import SUBSCRIPTIONS
from services.gateway.projects.moves import fire as fire_project
from services.gateway.projects.queries import lock_project
from services.gateway.projects.wages import day_of
from shared import clock
from shared.events.base import Event
from tests.integration.gateway.support import Gateway
from tests.support.api import Api, Life, Refused, profile_body
from tests.support.engine import read

LETTER = {"cover_letter": "Matagal na akong nagsasalin ng mga gabay para sa aming barangay."}


def day(ahead: int) -> str:
    return str(day_of(clock.now()) + timedelta(days=ahead))


def offer(ahead: int = 10) -> dict[str, Any]:
    return {"message": "Tuloy tayo!", "starts_on": day(ahead)}


async def refusal(asked: Any) -> Refused:
    """What was answered to something that had to be refused."""
    try:
        answer = await asked
    except Refused as refused:
        return refused
    raise AssertionError(f"Not refused: {answer}")


@dataclass
class Choosing:
    """One posting and its applicants, in the order in which they came."""

    still: Gateway
    database: asyncpg.Pool
    life: Life
    people: list[Api] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    @property
    def employer(self) -> Api:
        return self.life.employer

    @property
    def project_id(self) -> str:
        return self.life.project["id"]

    @property
    def at(self) -> str:
        return f"/v1/projects/{self.project_id}"

    @property
    def organization_id(self) -> UUID:
        return UUID(self.life.project["organization_id"])

    async def post(self, **changes: Any) -> None:
        """Another posting of the same employer, open, with nobody yet."""
        if self.life.project is None:
            await self.life.post_project(**changes)
        else:
            await self._post_again(changes)
        await self.database.execute(
            "UPDATE gateway.projects SET state = 'open' WHERE id = $1", UUID(self.project_id)
        )

    async def _post_again(self, changes: dict[str, Any]) -> None:
        other = Life(self.employer, self.life.applicant, self.life.skills)
        await other.post_project(**changes)
        await self.database.execute(
            "UPDATE gateway.projects SET organization_id = $2 WHERE id = $1",
            UUID(other.project["id"]),
            self.organization_id,
        )
        self.life.project = {**other.project, "organization_id": str(self.organization_id)}

    async def apply(self, count: int = 1) -> None:
        for _ in range(count):
            person = await self.still.joined()
            await person.put("/v1/me/profile", profile_body(self.life.skills))
            found = await person.post(f"{self.at}/applications", LETTER)
            self.people.append(person)
            self.ids.append(found["id"])

    async def applied(self, person: Api, **options: Any) -> str:
        found = await person.post(f"{self.at}/applications", {**LETTER, **options})
        return found["id"]

    async def offered(self, place: int) -> None:
        await self.employer.post(f"/v1/applications/{self.ids[place]}/offer", offer())

    async def accepted(self, place: int) -> Any:
        """Return the engagement."""
        await self.people[place].post(f"/v1/applications/{self.ids[place]}/accept")
        return (await self.people[place].get("/v1/me/engagements"))["items"][0]

    async def state(self, place: int) -> str:
        found = await self.people[place].get(f"/v1/applications/{self.ids[place]}")
        return found["state"]

    async def fires(self, application_id: str, timer: str) -> None:
        async with self.database.acquire() as conn, conn.transaction():
            application = await lock_any_application(conn, UUID(application_id))
            assert application is not None
            await moves.fire(conn, application, timer)

    async def hears(self, subject: str, name: str) -> Event:
        """Hand the last event of this name to all of the gateway's handlers."""
        row = await self.database.fetchrow(
            """SELECT * FROM gateway.events WHERE subject = $1 AND name = $2
                ORDER BY sequence DESC LIMIT 1""",
            UUID(subject),
            name,
        )
        event = read(row)
        await self.told(event)
        return event

    async def told(self, event: Event) -> None:
        async with self.database.acquire() as conn, conn.transaction():
            for item in SUBSCRIPTIONS:
                if item.event is type(event):
                    await item.handler(conn, [event] if item.takes_many else event)

    async def misses(self, application_id: str) -> None:
        """The promised time of an answer passes."""
        await self.fires(application_id, "answer_by")
        await self.hears(application_id, "application.answer_overdue.v1")

    async def close_undecided(self) -> None:
        """The employer's time to choose runs out."""
        await self.apply(1)
        await self.employer.post(f"{self.at}/close-applications")
        async with self.database.acquire() as conn, conn.transaction():
            project = await lock_project(conn, UUID(self.project_id), viewer_id=None)
            assert project is not None
            await fire_project(conn, project, "decide_by")
        await self.hears(self.project_id, "project.expired_undecided.v1")

    async def said(self, subject: str, name: str) -> int:
        return await self.database.fetchval(
            "SELECT count(*) FROM gateway.events WHERE subject = $1 AND name = $2",
            UUID(subject),
            name,
        )
