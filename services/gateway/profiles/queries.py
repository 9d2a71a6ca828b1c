from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared import clock
from shared.database import Connection


@dataclass(frozen=True)
class Profile:
    """`skills` maps a skill's id to a level."""

    person_id: UUID
    version: int
    headline: str
    about: str
    region: str
    city: str
    remote: bool
    weekly_hours: int
    minimum_hourly_pay: int
    languages: list[str]
    interests: list[str]
    school: str
    experience: list[dict[str, Any]]
    skills: dict[str, int]

    def snapshot(self) -> dict[str, Any]:
        """What an application keeps of the profile it was sent with."""
        return vars(self) | {"person_id": str(self.person_id)}


async def insert_profile(conn: Connection, person_id: UUID) -> None:
    await conn.execute(
        "INSERT INTO gateway.profiles (person_id, changed_at) VALUES ($1, $2)",
        person_id,
        clock.now(),
    )


async def select_profile(conn: Connection, person_id: UUID) -> Profile | None:
    row = await conn.fetchrow(
        """SELECT person_id, version, headline, about, region, city, remote, weekly_hours,
                  minimum_hourly_pay, languages, interests, school, experience,
                  (SELECT coalesce(jsonb_object_agg(skill_id, level ORDER BY skill_id), '{}')
                     FROM gateway.profile_skills
                    WHERE profile_skills.person_id = profiles.person_id) AS skills
             FROM gateway.profiles WHERE person_id = $1""",
        person_id,
    )
    return Profile(**dict(row)) if row else None


async def lock_profile_version(conn: Connection, person_id: UUID) -> int | None:
    version: int | None = await conn.fetchval(
        "SELECT version FROM gateway.profiles WHERE person_id = $1 FOR NO KEY UPDATE", person_id
    )
    return version


async def update_profile(conn: Connection, *, person_id: UUID, facts: Mapping[str, Any]) -> int:
    """Return the new version."""
    version: int = await conn.fetchval(
        """UPDATE gateway.profiles
              SET headline = $2, about = $3, region = $4, city = $5, remote = $6,
                  weekly_hours = $7, minimum_hourly_pay = $8, languages = $9, interests = $10,
                  school = $11, experience = $12, changed_at = $13, version = version + 1
            WHERE person_id = $1
        RETURNING version""",
        person_id,
        facts["headline"],
        facts["about"],
        facts["region"],
        facts["city"],
        facts["remote"],
        facts["weekly_hours"],
        facts["minimum_hourly_pay"],
        facts["languages"],
        facts["interests"],
        facts["school"],
        facts["experience"],
        clock.now(),
    )
    return version


async def replace_skills(conn: Connection, *, person_id: UUID, levels: Mapping[str, int]) -> None:
    await conn.execute("DELETE FROM gateway.profile_skills WHERE person_id = $1", person_id)
    await conn.execute(
        """INSERT INTO gateway.profile_skills (person_id, skill_id, level)
           SELECT $1, skill_id, level
             FROM unnest($2::text[], $3::smallint[]) AS wanted (skill_id, level)""",
        person_id,
        list(levels),
        list(levels.values()),
    )
