from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.gateway.lifecycles.application import Status
from services.gateway.lifecycles.engagement import Status as EngagementStatus
from services.gateway.selection.rules import IN_WAITING, WAY_OUT, Load, Work
from shared import clock
from shared.database import Connection

# The work is being done, or will be.
BUSY = (
    EngagementStatus.AGREEING,
    EngagementStatus.SCHEDULED,
    EngagementStatus.ACTIVE,
    EngagementStatus.PAUSED,
    EngagementStatus.STALLED,
    EngagementStatus.DISPUTED,
)


@dataclass(frozen=True)
class Ranked:
    application_id: UUID
    state: str


@dataclass(frozen=True)
class Ranking:
    project_id: UUID
    message: str
    starts_on: date
    made_by: UUID
    made_at: datetime
    items: list[Ranked]


@dataclass(frozen=True)
class Waiting:
    """A live application, with the work it asks for."""

    application_id: UUID
    project_id: UUID
    project_title: str
    state: Status
    work: Work


async def upsert_ranking(
    conn: Connection,
    *,
    project_id: UUID,
    application_ids: Sequence[UUID],
    message: str,
    starts_on: date,
    made_by: UUID,
) -> None:
    await conn.execute(
        """INSERT INTO gateway.rankings
                       (project_id, application_ids, message, starts_on, made_by, made_at)
                VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (project_id)
           DO UPDATE SET application_ids = excluded.application_ids, message = excluded.message,
                         starts_on = excluded.starts_on, made_by = excluded.made_by,
                         made_at = excluded.made_at""",
        project_id,
        application_ids,
        message,
        starts_on,
        made_by,
        clock.now(),
    )


async def select_ranking(conn: Connection, project_id: UUID) -> Ranking | None:
    row = await conn.fetchrow(
        """SELECT project_id, message, starts_on, made_by, made_at,
                  (SELECT coalesce(jsonb_agg(jsonb_build_object(
                              'application_id', applications.id, 'state', state) ORDER BY place),
                              '[]')
                     FROM unnest(application_ids) WITH ORDINALITY AS ranked (id, place)
                     JOIN gateway.applications USING (id)) AS items
             FROM gateway.rankings WHERE project_id = $1""",
        project_id,
    )
    if row is None:
        return None
    facts: dict[str, Any] = dict(row)
    facts["items"] = [
        Ranked(UUID(item["application_id"]), item["state"]) for item in facts["items"]
    ]
    return Ranking(**facts)


async def select_ids_under(conn: Connection, project_id: UUID) -> list[UUID]:
    """Of the applications that were sent."""
    rows = await conn.fetch(
        "SELECT id FROM gateway.applications WHERE project_id = $1 AND submitted_at IS NOT NULL",
        project_id,
    )
    return [row["id"] for row in rows]


async def select_next_ranked(conn: Connection, project_id: UUID) -> UUID | None:
    """The first in the standing order that still waits; under the project's lock."""
    application_id: UUID | None = await conn.fetchval(
        """SELECT applications.id
             FROM gateway.rankings
            CROSS JOIN LATERAL unnest(application_ids) WITH ORDINALITY AS ranked (id, place)
             JOIN gateway.applications ON applications.id = ranked.id
            WHERE rankings.project_id = $1 AND state = ANY($2)
            ORDER BY place LIMIT 1""",
        project_id,
        IN_WAITING,
    )
    return application_id


async def select_reserve(conn: Connection, project_id: UUID) -> frozenset[UUID]:
    """Those who would be asked, should a seat fall free."""
    rows = await conn.fetch(
        """SELECT applications.id
             FROM gateway.rankings
             JOIN gateway.applications ON applications.id = ANY(application_ids)
            WHERE rankings.project_id = $1 AND state = ANY($2)""",
        project_id,
        IN_WAITING,
    )
    return frozenset(row["id"] for row in rows)


async def insert_runner_up(conn: Connection, *, after_id: UUID, application_id: UUID) -> bool:
    """Return False when this seat has been offered on before."""
    added = await conn.fetchval(
        """INSERT INTO gateway.runners_up (after_id, application_id, offered_at)
                VALUES ($1, $2, $3)
           ON CONFLICT DO NOTHING
             RETURNING true""",
        after_id,
        application_id,
        clock.now(),
    )
    return bool(added)


async def select_open_projects(conn: Connection, organization_id: UUID) -> list[UUID]:
    rows = await conn.fetch(
        """SELECT id FROM gateway.projects
            WHERE organization_id = $1 AND state = 'open' ORDER BY id""",
        organization_id,
    )
    return [row["id"] for row in rows]


async def select_load(conn: Connection, person_id: UUID) -> Load:
    capacity = await conn.fetchval(
        "SELECT weekly_hours FROM gateway.profiles WHERE person_id = $1", person_id
    )
    rows = await conn.fetch(
        """SELECT hours, weeks
             FROM gateway.engagements JOIN gateway.projects ON projects.id = project_id
            WHERE applicant_id = $1 AND engagements.state = ANY($2)""",
        person_id,
        BUSY,
    )
    return Load(capacity or 0, tuple(Work(**dict(row)) for row in rows))


async def select_waiting(conn: Connection, person_id: UUID) -> list[Waiting]:
    """A person's live applications, in the order of their locks."""
    rows = await conn.fetch(
        """SELECT applications.id, project_id, title, applications.state, hours, weeks
             FROM gateway.applications JOIN gateway.projects ON projects.id = project_id
            WHERE applicant_id = $1 AND applications.state = ANY($2)
            ORDER BY applications.id""",
        person_id,
        list(WAY_OUT),
    )
    return [_waiting(row) for row in rows]


def _waiting(row: asyncpg.Record) -> Waiting:
    return Waiting(
        application_id=row["id"],
        project_id=row["project_id"],
        project_title=row["title"],
        state=Status(row["state"]),
        work=Work(row["hours"], row["weeks"]),
    )


async def mark_clashing(conn: Connection, application_id: UUID) -> bool:
    """Return False when it was proposed for withdrawal before."""
    marked = await conn.fetchval(
        """UPDATE gateway.applications SET clashed_at = $2
            WHERE id = $1 AND clashed_at IS NULL RETURNING true""",
        application_id,
        clock.now(),
    )
    return bool(marked)
