from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.gateway.lifecycles.credential import Status
from shared import clock
from shared.database import Connection
from shared.ids import new_id


@dataclass(frozen=True)
class Credential:
    id: UUID
    engagement_id: UUID
    project_id: UUID
    project_title: str
    organization_id: UUID
    organization_name: str
    holder_id: UUID
    skills: list[str]
    attested_skills: list[str]
    attested_at: datetime | None
    url: str | None
    published: bool
    state: Status
    reason: str | None
    version: int
    proposed_at: datetime
    timers: list[dict[str, Any]]
    is_employer: bool
    is_applicant: bool


SELECT_CREDENTIAL = """
    SELECT credentials.id, engagement_id, project_id, projects.title AS project_title,
           credentials.organization_id, organizations.name AS organization_name, holder_id, skills,
           attested_skills, attested_at, url, published, credentials.state, credentials.reason,
           credentials.version, proposed_at,
           gateway.due_timers(credentials.id) AS timers,
           holder_id IS NOT DISTINCT FROM $2 AS is_applicant, member.is_employer
      FROM gateway.credentials
      JOIN gateway.projects      ON projects.id = project_id
      JOIN gateway.organizations ON organizations.id = credentials.organization_id
     CROSS JOIN LATERAL (
           SELECT EXISTS (SELECT FROM gateway.members
                           WHERE members.organization_id = credentials.organization_id
                             AND members.person_id = $2) AS is_employer) AS member
"""
VISIBLE = "(holder_id = $2 OR member.is_employer OR $3)"
# On either side; each half reads no more of its index than one page.
MINE = """credentials.id IN (
    (SELECT id FROM gateway.credentials
      WHERE holder_id = $2 AND ($1::uuid IS NULL OR id < $1) ORDER BY id DESC LIMIT $3)
    UNION ALL
    (SELECT id FROM gateway.members JOIN gateway.credentials USING (organization_id)
      WHERE person_id = $2 AND ($1::uuid IS NULL OR id < $1) ORDER BY id DESC LIMIT $3))
"""


def _credential(row: asyncpg.Record) -> Credential:
    facts: dict[str, Any] = dict(row)
    facts["state"] = Status(facts["state"])
    return Credential(**facts)


async def insert_credential(
    conn: Connection,
    *,
    engagement_id: UUID,
    project_id: UUID,
    organization_id: UUID,
    holder_id: UUID,
) -> UUID | None:
    """Proposed once per engagement, with the skills of its project; None when it was before."""
    now = clock.now()
    credential_id: UUID | None = await conn.fetchval(
        """INSERT INTO gateway.credentials
                  (id, engagement_id, project_id, organization_id, holder_id, skills, state,
                   proposed_at, changed_at)
           SELECT $1, $2, $3, $4, $5,
                  ARRAY(SELECT skill_id FROM gateway.project_skills
                         WHERE project_skills.project_id = $3 ORDER BY skill_id),
                  $6, $7, $7
               ON CONFLICT (engagement_id) DO NOTHING
        RETURNING id""",
        new_id(),
        engagement_id,
        project_id,
        organization_id,
        holder_id,
        Status.PROPOSED,
        now,
    )
    return credential_id


async def select_credential(
    conn: Connection, credential_id: UUID, *, viewer_id: UUID | None, sees_all: bool = False
) -> Credential | None:
    row = await conn.fetchrow(
        f"{SELECT_CREDENTIAL} WHERE credentials.id = $1 AND {VISIBLE}",
        credential_id,
        viewer_id,
        sees_all,
    )
    return _credential(row) if row else None


async def lock_credential(
    conn: Connection, credential_id: UUID, *, viewer_id: UUID | None, sees_all: bool = False
) -> Credential | None:
    row = await conn.fetchrow(
        f"{SELECT_CREDENTIAL} WHERE credentials.id = $1 AND {VISIBLE} FOR NO KEY UPDATE OF credentials",
        credential_id,
        viewer_id,
        sees_all,
    )
    return _credential(row) if row else None


async def select_credentials_of(
    conn: Connection, *, viewer_id: UUID, before: UUID | None, limit: int
) -> list[Credential]:
    """Mine, and those that wait for my word as an employer."""
    rows = await conn.fetch(
        f"""{SELECT_CREDENTIAL} WHERE {MINE}
             ORDER BY credentials.id DESC LIMIT $3""",
        before,
        viewer_id,
        limit + 1,
    )
    return [_credential(row) for row in rows]


async def update_state(
    conn: Connection, credential_id: UUID, /, *, state: str, reason: str | None
) -> None:
    await conn.execute(
        """UPDATE gateway.credentials
              SET state = $2, reason = coalesce($3, reason), version = version + 1, changed_at = $4
            WHERE id = $1""",
        credential_id,
        state,
        reason,
        clock.now(),
    )


async def update_attested(conn: Connection, *, credential_id: UUID, skills: Sequence[str]) -> None:
    await conn.execute(
        "UPDATE gateway.credentials SET attested_skills = $2, attested_at = $3 WHERE id = $1",
        credential_id,
        skills,
        clock.now(),
    )


async def update_published(conn: Connection, *, credential_id: UUID, published: bool) -> None:
    await conn.execute(
        "UPDATE gateway.credentials SET published = $2 WHERE id = $1", credential_id, published
    )


async def update_url(conn: Connection, *, credential_id: UUID, url: str) -> None:
    await conn.execute("UPDATE gateway.credentials SET url = $2 WHERE id = $1", credential_id, url)
