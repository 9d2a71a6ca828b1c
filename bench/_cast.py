"""Many people who are signed in, and postings they may apply to: one life made through the API, then
copied by SQL, because each person may ask only so often."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg

from services.gateway.tokens import PREFIX, token_hash
from shared.ids import new_id
from tests.integration.gateway.conftest import NOWHERE, a_gateway
from tests.support.api import Life
from tests.support.engine import an_engine

POSTINGS = 10
READERS = 20

COPY_PEOPLE = """
    INSERT INTO gateway.people
    SELECT (jsonb_populate_record(people, jsonb_build_object(
               'id', copy.id, 'email', copy.id || '@halimbawa.example'))).*
      FROM gateway.people, unnest($2::uuid[]) AS copy (id) WHERE people.id = $1
"""
COPY_PROFILES = """
    INSERT INTO gateway.profiles
    SELECT (jsonb_populate_record(profiles, jsonb_build_object('person_id', copy.id))).*
      FROM gateway.profiles, unnest($2::uuid[]) AS copy (id) WHERE person_id = $1
"""
COPY_SKILLS = """
    INSERT INTO gateway.profile_skills (person_id, skill_id, level)
    SELECT copy.id, skill_id, level
      FROM gateway.profile_skills, unnest($2::uuid[]) AS copy (id) WHERE person_id = $1
"""
SIGN_IN = """
    INSERT INTO gateway.sessions (token_hash, person_id, created_at, expires_at)
    SELECT token_hash, id, now(), now() + interval '1 day'
      FROM unnest($1::bytea[], $2::uuid[]) AS signed (token_hash, id)
"""
COPY_PROJECTS = """
    INSERT INTO gateway.projects
    SELECT (jsonb_populate_record(projects, jsonb_build_object('id', copy.id, 'state', 'open'))).*
      FROM gateway.projects, unnest($2::uuid[]) AS copy (id) WHERE projects.id = $1
"""
COPY_MILESTONES = """
    INSERT INTO gateway.project_milestones
    SELECT (jsonb_populate_record(planned, jsonb_build_object('project_id', copy.id))).*
      FROM gateway.project_milestones AS planned, unnest($2::uuid[]) AS copy (id)
     WHERE project_id = $1
"""
COPY_MEMBERS = """
    INSERT INTO gateway.members
    SELECT (jsonb_populate_record(members, jsonb_build_object(
               'person_id', copy.id, 'role', 'member'))).*
      FROM gateway.members, unnest($2::uuid[]) AS copy (id) WHERE members.person_id = $1
"""
# Each of the people at work on the first posting.
COPY_WORK = """
    WITH applied AS (
        INSERT INTO gateway.applications
        SELECT (jsonb_populate_record(applications, jsonb_build_object(
                   'id', gen_random_uuid(), 'project_id', applications.project_id,
                   'applicant_id', copy.id))).*
          FROM gateway.applications, unnest($2::uuid[]) AS copy (id) WHERE applications.id = $1
     RETURNING id, applicant_id
    )
    INSERT INTO gateway.engagements
    SELECT (jsonb_populate_record(engagements, jsonb_build_object(
               'id', gen_random_uuid(), 'application_id', applied.id,
               'applicant_id', applied.applicant_id, 'state', 'active'))).*
      FROM gateway.engagements, applied WHERE engagements.application_id = $1
"""


@dataclass(frozen=True)
class Signed:
    id: UUID
    token: str


@dataclass(frozen=True)
class Cast:
    applicants: Sequence[Signed]
    readers: Sequence[Signed]
    project_ids: Sequence[UUID]
    engagement_ids: Sequence[UUID]

    def pairs(self) -> list[tuple[Signed, UUID]]:
        """Each person with each posting, so that neighbours are different people."""
        return [(person, project) for project in self.project_ids for person in self.applicants]


async def a_cast(database_url: str, *, pairs: int) -> Cast:
    life = await _a_life(database_url)
    conn = await asyncpg.connect(database_url)
    try:
        applicant, employer = UUID(life.applicant.person["id"]), UUID(life.employer.person["id"])
        applicants = await _people(conn, applicant, -(-pairs // POSTINGS))
        readers = await _people(conn, employer, READERS)
        await conn.execute(COPY_MEMBERS, employer, [reader.id for reader in readers])
        projects = [new_id() for _ in range(POSTINGS)]
        await conn.execute(COPY_PROJECTS, UUID(life.project["id"]), projects)
        await conn.execute(COPY_MILESTONES, UUID(life.project["id"]), projects)
        ids = [person.id for person in applicants]
        await conn.execute(COPY_WORK, UUID(life.application["id"]), ids)
        rows = await conn.fetch(
            "SELECT id FROM gateway.engagements WHERE applicant_id = ANY($1) ORDER BY applicant_id",
            ids,
        )
        return Cast(applicants, readers, projects, [row["id"] for row in rows])
    finally:
        await conn.close()


async def _a_life(database_url: str) -> Life:
    """Until both have signed, by the gateway's own rules."""
    with tempfile.TemporaryDirectory() as files:
        folder = Path(files)
        async with (
            a_gateway(database_url, NOWHERE, folder) as gateway,
            an_engine(database_url) as engine,
        ):
            gateway.engine = engine
            life = await Life.between(gateway.api)
            await life.post_project(seats=1)
            await life.apply()
            await life.agree()
            return life


async def _people(
    conn: "asyncpg.Connection[asyncpg.Record]", example: UUID, count: int
) -> list[Signed]:
    people = [Signed(new_id(), f"{PREFIX}{new_id().hex}") for _ in range(count)]
    people.sort(key=lambda person: person.id)
    ids = [person.id for person in people]
    for copy in (COPY_PEOPLE, COPY_PROFILES, COPY_SKILLS):
        await conn.execute(copy, example, ids)
    hashes = [await asyncio.to_thread(token_hash, person.token) for person in people]
    await conn.execute(SIGN_IN, hashes, ids)
    return people
