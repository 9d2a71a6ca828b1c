"""The gateway's views say who is there and on what terms; the index lends their skills.

Candidates come from the views because events of one pair may be in the hands of two workers whose
writes do not see each other. The views already hold what both events are about, so whoever looks
last sees the whole pair, and nobody waits for anybody.
"""

import hashlib
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
from pydantic_core import to_json

from services.matching.scoring import Match, Profile, Project
from shared import clock
from shared.database import Connection
from shared.events.origin import REAL

# rows taken from a cursor at once: scoring them takes some 5 ms, then other tasks have their turn
PREFETCH = 200

PEOPLE = """
    SELECT current.person_id, current.version, current.region, current.remote,
           current.weekly_hours, current.minimum_hourly_pay, current.languages, current.interests,
           coalesce(indexed.skills, current.skills) AS skills
      FROM gateway.public_profiles AS current
      LEFT JOIN matching.people    AS indexed ON indexed.person_id = current.person_id
                                             AND indexed.version = current.version
"""

PROJECTS = """
    SELECT current.id, current.version, current.region, current.remote, current.hours,
           current.weeks, current.fee, current.languages, current.industry,
           current.state = 'open' AS is_open,
           coalesce(indexed.required, current.skills) AS required,
           coalesce(indexed.must_have, current.must_have) AS must_have
      FROM gateway.public_projects AS current
      LEFT JOIN matching.projects  AS indexed ON indexed.project_id = current.id
                                             AND indexed.version = current.version
"""

# The inner SELECT hides how many they are, so that PostgreSQL keeps one plan for any number instead of
# planning each time, which takes longer than the reading.
ANY_OF_THEM = "ANY ((SELECT $1::uuid[])::uuid[])"

MEMBERS = """
    SELECT members.person_id
      FROM gateway.public_members AS members
      JOIN gateway.public_projects AS projects USING (organization_id)
     WHERE projects.id = $1
"""

TENANT_OF_PROJECT = "SELECT tenant FROM gateway.public_projects WHERE id = $1"
TENANT_OF_PERSON = "SELECT tenant FROM gateway.public_profiles WHERE person_id = $1"

ORGANIZATIONS = "SELECT organization_id FROM gateway.public_members WHERE person_id = $1"


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored match, as it was when looked at."""

    project_id: UUID
    person_id: UUID
    profile_version: int


@dataclass(frozen=True, slots=True)
class Applied:
    application_id: UUID
    match: Match
    at: datetime


async def index_person(conn: Connection, person_id: UUID) -> None:
    """Waits for, and leaves alone, a newer version that another worker is writing."""
    await conn.execute(
        """INSERT INTO matching.people AS indexed (person_id, version, skills, tenant)
           SELECT person_id, version, skills, tenant
             FROM gateway.public_profiles WHERE person_id = $1
               ON CONFLICT (person_id) DO UPDATE
              SET version = excluded.version, skills = excluded.skills
            WHERE indexed.version < excluded.version""",
        person_id,
    )


async def index_project(conn: Connection, project_id: UUID) -> None:
    """Waits for, and leaves alone, a newer version that another worker is writing."""
    await conn.execute(
        """INSERT INTO matching.projects AS indexed
                  (project_id, version, is_open, required, must_have, tenant)
           SELECT id, version, state = 'open', skills, must_have, tenant
             FROM gateway.public_projects WHERE id = $1
               ON CONFLICT (project_id) DO UPDATE
              SET version = excluded.version, is_open = excluded.is_open,
                  required = excluded.required, must_have = excluded.must_have
            WHERE indexed.version < excluded.version""",
        project_id,
    )


async def select_person(conn: Connection, person_id: UUID) -> Profile | None:
    row = await conn.fetchrow(f"{PEOPLE} WHERE current.person_id = $1", person_id)
    return _profile(row) if row else None


async def select_project(conn: Connection, project_id: UUID) -> Project | None:
    row = await conn.fetchrow(f"{PROJECTS} WHERE current.id = $1", project_id)
    return _project(row) if row else None


async def select_people(conn: Connection, person_ids: Collection[UUID]) -> dict[UUID, Profile]:
    rows = await conn.fetch(f"{PEOPLE} WHERE current.person_id = {ANY_OF_THEM}", person_ids)
    return {row["person_id"]: _profile(row) for row in rows}


async def select_projects(conn: Connection, project_ids: Collection[UUID]) -> dict[UUID, Project]:
    rows = await conn.fetch(f"{PROJECTS} WHERE current.id = {ANY_OF_THEM}", project_ids)
    return {row["id"]: _project(row) for row in rows}


async def select_people_for(
    conn: Connection, project_id: UUID, asked: Collection[str]
) -> AsyncIterator[Profile]:
    """Those of its tenant with any of the skills asked for; never those who act for the project's
    employer."""
    rows = conn.cursor(
        f"""{PEOPLE}
             WHERE (cardinality($2::text[]) = 0
                    OR coalesce(indexed.skills, current.skills) && $2::text[])
               AND current.person_id NOT IN ({MEMBERS})
               AND current.tenant = ({TENANT_OF_PROJECT})""",
        project_id,
        sorted(asked),
        prefetch=PREFETCH,
    )
    async for row in rows:
        yield _profile(row)


async def select_projects_for(conn: Connection, person_id: UUID) -> AsyncIterator[Project]:
    """The open ones of their tenant; never those of an organisation that the person acts for."""
    rows = conn.cursor(
        f"""{PROJECTS}
             WHERE current.state = 'open'
               AND current.organization_id NOT IN ({ORGANIZATIONS})
               AND current.tenant = ({TENANT_OF_PERSON})""",
        person_id,
        prefetch=PREFETCH,
    )
    async for row in rows:
        yield _project(row)


async def count_skills(conn: Connection) -> dict[str, int]:
    """Of the real tenant: what a sandbox holds makes no skill rare or common."""
    rows = await conn.fetch(
        """SELECT skill, count(*)
             FROM (SELECT unnest(skills) AS skill FROM matching.people WHERE tenant = $1
                    UNION ALL
                   SELECT unnest(required) FROM matching.projects
                    WHERE is_open AND tenant = $1) AS named
            GROUP BY skill""",
        REAL,
    )
    return {row["skill"]: row["count"] for row in rows}


async def count_lists(conn: Connection) -> int:
    count: int = await conn.fetchval(
        """SELECT (SELECT count(*) FROM matching.people WHERE tenant = $1)
                + (SELECT count(*) FROM matching.projects WHERE is_open AND tenant = $1)""",
        REAL,
    )
    return count


async def select_kept_of_project(conn: Connection, project_id: UUID) -> list[Kept]:
    rows = await conn.fetch(
        """SELECT project_id, person_id, profile_version FROM matching.matches
            WHERE project_id = $1 AND application_id IS NULL""",
        project_id,
    )
    return [Kept(**row) for row in rows]


async def select_kept_of_person(conn: Connection, person_id: UUID) -> list[Kept]:
    """With open projects only: the lists of closed ones stay as they were."""
    rows = await conn.fetch(
        """SELECT project_id, person_id, profile_version
             FROM matching.matches JOIN matching.projects USING (project_id)
            WHERE person_id = $1 AND application_id IS NULL AND is_open""",
        person_id,
    )
    return [Kept(**row) for row in rows]


async def select_kept_with_organization(
    conn: Connection, *, person_id: UUID, organization_id: UUID
) -> list[Kept]:
    rows = await conn.fetch(
        """SELECT project_id, person_id, profile_version
             FROM matching.matches
             JOIN gateway.public_projects AS projects ON projects.id = project_id
            WHERE person_id = $1 AND organization_id = $2 AND application_id IS NULL""",
        person_id,
        organization_id,
    )
    return [Kept(**row) for row in rows]


async def select_floors(conn: Connection) -> dict[UUID, float]:
    rows = await conn.fetch(
        """SELECT project_id, floor FROM matching.projects
            WHERE is_open AND floor IS NOT NULL"""
    )
    return {row["project_id"]: row["floor"] for row in rows}


async def update_floor(conn: Connection, project_id: UUID, floor: float | None) -> None:
    await conn.execute(
        """UPDATE matching.projects SET floor = $2
            WHERE project_id = $1 AND floor IS DISTINCT FROM $2""",
        project_id,
        floor,
    )


async def select_beyond(
    conn: Connection, project_ids: Collection[UUID], *, kept: int
) -> list[Kept]:
    """What stands below the best `kept` of each project."""
    rows = await conn.fetch(
        """SELECT beyond.*
             FROM unnest($1::uuid[]) AS asked (project_id)
            CROSS JOIN LATERAL (
                  SELECT matches.project_id, person_id, profile_version, application_id
                    FROM matching.matches
                   WHERE matches.project_id = asked.project_id AND passed
                   ORDER BY score DESC, person_id OFFSET $2) AS beyond
            WHERE application_id IS NULL""",
        list(project_ids),
        kept,
    )
    return [Kept(row["project_id"], row["person_id"], row["profile_version"]) for row in rows]


async def upsert_matches(conn: Connection, matches: Sequence[Match]) -> None:
    """Leave alone what was applied for, what rests on newer versions, and what is the same."""
    await conn.execute(
        """INSERT INTO matching.matches AS stored
                  (project_id, person_id, project_version, profile_version, passed, score, scorer,
                   explanation, computed_at)
           SELECT project_id, person_id, project_version, profile_version, passed, score, scorer,
                  explanation::jsonb, $9
             FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::integer[], $5::boolean[],
                         $6::double precision[], $7::text[], $8::text[])
                  AS new (project_id, person_id, project_version, profile_version, passed, score,
                          scorer, explanation)
               ON CONFLICT (project_id, person_id) DO UPDATE
              SET project_version = excluded.project_version,
                  profile_version = excluded.profile_version,
                  passed = excluded.passed, score = excluded.score, scorer = excluded.scorer,
                  explanation = excluded.explanation, computed_at = excluded.computed_at
            WHERE stored.application_id IS NULL
              AND stored.project_version <= excluded.project_version
              AND stored.profile_version <= excluded.profile_version
              AND stored.explanation <> excluded.explanation""",
        *_columns(sorted(matches, key=lambda match: (match.project_id, match.person_id))),
        clock.now(),
    )


async def upsert_applied(conn: Connection, applied: Sequence[Applied]) -> set[UUID]:
    """Of each pair one application. Return those that were not explained before."""
    applied = sorted(applied, key=lambda each: (each.match.project_id, each.match.person_id))
    rows = await conn.fetch(
        """INSERT INTO matching.matches AS stored
                  (project_id, person_id, project_version, profile_version, passed, score, scorer,
                   explanation, application_id, computed_at)
           SELECT project_id, person_id, project_version, profile_version, passed, score, scorer,
                  explanation::jsonb, application_id, at
             FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::integer[], $5::boolean[],
                         $6::double precision[], $7::text[], $8::text[], $9::uuid[],
                         $10::timestamptz[])
                  AS new (project_id, person_id, project_version, profile_version, passed, score,
                          scorer, explanation, application_id, at)
               ON CONFLICT (project_id, person_id) DO UPDATE
              SET application_id = excluded.application_id,
                  project_version = excluded.project_version,
                  profile_version = excluded.profile_version,
                  passed = excluded.passed, score = excluded.score, scorer = excluded.scorer,
                  explanation = excluded.explanation, computed_at = excluded.computed_at
            WHERE stored.application_id IS DISTINCT FROM excluded.application_id
        RETURNING application_id""",
        *_columns([each.match for each in applied]),
        [each.application_id for each in applied],
        [each.at for each in applied],
    )
    return {row["application_id"] for row in rows}


async def delete_matches(conn: Connection, gone: Collection[Kept]) -> None:
    """Only as they were seen; what another worker is writing, or has written since, stays."""
    await conn.execute(
        """DELETE FROM matching.matches USING (
                  SELECT project_id, person_id
                    FROM matching.matches
                    JOIN unnest($1::uuid[], $2::uuid[], $3::integer[])
                         AS seen (project_id, person_id, profile_version)
                         USING (project_id, person_id, profile_version)
                   WHERE application_id IS NULL
                     FOR UPDATE OF matches SKIP LOCKED) AS gone
            WHERE matches.project_id = gone.project_id AND matches.person_id = gone.person_id""",
        [match.project_id for match in gone],
        [match.person_id for match in gone],
        [match.profile_version for match in gone],
    )


async def select_led(conn: Connection, person_id: UUID, *, places: int) -> set[UUID]:
    """The open projects in whose first places the person stands."""
    rows = await conn.fetch(
        """SELECT project_id
             FROM matching.matches JOIN matching.projects USING (project_id)
            WHERE person_id = $1 AND passed AND is_open
              AND $1 IN (SELECT others.person_id FROM matching.matches AS others
                          WHERE others.project_id = projects.project_id AND passed
                          ORDER BY score DESC, person_id LIMIT $2)""",
        person_id,
        places,
    )
    return {row["project_id"] for row in rows}


async def select_digest(conn: Connection, project_id: UUID, *, places: int) -> bytes | None:
    """Of who stands in the first places and how well; None when nobody does."""
    rows = await conn.fetch(
        """SELECT person_id, score FROM matching.matches
            WHERE project_id = $1 AND passed ORDER BY score DESC, person_id LIMIT $2""",
        project_id,
        places,
    )
    lines = [f"{row['person_id']} {row['score']:.2f}" for row in rows]
    return hashlib.sha256("\n".join(lines).encode()).digest() if lines else None


async def update_told(conn: Connection, project_id: UUID, digest: bytes) -> bool:
    """Return False when this was told last, or when another worker is telling of it just now."""
    told = await conn.fetchval(
        """UPDATE matching.projects SET told = $2
            WHERE project_id = (SELECT project_id FROM matching.projects
                                 WHERE project_id = $1 AND told IS DISTINCT FROM $2
                                   FOR UPDATE SKIP LOCKED)
        RETURNING true""",
        project_id,
        digest,
    )
    return told is not None


async def count_passed(conn: Connection, project_id: UUID) -> int:
    count: int = await conn.fetchval(
        "SELECT count(*) FROM matching.matches WHERE project_id = $1 AND passed", project_id
    )
    return count


def _columns(matches: Sequence[Match]) -> tuple[list[object], ...]:
    versions = [match.explanation["versions"] for match in matches]
    return (
        [match.project_id for match in matches],
        [match.person_id for match in matches],
        [version["project"] for version in versions],
        [version["profile"] for version in versions],
        [match.passed for match in matches],
        [match.score for match in matches],
        [version["scorer"] for version in versions],
        [to_json(match.explanation).decode() for match in matches],
    )


def _profile(row: asyncpg.Record) -> Profile:
    return Profile(
        person_id=row["person_id"],
        version=row["version"],
        skills=frozenset(row["skills"]),
        region=row["region"],
        remote=row["remote"],
        weekly_hours=row["weekly_hours"],
        minimum_hourly_pay=row["minimum_hourly_pay"],
        languages=frozenset(row["languages"]),
        interests=frozenset(row["interests"]),
    )


def _project(row: asyncpg.Record) -> Project:
    return Project(
        project_id=row["id"],
        version=row["version"],
        required=frozenset(row["required"]),
        must_have=frozenset(row["must_have"]),
        region=row["region"],
        remote=row["remote"],
        hours=row["hours"],
        weeks=row["weeks"],
        hourly_pay=row["fee"] // row["hours"],
        languages=frozenset(row["languages"]),
        industry=row["industry"],
        is_open=row["is_open"],
    )
