from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.gateway.lifecycles.engagement import Status as EngagementStatus
from services.gateway.lifecycles.milestone import Status
from services.gateway.projects.queries import PlannedMilestone
from shared import clock
from shared.database import Connection
from shared.ids import new_id


@dataclass(frozen=True)
class Milestone:
    id: UUID
    engagement_id: UUID
    engagement_state: EngagementStatus
    project_id: UUID
    organization_id: UUID
    applicant_id: UUID
    position: int
    title: str
    description: str
    due_on: date
    fee: int
    criteria: list[str]
    state: Status
    reason: str | None
    rounds: int
    version: int
    deliveries: list[dict[str, Any]]
    is_employer: bool
    is_applicant: bool


SELECT_MILESTONE = """
    SELECT milestones.id, milestones.engagement_id, engagements.state AS engagement_state,
           engagements.project_id, engagements.organization_id, engagements.applicant_id, position,
           milestones.title, milestones.description, due_on, milestones.fee, projects.criteria,
           milestones.state, milestones.reason, rounds, milestones.version,
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'number', number, 'note', note, 'criteria_met', criteria_met,
                       'submitted_at', submitted_at, 'review', review,
                       'criteria_unmet', criteria_unmet,
                       'files', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                            'id', files.id, 'name', files.name, 'size', size,
                                            'media_type', media_type,
                                            'sha256', encode(sha256, 'hex')) ORDER BY files.id), '[]')
                                   FROM gateway.deliverable_files AS part
                                   JOIN gateway.files ON files.id = part.file_id
                                  WHERE part.milestone_id = milestones.id
                                    AND part.number = deliverables.number)) ORDER BY number), '[]')
              FROM gateway.deliverables WHERE milestone_id = milestones.id) AS deliveries,
           engagements.applicant_id IS NOT DISTINCT FROM $2 AS is_applicant, member.is_employer
      FROM gateway.milestones
      JOIN gateway.engagements ON engagements.id = milestones.engagement_id
      JOIN gateway.projects    ON projects.id = engagements.project_id
     CROSS JOIN LATERAL (
           SELECT EXISTS (SELECT FROM gateway.members
                           WHERE members.organization_id = engagements.organization_id
                             AND members.person_id = $2) AS is_employer) AS member
"""
VISIBLE = "(engagements.applicant_id = $2 OR member.is_employer OR $3)"


def _milestone(row: asyncpg.Record) -> Milestone:
    facts: dict[str, Any] = dict(row)
    facts["state"] = Status(facts["state"])
    facts["engagement_state"] = EngagementStatus(facts["engagement_state"])
    return Milestone(**facts)


async def select_milestone(
    conn: Connection, milestone_id: UUID, *, viewer_id: UUID | None, sees_all: bool = False
) -> Milestone | None:
    row = await conn.fetchrow(
        f"{SELECT_MILESTONE} WHERE milestones.id = $1 AND {VISIBLE}",
        milestone_id,
        viewer_id,
        sees_all,
    )
    return _milestone(row) if row else None


async def lock_milestone(
    conn: Connection, milestone_id: UUID, *, viewer_id: UUID | None, sees_all: bool = False
) -> Milestone | None:
    row = await conn.fetchrow(
        f"{SELECT_MILESTONE} WHERE milestones.id = $1 AND {VISIBLE} FOR UPDATE OF milestones",
        milestone_id,
        viewer_id,
        sees_all,
    )
    return _milestone(row) if row else None


async def select_milestones(
    conn: Connection, engagement_id: UUID, *, viewer_id: UUID | None, sees_all: bool = False
) -> list[Milestone]:
    rows = await conn.fetch(
        f"""{SELECT_MILESTONE}
             WHERE milestones.engagement_id = $1 AND {VISIBLE} ORDER BY position""",
        engagement_id,
        viewer_id,
        sees_all,
    )
    return [_milestone(row) for row in rows]


async def insert_milestones(
    conn: Connection, *, engagement_id: UUID, starts_on: date, planned: Sequence[PlannedMilestone]
) -> None:
    now = clock.now()
    await conn.executemany(
        """INSERT INTO gateway.milestones
                  (id, engagement_id, position, title, description, due_on, fee, state, changed_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        [
            (
                new_id(),
                engagement_id,
                position,
                milestone.title,
                milestone.description,
                starts_on + timedelta(days=milestone.due_days),
                milestone.fee,
                Status.PLANNED,
                now,
            )
            for position, milestone in enumerate(planned)
        ],
    )


async def update_state(
    conn: Connection, *, milestone_id: UUID, state: str, reason: str | None
) -> None:
    await conn.execute(
        """UPDATE gateway.milestones
              SET state = $2, reason = coalesce($3, reason), version = version + 1, changed_at = $4,
                  rounds = rounds + CASE WHEN $2 = 'changes_requested' THEN 1 ELSE 0 END
            WHERE id = $1""",
        milestone_id,
        state,
        reason,
        clock.now(),
    )


async def insert_deliverable(
    conn: Connection,
    *,
    milestone_id: UUID,
    note: str,
    criteria_met: Sequence[int],
    file_ids: Sequence[UUID],
) -> int:
    """Return the number of this version, counted from 1."""
    number: int = await conn.fetchval(
        """INSERT INTO gateway.deliverables
                  (milestone_id, number, note, criteria_met, submitted_at)
           SELECT $1, 1 + coalesce(max(number), 0), $2, $3, $4
             FROM gateway.deliverables WHERE milestone_id = $1
        RETURNING number""",
        milestone_id,
        note,
        criteria_met,
        clock.now(),
    )
    await conn.execute(
        """INSERT INTO gateway.deliverable_files (milestone_id, number, file_id)
           SELECT $1, $2, unnest($3::uuid[])""",
        milestone_id,
        number,
        file_ids,
    )
    return number


async def update_review(
    conn: Connection, *, milestone_id: UUID, review: str, criteria_unmet: Sequence[int]
) -> None:
    """On the newest version."""
    await conn.execute(
        """UPDATE gateway.deliverables SET review = $2, criteria_unmet = $3
            WHERE milestone_id = $1
              AND number = (SELECT max(number) FROM gateway.deliverables WHERE milestone_id = $1)""",
        milestone_id,
        review,
        criteria_unmet,
    )


async def count_own_files(conn: Connection, *, owner_id: UUID, file_ids: Sequence[UUID]) -> int:
    count: int = await conn.fetchval(
        "SELECT count(*) FROM gateway.files WHERE owner_id = $1 AND id = ANY($2)",
        owner_id,
        file_ids,
    )
    return count
