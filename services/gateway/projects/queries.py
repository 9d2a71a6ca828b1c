from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.gateway.lifecycles.project import Status
from services.gateway.timers.calendar import start_of
from shared import clock
from shared.database import Connection
from shared.ids import new_id


@dataclass(frozen=True)
class PlannedMilestone:
    title: str
    description: str
    due_days: int
    fee: int


@dataclass(frozen=True)
class Project:
    """`skills` maps a skill's id to whether it is a must; `is_mine` is the viewer's membership."""

    id: UUID
    organization_id: UUID
    organization_name: str
    title: str
    summary: str
    description: str
    language: str
    languages: list[str]
    industry: str
    region: str
    remote: bool
    hours: int
    weeks: int
    seats: int
    fee: int
    currency: str
    answer_days: int
    criteria: list[str]
    kind: str
    school_id: UUID | None
    school_name: str | None
    programme: str | None
    programme_reference: str | None
    credit_hours: int | None
    rights: str
    ai_use: str
    review_days: int
    pay_floor: int
    extended: bool
    left_state: str | None
    state: Status
    reason: str | None
    version: int
    drafted_at: datetime
    changed_at: datetime
    opened_at: datetime | None
    skills: dict[str, bool]
    milestones: list[PlannedMilestone]
    timers: list[dict[str, Any]]
    is_mine: bool


SELECT_PROJECT = """
    SELECT projects.id, projects.organization_id, organizations.name AS organization_name, title,
           summary, description, language, languages, projects.industry, projects.region, remote,
           hours, weeks, seats, fee, currency, answer_days, criteria, projects.kind, school_id,
           schools.name AS school_name, programme, programme_reference, credit_hours, rights, ai_use,
           review_days, pay_floor, extended, left_state, state, reason, projects.version, drafted_at,
           changed_at, opened_at,
           (SELECT coalesce(jsonb_object_agg(skill_id, must_have ORDER BY skill_id), '{}')
              FROM gateway.project_skills WHERE project_id = projects.id) AS skills,
           (SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'title', milestone.title, 'description', milestone.description,
                       'due_days', due_days, 'fee', milestone.fee) ORDER BY position), '[]')
              FROM gateway.project_milestones AS milestone
             WHERE project_id = projects.id) AS milestones,
           gateway.due_timers(projects.id) AS timers,
           EXISTS (SELECT FROM gateway.members
                    WHERE members.organization_id = projects.organization_id
                      AND members.person_id = $2) AS is_mine
      FROM gateway.projects
      JOIN gateway.organizations ON organizations.id = projects.organization_id
      LEFT JOIN gateway.organizations AS schools ON schools.id = projects.school_id
"""


def _project(row: asyncpg.Record) -> Project:
    facts: dict[str, Any] = dict(row)
    facts["state"] = Status(facts["state"])
    facts["milestones"] = [PlannedMilestone(**planned) for planned in facts["milestones"]]
    return Project(**facts)


async def select_project(
    conn: Connection, project_id: UUID, *, viewer_id: UUID | None
) -> Project | None:
    row = await conn.fetchrow(SELECT_PROJECT + "WHERE projects.id = $1", project_id, viewer_id)
    return _project(row) if row else None


async def lock_project(
    conn: Connection, project_id: UUID, *, viewer_id: UUID | None
) -> Project | None:
    """Taken before any lock on the project's applications and engagements."""
    row = await conn.fetchrow(
        SELECT_PROJECT + "WHERE projects.id = $1 FOR NO KEY UPDATE OF projects",
        project_id,
        viewer_id,
    )
    return _project(row) if row else None


async def share_project(
    conn: Connection, project_id: UUID, *, viewer_id: UUID | None
) -> Project | None:
    """Many may hold this at once; while they do, the project stays in its state."""
    row = await conn.fetchrow(
        SELECT_PROJECT + "WHERE projects.id = $1 FOR SHARE OF projects", project_id, viewer_id
    )
    return _project(row) if row else None


async def select_latest_start(conn: Connection, project_id: UUID) -> datetime | None:
    """When the last of its agreed engagements begins, at midnight of that day."""
    day: date | None = await conn.fetchval(
        """SELECT max(starts_on) FROM gateway.engagements
            WHERE project_id = $1 AND state IN ('agreeing', 'scheduled')""",
        project_id,
    )
    return start_of(day) if day else None


async def has_applicants(conn: Connection, project_id: UUID) -> bool:
    """Whether anybody waits for an answer, or has been chosen."""
    found: bool = await conn.fetchval(
        """SELECT EXISTS (SELECT FROM gateway.applications
                           WHERE project_id = $1
                             AND state IN ('submitted', 'seen', 'shortlisted', 'offered',
                                           'accepted'))""",
        project_id,
    )
    return found


async def acts_for(conn: Connection, *, project_id: UUID, person_id: UUID) -> bool:
    """Whether this person is of the project's employer."""
    found: bool = await conn.fetchval(
        """SELECT EXISTS (SELECT FROM gateway.projects
                            JOIN gateway.members USING (organization_id)
                           WHERE projects.id = $1 AND person_id = $2)""",
        project_id,
        person_id,
    )
    return found


async def insert_project(conn: Connection, *, organization_id: UUID, facts: dict[str, Any]) -> UUID:
    project_id = new_id()
    now = clock.now()
    await conn.execute(
        """INSERT INTO gateway.projects
                  (id, organization_id, title, summary, description, language, languages, industry,
                   region, remote, hours, weeks, seats, fee, currency, answer_days, criteria, kind,
                   school_id, programme, programme_reference, credit_hours, rights, ai_use,
                   review_days, pay_floor, state, drafted_at, changed_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'PHP', $15, $16,
                   $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $27)""",
        project_id,
        organization_id,
        *_values(facts),
        Status.DRAFT,
        now,
    )
    return project_id


async def update_project(conn: Connection, *, project_id: UUID, facts: dict[str, Any]) -> None:
    await conn.execute(
        """UPDATE gateway.projects
              SET title = $2, summary = $3, description = $4, language = $5, languages = $6,
                  industry = $7, region = $8, remote = $9, hours = $10, weeks = $11, seats = $12,
                  fee = $13, answer_days = $14, criteria = $15, kind = $16, school_id = $17,
                  programme = $18, programme_reference = $19, credit_hours = $20, rights = $21,
                  ai_use = $22, review_days = $23, pay_floor = $24, changed_at = $25,
                  version = version + 1
            WHERE id = $1""",
        project_id,
        *_values(facts),
        clock.now(),
    )


def _values(facts: dict[str, Any]) -> tuple[Any, ...]:
    return (
        facts["title"],
        facts["summary"],
        facts["description"],
        facts["language"],
        facts["languages"],
        facts["industry"],
        facts["region"],
        facts["remote"],
        facts["hours"],
        facts["weeks"],
        facts["seats"],
        facts["fee"],
        facts["answer_days"],
        facts["criteria"],
        facts["kind"],
        facts["school_id"],
        facts["programme"],
        facts["programme_reference"],
        facts["credit_hours"],
        facts["rights"],
        facts["ai_use"],
        facts["review_days"],
        facts["pay_floor"],
    )


async def replace_skills(conn: Connection, *, project_id: UUID, skills: dict[str, bool]) -> None:
    await conn.execute("DELETE FROM gateway.project_skills WHERE project_id = $1", project_id)
    await conn.execute(
        """INSERT INTO gateway.project_skills (project_id, skill_id, must_have)
           SELECT $1, skill_id, must_have
             FROM unnest($2::text[], $3::boolean[]) AS wanted (skill_id, must_have)""",
        project_id,
        list(skills),
        list(skills.values()),
    )


async def replace_milestones(
    conn: Connection, *, project_id: UUID, milestones: Sequence[PlannedMilestone]
) -> None:
    await conn.execute("DELETE FROM gateway.project_milestones WHERE project_id = $1", project_id)
    await conn.executemany(
        """INSERT INTO gateway.project_milestones
                       (project_id, position, title, description, due_days, fee)
                VALUES ($1, $2, $3, $4, $5, $6)""",
        [
            (
                project_id,
                position,
                planned.title,
                planned.description,
                planned.due_days,
                planned.fee,
            )
            for position, planned in enumerate(milestones)
        ],
    )


async def update_pay_floor(conn: Connection, project_id: UUID, pay_floor: int) -> None:
    await conn.execute(
        "UPDATE gateway.projects SET pay_floor = $2 WHERE id = $1", project_id, pay_floor
    )


async def update_extended(conn: Connection, project_id: UUID) -> None:
    await conn.execute("UPDATE gateway.projects SET extended = true WHERE id = $1", project_id)


async def update_left_state(conn: Connection, project_id: UUID, left_state: str) -> None:
    await conn.execute(
        "UPDATE gateway.projects SET left_state = $2 WHERE id = $1", project_id, left_state
    )


async def update_state(
    conn: Connection, project_id: UUID, /, *, state: str, reason: str | None
) -> None:
    now = clock.now()
    await conn.execute(
        """UPDATE gateway.projects
              SET state = $2, reason = coalesce($3, reason), version = version + 1,
                  changed_at = $4,
                  opened_at = CASE WHEN $2 = 'open' THEN coalesce(opened_at, $4) ELSE opened_at END
            WHERE id = $1""",
        project_id,
        state,
        reason,
        now,
    )


async def select_projects(
    conn: Connection,
    *,
    viewer_id: UUID | None,
    skill: str | None,
    industry: str | None,
    region: str | None,
    remote: bool | None,
    before: UUID | None,
    limit: int,
) -> list[Project]:
    """Open postings, the newest first; one more than `limit` when there are more."""
    rows = await conn.fetch(
        SELECT_PROJECT
        + """WHERE state = 'open'
               AND ($1::uuid IS NULL OR projects.id < $1)
               AND ($3::text IS NULL OR EXISTS (SELECT FROM gateway.project_skills
                                                 WHERE project_id = projects.id AND skill_id = $3))
               AND ($4::text IS NULL OR projects.industry = $4)
               AND ($5::text IS NULL OR projects.region = $5)
               AND ($6::boolean IS NULL OR remote = $6)
             ORDER BY projects.id DESC LIMIT $7""",
        before,
        viewer_id,
        skill,
        industry,
        region,
        remote,
        limit + 1,
    )
    return [_project(row) for row in rows]


async def select_projects_of(
    conn: Connection, *, organization_id: UUID, viewer_id: UUID, before: UUID | None, limit: int
) -> list[Project]:
    """In every state, for members only."""
    rows = await conn.fetch(
        SELECT_PROJECT
        + """WHERE ($1::uuid IS NULL OR projects.id < $1)
               AND projects.organization_id = $3
               AND EXISTS (SELECT FROM gateway.members
                            WHERE members.organization_id = $3 AND members.person_id = $2)
             ORDER BY projects.id DESC LIMIT $4""",
        before,
        viewer_id,
        organization_id,
        limit + 1,
    )
    return [_project(row) for row in rows]
