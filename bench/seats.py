"""How a seat is taken when everybody wants it at once: 50 people who each hold an offer of the same
seat, and one person who accepts one offer 50 times.

    ./sibol bench seats [ROUNDS]
"""

import asyncio
import logging
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import structlog

from bench._servers import a_database
from shared import clock
from tests.integration.gateway.conftest import NOWHERE, a_gateway
from tests.integration.gateway.support import Gateway
from tests.support.api import Api, Life, Refused
from tests.support.engine import an_engine

PEOPLE = 50
ROUNDS = 1000
COPY_PROJECT = """
    INSERT INTO gateway.projects
    SELECT (jsonb_populate_record(projects, jsonb_build_object('id', $2::uuid, 'state', 'open',
                                                               'seats', 1))).*
      FROM gateway.projects WHERE id = $1
"""
COPY_MILESTONES = """
    INSERT INTO gateway.project_milestones
    SELECT (jsonb_populate_record(planned, jsonb_build_object('project_id', $2::uuid))).*
      FROM gateway.project_milestones AS planned WHERE project_id = $1
"""
# More offers than seats: what only a fault could bring about.
COPY_APPLICATIONS = """
    WITH copied AS (
        INSERT INTO gateway.applications
        SELECT (jsonb_populate_record(applications, jsonb_build_object(
                    'id', gen_random_uuid(), 'project_id', $2::uuid, 'state', 'offered'))).*
          FROM gateway.applications WHERE project_id = $1 AND applicant_id = ANY($3)
     RETURNING id, applicant_id
    ), offered AS (
        INSERT INTO gateway.offers (application_id, message, starts_on, fee, made_by, made_at)
        SELECT id, 'Tuloy tayo!', $4, 300000, applicant_id, now() FROM copied
    )
    SELECT id, applicant_id FROM copied
"""


@dataclass
class Race:
    """One posting with one seat, copied afresh for every round."""

    gateway: Gateway
    project_id: UUID
    people: list[Api]
    answers: dict[str, Counter[int]] = field(default_factory=dict)
    seconds: float = 0
    seats_taken: Counter[int] = field(default_factory=Counter)

    async def many_offers(self) -> None:
        project_id, offers = await self._posting(self.people)
        await self._accept("many offers of one seat", offers)
        self.seats_taken[await self._taken(project_id)] += 1

    async def one_offer(self, place: int) -> None:
        person = self.people[place % len(self.people)]
        project_id, offers = await self._posting([person])
        await self._accept("one offer, many times", offers * len(self.people))
        self.seats_taken[await self._taken(project_id)] += 1

    async def _accept(self, kind: str, offers: list[tuple[Api, UUID]]) -> None:
        started = time.perf_counter()
        found = await asyncio.gather(*(_accepted(person, offer) for person, offer in offers))
        self.seconds += time.perf_counter() - started
        self.answers.setdefault(kind, Counter()).update(found)

    async def _posting(self, people: list[Api]) -> tuple[UUID, list[tuple[Api, UUID]]]:
        copy, database = uuid4(), self.gateway.database
        by_id = {UUID(person.person["id"]): person for person in people}
        await database.execute(COPY_PROJECT, self.project_id, copy)
        await database.execute(COPY_MILESTONES, self.project_id, copy)
        starts_on = clock.now().date() + timedelta(days=7)
        rows = await database.fetch(
            COPY_APPLICATIONS, self.project_id, copy, list(by_id), starts_on
        )
        return copy, [(by_id[row["applicant_id"]], row["id"]) for row in rows]

    async def _taken(self, project_id: UUID) -> int:
        taken: int = await self.gateway.database.fetchval(
            "SELECT count(*) FROM gateway.engagements WHERE project_id = $1", project_id
        )
        return taken


async def _accepted(person: Api, application_id: UUID) -> int:
    try:
        await person.post(f"/v1/applications/{application_id}/accept")
    except Refused as refused:
        return refused.status
    return 200


async def a_race(gateway: Gateway, *, people: int = PEOPLE) -> Race:
    life = await Life.between(gateway.api)
    await life.post_project(seats=1)
    applicants = []
    for _ in range(people):
        life.applicant = await gateway.joined()
        await life.apply()
        applicants.append(life.applicant)
    return Race(gateway, UUID(life.project["id"]), applicants)


async def measure(rounds: int) -> Race:
    async with a_database() as url:
        with tempfile.TemporaryDirectory() as files:
            async with a_gateway(url, NOWHERE, Path(files)) as gateway, an_engine(url) as engine:
                gateway.engine = engine
                race = await a_race(gateway)
                for each in range(rounds):
                    await race.many_offers()
                    await race.one_offer(each)
                return race


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    race = asyncio.run(measure(rounds))
    for kind, answers in race.answers.items():
        counts = ", ".join(f"{status}: {count}" for status, count in sorted(answers.items()))
        print(f"{kind}, {rounds} rounds of {PEOPLE}: {counts}")
    print(f"seats taken per posting: {dict(race.seats_taken)}")
    asked = sum(answers.total() for answers in race.answers.values())
    print(f"{asked} requests in {race.seconds:.1f} s, {asked / race.seconds:.0f} per second")


if __name__ == "__main__":
    main()
