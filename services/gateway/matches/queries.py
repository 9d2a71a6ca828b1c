"""Matches are the matching room's; the gateway shows them from its public view."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared.database import Connection


@dataclass(frozen=True)
class Match:
    project_id: UUID
    project_title: str
    person_id: UUID
    headline: str
    passed: bool
    score: float
    explanation: dict[str, Any]
    computed_at: datetime


SELECT_MATCH = """
    SELECT matches.project_id, projects.title AS project_title, matches.person_id,
           profiles.headline, passed, score, explanation, computed_at
      FROM matching.public_matches AS matches
      JOIN gateway.projects ON projects.id = matches.project_id
      JOIN gateway.profiles ON profiles.person_id = matches.person_id
"""


def _match(row: asyncpg.Record) -> Match:
    return Match(**dict(row))


async def select_matches_of_project(
    conn: Connection, *, project_id: UUID, viewer_id: UUID, limit: int
) -> list[Match]:
    """For the project's employer, the best first."""
    rows = await conn.fetch(
        f"""{SELECT_MATCH}
             WHERE matches.project_id = $1 AND passed
               AND EXISTS (SELECT FROM gateway.members
                            WHERE members.organization_id = projects.organization_id
                              AND members.person_id = $2)
             ORDER BY score DESC, matches.person_id LIMIT $3""",
        project_id,
        viewer_id,
        limit,
    )
    return [_match(row) for row in rows]


async def select_matches_of_person(conn: Connection, *, person_id: UUID, limit: int) -> list[Match]:
    """Open projects only, the best first."""
    rows = await conn.fetch(
        f"""{SELECT_MATCH}
             WHERE matches.person_id = $1 AND passed AND projects.state = 'open'
             ORDER BY score DESC, matches.project_id LIMIT $2""",
        person_id,
        limit,
    )
    return [_match(row) for row in rows]


async def select_match_of_application(
    conn: Connection, *, application_id: UUID, viewer_id: UUID
) -> Match | None:
    """For both sides of the application."""
    row = await conn.fetchrow(
        f"""{SELECT_MATCH}
              JOIN gateway.applications ON applications.project_id = matches.project_id
                                       AND applications.applicant_id = matches.person_id
             WHERE applications.id = $1
               AND (applicant_id = $2 OR EXISTS (
                    SELECT FROM gateway.members
                     WHERE members.organization_id = projects.organization_id
                       AND members.person_id = $2))""",
        application_id,
        viewer_id,
    )
    return _match(row) if row else None
