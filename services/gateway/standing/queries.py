from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.gateway.standing.rules import Fault
from shared import clock
from shared.database import Connection
from shared.events.applications import (
    ApplicationNotSelected,
    ApplicationOffered,
    ApplicationShortlisted,
)
from shared.ids import new_id

ANSWERS = tuple(
    event.name for event in (ApplicationShortlisted, ApplicationOffered, ApplicationNotSelected)
)


@dataclass(frozen=True)
class Unanswered:
    """How many under one posting wait longer for an answer than was promised."""

    project_id: UUID
    applications: int


@dataclass(frozen=True)
class Record:
    answered: int
    answered_in_time: int
    missed: int
    median_answer_days: float | None


async def insert_fault(
    conn: Connection,
    *,
    kind: Fault,
    record_id: UUID,
    organization_id: UUID | None = None,
    person_id: UUID | None = None,
) -> bool:
    """Return False when it is known already, or when there is no such record."""
    added = await conn.fetchval(
        """INSERT INTO gateway.faults (id, organization_id, person_id, kind, record_id, at)
           SELECT $1, $2, $3, $4, $5, $6
            WHERE EXISTS (SELECT FROM gateway.applications WHERE id = $5
                          UNION ALL SELECT FROM gateway.projects WHERE id = $5
                          UNION ALL SELECT FROM gateway.engagements WHERE id = $5)
               ON CONFLICT DO NOTHING
        RETURNING true""",
        new_id(),
        organization_id,
        person_id,
        kind,
        record_id,
        clock.now(),
    )
    return bool(added)


async def lock_organization(conn: Connection, organization_id: UUID) -> None:
    """Before the lock of any project of it: its faults are counted one after the other."""
    await conn.execute(
        "SELECT FROM gateway.organizations WHERE id = $1 FOR NO KEY UPDATE", organization_id
    )


async def count_faults(
    conn: Connection, organization_id: UUID, *, kind: Fault, since: datetime
) -> int:
    found: int = await conn.fetchval(
        """SELECT count(*) FROM gateway.faults
            WHERE organization_id = $1 AND kind = $2 AND at > $3""",
        organization_id,
        kind,
        since,
    )
    return found


async def select_unanswered(conn: Connection, organization_id: UUID) -> list[Unanswered]:
    rows = await conn.fetch(
        """SELECT project_id, count(*) AS applications
             FROM gateway.applications
             JOIN gateway.projects ON projects.id = project_id
            WHERE organization_id = $1 AND slot_returned
              AND applications.state IN ('submitted', 'seen')
            GROUP BY project_id ORDER BY project_id""",
        organization_id,
    )
    return [Unanswered(**dict(row)) for row in rows]


async def select_record(
    conn: Connection, organization_id: UUID, *, since: datetime
) -> Record | None:
    """Return None when there is no such organization. A first answer is a shortlisting, an offer
    or a refusal."""
    row = await conn.fetchrow(
        """WITH answers AS (
               SELECT slot_returned, min(occurred_at) - submitted_at AS took
                 FROM gateway.projects
                 JOIN gateway.applications ON project_id = projects.id
                 JOIN gateway.events       ON subject = applications.id AND name = ANY($2)
                WHERE organization_id = $1
                GROUP BY applications.id
               HAVING min(occurred_at) > $3
           )
           SELECT (SELECT count(*) FROM answers) AS answered,
                  (SELECT count(*) FROM answers WHERE NOT slot_returned) AS answered_in_time,
                  (SELECT count(*) FROM gateway.faults
                    WHERE organization_id = $1 AND kind = $4 AND at > $3) AS missed,
                  (SELECT round((percentile_cont(0.5) WITHIN GROUP
                                 (ORDER BY extract(epoch FROM took)) / 86400)::numeric, 1)::float8
                     FROM answers) AS median_answer_days
             FROM gateway.organizations WHERE id = $1""",
        organization_id,
        ANSWERS,
        since,
        Fault.MISSED_ANSWER,
    )
    return Record(**dict(row)) if row else None
