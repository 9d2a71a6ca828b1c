from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.gateway.engagements.rules import text_hash
from services.gateway.lifecycles.engagement import Status
from shared import clock
from shared.database import Connection
from shared.ids import new_id


@dataclass(frozen=True)
class Engagement:
    """`signed` and `feedback` name the parties that have given theirs."""

    id: UUID
    application_id: UUID
    project_id: UUID
    project_title: str
    organization_id: UUID
    organization_name: str
    applicant_id: UUID
    applicant_name: str
    agreement: str
    agreement_hash: bytes
    starts_on: date
    state: Status
    reason: str | None
    version: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    signed: list[str]
    feedback: list[str]
    is_employer: bool
    is_applicant: bool


@dataclass(frozen=True)
class Feedback:
    party: str
    rating: int
    words: str
    given_at: datetime


SELECT_ENGAGEMENT = """
    SELECT engagements.id, application_id, project_id, projects.title AS project_title,
           engagements.organization_id, organizations.name AS organization_name, applicant_id,
           people.name AS applicant_name, agreement, agreement_hash, starts_on, engagements.state,
           engagements.reason, engagements.version, engagements.created_at, started_at, ended_at,
           ARRAY(SELECT party FROM gateway.signatures
                  WHERE engagement_id = engagements.id ORDER BY party) AS signed,
           ARRAY(SELECT party FROM gateway.feedback
                  WHERE engagement_id = engagements.id ORDER BY party) AS feedback,
           applicant_id IS NOT DISTINCT FROM $2 AS is_applicant, member.is_employer
      FROM gateway.engagements
      JOIN gateway.projects      ON projects.id = project_id
      JOIN gateway.organizations ON organizations.id = engagements.organization_id
      JOIN gateway.people        ON people.id = applicant_id
     CROSS JOIN LATERAL (
           SELECT EXISTS (SELECT FROM gateway.members
                           WHERE members.organization_id = engagements.organization_id
                             AND members.person_id = $2) AS is_employer) AS member
"""
VISIBLE = "(applicant_id = $2 OR member.is_employer OR $3)"
# On either side; each half reads no more of its index than one page.
MINE = """engagements.id IN (
    (SELECT id FROM gateway.engagements
      WHERE applicant_id = $2 AND ($1::uuid IS NULL OR id < $1) ORDER BY id DESC LIMIT $3)
    UNION ALL
    (SELECT id FROM gateway.members JOIN gateway.engagements USING (organization_id)
      WHERE person_id = $2 AND ($1::uuid IS NULL OR id < $1) ORDER BY id DESC LIMIT $3))
"""


def _engagement(row: asyncpg.Record) -> Engagement:
    facts: dict[str, Any] = dict(row)
    facts["state"] = Status(facts["state"])
    return Engagement(**facts)


async def select_engagement(
    conn: Connection, engagement_id: UUID, *, viewer_id: UUID | None, sees_all: bool = False
) -> Engagement | None:
    row = await conn.fetchrow(
        f"{SELECT_ENGAGEMENT} WHERE engagements.id = $1 AND {VISIBLE}",
        engagement_id,
        viewer_id,
        sees_all,
    )
    return _engagement(row) if row else None


async def lock_engagement(
    conn: Connection, engagement_id: UUID, *, viewer_id: UUID | None, sees_all: bool = False
) -> Engagement | None:
    row = await conn.fetchrow(
        f"{SELECT_ENGAGEMENT} WHERE engagements.id = $1 AND {VISIBLE} FOR UPDATE OF engagements",
        engagement_id,
        viewer_id,
        sees_all,
    )
    return _engagement(row) if row else None


async def select_engagements_of(
    conn: Connection, *, viewer_id: UUID, before: UUID | None, limit: int
) -> list[Engagement]:
    """On either side, the newest first."""
    rows = await conn.fetch(
        f"""{SELECT_ENGAGEMENT} WHERE {MINE}
             ORDER BY engagements.id DESC LIMIT $3""",
        before,
        viewer_id,
        limit + 1,
    )
    return [_engagement(row) for row in rows]


async def insert_engagement(
    conn: Connection,
    *,
    application_id: UUID,
    project_id: UUID,
    organization_id: UUID,
    applicant_id: UUID,
    agreement: str,
    starts_on: date,
) -> UUID:
    engagement_id = new_id()
    await conn.execute(
        """INSERT INTO gateway.engagements
                  (id, application_id, project_id, organization_id, applicant_id, agreement,
                   agreement_hash, starts_on, state, created_at, changed_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)""",
        engagement_id,
        application_id,
        project_id,
        organization_id,
        applicant_id,
        agreement,
        text_hash(agreement),
        starts_on,
        Status.AGREEING,
        clock.now(),
    )
    return engagement_id


async def update_state(
    conn: Connection, *, engagement_id: UUID, state: str, reason: str | None
) -> None:
    await conn.execute(
        """UPDATE gateway.engagements
              SET state = $2, reason = coalesce($3, reason), version = version + 1,
                  changed_at = $4,
                  started_at = CASE WHEN $2 = 'active' THEN coalesce(started_at, $4)
                                    ELSE started_at END,
                  ended_at = CASE WHEN $2 IN ('completed', 'terminated', 'not_agreed',
                                              'not_started') THEN $4 ELSE ended_at END
            WHERE id = $1""",
        engagement_id,
        state,
        reason,
        clock.now(),
    )


async def insert_signature(
    conn: Connection, *, engagement_id: UUID, party: str, person_id: UUID, text_hash: bytes
) -> bool:
    """Return False when this party has signed before."""
    signed = await conn.fetchval(
        """INSERT INTO gateway.signatures (engagement_id, party, person_id, text_hash, signed_at)
                VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT DO NOTHING
             RETURNING true""",
        engagement_id,
        party,
        person_id,
        text_hash,
        clock.now(),
    )
    return bool(signed)


async def insert_check_in(
    conn: Connection, *, engagement_id: UUID, party: str, mood: str, note: str
) -> None:
    await conn.execute(
        """INSERT INTO gateway.check_ins (id, engagement_id, party, mood, note, said_at)
                VALUES ($1, $2, $3, $4, $5, $6)""",
        new_id(),
        engagement_id,
        party,
        mood,
        note,
        clock.now(),
    )


async def insert_feedback(
    conn: Connection,
    *,
    engagement_id: UUID,
    party: str,
    author_id: UUID,
    rating: int,
    words: str,
) -> bool:
    """Return False when this party has spoken before."""
    given = await conn.fetchval(
        """INSERT INTO gateway.feedback (engagement_id, party, author_id, rating, words, given_at)
                VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT DO NOTHING
             RETURNING true""",
        engagement_id,
        party,
        author_id,
        rating,
        words,
        clock.now(),
    )
    return bool(given)


async def select_feedback(conn: Connection, engagement_id: UUID) -> list[Feedback]:
    rows = await conn.fetch(
        """SELECT party, rating, words, given_at
             FROM gateway.feedback WHERE engagement_id = $1 ORDER BY party""",
        engagement_id,
    )
    return [Feedback(**dict(row)) for row in rows]


async def has_unended(conn: Connection, project_id: UUID) -> bool:
    found: bool = await conn.fetchval(
        """SELECT EXISTS (SELECT FROM gateway.engagements
                           WHERE project_id = $1
                             AND state NOT IN ('completed', 'terminated', 'not_agreed',
                                               'not_started'))""",
        project_id,
    )
    return found
