from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
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
    """Of a milestone that goes on, `dispute_ended_at` is when the viewer's side withdrew its dispute, or
    any side when nobody in particular looks."""

    id: UUID
    engagement_id: UUID
    engagement_state: EngagementStatus
    engagement_ended_at: datetime | None
    project_id: UUID
    organization_id: UUID
    applicant_id: UUID
    position: int
    title: str
    description: str
    due_on: date
    fee: int
    criteria: list[str]
    review_days: int
    state: Status
    reason: str | None
    rounds: int
    version: int
    paused_days: int
    dispute_ended_at: datetime | None
    deliveries: list[dict[str, Any]]
    proposals: list[dict[str, Any]]
    timers: list[dict[str, Any]]
    is_employer: bool
    is_applicant: bool


SELECT_MILESTONE = """
    SELECT milestones.id, milestones.engagement_id, engagements.state AS engagement_state,
           engagements.ended_at AS engagement_ended_at,
           engagements.project_id, engagements.organization_id, engagements.applicant_id, position,
           milestones.title, milestones.description, due_on, milestones.fee, projects.criteria,
           projects.review_days,
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
           (SELECT max(ended_at) FROM gateway.disputes
             WHERE disputes.engagement_id = engagements.id
               AND disputes.milestone_id = milestones.id
               AND ($2::uuid IS NULL
                    OR (filer = 'applicant') = (engagements.applicant_id = $2))) AS dispute_ended_at,
           paused_days, gateway.proposals_of(milestones.id) AS proposals,
           gateway.due_timers(milestones.id) AS timers,
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
    """With its engagement, which is locked first and stays in its state."""
    await conn.execute(
        """SELECT FROM gateway.engagements
            WHERE id = (SELECT engagement_id FROM gateway.milestones WHERE id = $1) FOR NO KEY UPDATE""",
        milestone_id,
    )
    row = await conn.fetchrow(
        f"{SELECT_MILESTONE} WHERE milestones.id = $1 AND {VISIBLE} FOR NO KEY UPDATE OF milestones",
        milestone_id,
        viewer_id,
        sees_all,
    )
    return _milestone(row) if row else None


async def lock_milestones(conn: Connection, engagement_id: UUID) -> list[Milestone]:
    """For the system, under the lock of the engagement."""
    rows = await conn.fetch(
        f"""{SELECT_MILESTONE}
             WHERE milestones.engagement_id = $1 AND {VISIBLE}
             ORDER BY position FOR NO KEY UPDATE OF milestones""",
        engagement_id,
        None,
        True,
    )
    return [_milestone(row) for row in rows]


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
    conn: Connection, milestone_id: UUID, /, *, state: str, reason: str | None
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


async def update_due(
    conn: Connection, milestone: Milestone, *, due_on: date, paused_days: int
) -> Milestone:
    await conn.execute(
        """UPDATE gateway.milestones
              SET due_on = $2, paused_days = $3, version = version + 1 WHERE id = $1""",
        milestone.id,
        due_on,
        paused_days,
    )
    return replace(milestone, due_on=due_on, paused_days=paused_days, version=milestone.version + 1)


async def update_terms(
    conn: Connection,
    milestone_id: UUID,
    *,
    title: str | None,
    description: str | None,
    due_on: date | None,
) -> None:
    await conn.execute(
        """UPDATE gateway.milestones
              SET title = coalesce($2, title), description = coalesce($3, description),
                  due_on = coalesce($4, due_on)
            WHERE id = $1""",
        milestone_id,
        title,
        description,
        due_on,
    )


async def update_fee(conn: Connection, milestone_id: UUID, fee: int) -> None:
    await conn.execute("UPDATE gateway.milestones SET fee = $2 WHERE id = $1", milestone_id, fee)


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
