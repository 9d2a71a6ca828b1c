"""People and open postings, mostly written straight into the tables: signing up is slow on purpose."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import aiohttp
import asyncpg

from services.gateway.tokens import new_token, token_hash
from shared.ids import new_id
from tests.support.api import Api, project_body, skill_ids

PEOPLE = """
    INSERT INTO gateway.people (id, email, password_hash, name, locale, joined_at)
    SELECT id, 'chaos-' || id || '@halimbawa.example', 'none', 'Ana Reyes', 'en', $3
      FROM unnest($1::uuid[], $2::bytea[]) AS new (id, token);
"""
SESSIONS = """
    INSERT INTO gateway.sessions (token_hash, person_id, created_at, expires_at)
    SELECT token, id, $3::timestamptz, $3::timestamptz + interval '1 day'
      FROM unnest($1::uuid[], $2::bytea[]) AS new (id, token)
"""
PROFILES = """
    INSERT INTO gateway.profiles (person_id, headline, region, minimum_hourly_pay, changed_at, version)
    SELECT id, 'Tagasalin', 'ncr', 10000, $2, 1 FROM unnest($1::uuid[]) AS id
"""
SKILLS = """
    INSERT INTO gateway.profile_skills (person_id, skill_id, level)
    SELECT id, skill, 4 FROM unnest($1::uuid[]) AS id, unnest($2::text[]) AS skill
"""
COPY_PROJECT = """
    INSERT INTO gateway.projects
    SELECT (jsonb_populate_record(projects, jsonb_build_object('id', $2::uuid,
                'organization_id', $3::uuid, 'state', 'open', 'seats', 1))).*
      FROM gateway.projects WHERE id = $1
"""
COPY_MILESTONES = """
    INSERT INTO gateway.project_milestones
    SELECT (jsonb_populate_record(planned, jsonb_build_object('project_id', $2::uuid))).*
      FROM gateway.project_milestones AS planned WHERE project_id = $1
"""
COPY_SKILLS = """
    INSERT INTO gateway.project_skills (project_id, skill_id, must_have)
    SELECT $2, skill_id, must_have FROM gateway.project_skills WHERE project_id = $1
"""


@dataclass(frozen=True)
class Person:
    id: UUID
    token: str


@dataclass(frozen=True)
class Posting:
    id: UUID
    employer: Person


@dataclass
class Town:
    """Everybody and everything that the load works with."""

    applicants: list[Person] = field(default_factory=list)
    employers: list[Person] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    spare: list[Person] = field(default_factory=list)
    skills: list[str] = field(default_factory=list)


async def insert_people(conn: asyncpg.Connection, count: int, skills: list[str]) -> list[Person]:
    people = [Person(new_id(), new_token()) for _ in range(count)]
    ids = [person.id for person in people]
    tokens = [token_hash(person.token) for person in people]
    now = datetime.now(UTC)
    async with conn.transaction():
        await conn.execute(PEOPLE, ids, tokens, now)
        await conn.execute(SESSIONS, ids, tokens, now)
        await conn.execute(PROFILES, ids, now)
        await conn.execute(SKILLS, ids, skills)
    return people


async def settle(
    database_url: str, gateway: str, *, applicants: int, postings: int, spare: int
) -> Town:
    conn = await asyncpg.connect(database_url)
    try:
        async with aiohttp.ClientSession() as session:
            skills = await skill_ids(Api(session, gateway))
            town = Town(skills=skills)
            everybody = await insert_people(conn, applicants + spare + 4, skills)
            town.applicants = everybody[:applicants]
            town.spare = everybody[applicants:-4]
            town.employers = everybody[-4:]
            template, organization_id = await _template(session, gateway, town)
        await _copy(conn, town, template, organization_id, postings)
    finally:
        await conn.close()
    return town


async def _template(session: aiohttp.ClientSession, gateway: str, town: Town) -> tuple[UUID, UUID]:
    """A draft is enough: its copies are open."""
    employer = Api(session, gateway, town.employers[0].token)
    organization = await employer.post(
        "/v1/organizations",
        {"name": "Aklatan ng Bayan", "industry": "education", "region": "ncr"},
    )
    at = f"/v1/organizations/{organization['id']}/projects"
    draft = await employer.post(at, project_body(town.skills))
    return UUID(draft["id"]), UUID(organization["id"])


async def _copy(
    conn: asyncpg.Connection, town: Town, template: UUID, organization_id: UUID, count: int
) -> None:
    async with conn.transaction():
        organizations = [(organization_id, town.employers[0])]
        organizations += [
            (await _organization(conn, employer), employer) for employer in town.employers[1:]
        ]
        for number in range(count):
            owner, employer = organizations[number % len(organizations)]
            copy = new_id()
            await conn.execute(COPY_PROJECT, template, copy, owner)
            await conn.execute(COPY_MILESTONES, template, copy)
            await conn.execute(COPY_SKILLS, template, copy)
            town.postings.append(Posting(copy, employer))


async def _organization(conn: asyncpg.Connection, owner: Person) -> UUID:
    found, now = new_id(), datetime.now(UTC) - timedelta(minutes=1)
    await conn.execute(
        """INSERT INTO gateway.organizations (id, name, industry, region, registered_at)
                VALUES ($1, 'Aklatan ng Bayan', 'education', 'ncr', $2)""",
        found,
        now,
    )
    await conn.execute(
        """INSERT INTO gateway.members (organization_id, person_id, role, joined_at)
                VALUES ($1, $2, 'owner', $3)""",
        found,
        owner.id,
        now,
    )
    return found
