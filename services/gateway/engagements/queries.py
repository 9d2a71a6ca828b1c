from collections.abc import Sequence
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
    """`signed`, `checked_in` and `feedback` name the parties that have given theirs; `signed` is of
    the present text."""

    id: UUID
    application_id: UUID
    project_id: UUID
    project_title: str
    organization_id: UUID
    organization_name: str
    school_id: UUID | None
    pay_floor: int
    applicant_id: UUID
    applicant_name: str
    agreement: str
    agreement_hash: bytes
    agreement_number: int
    starts_on: date
    state: Status
    reason: str | None
    version: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    applicant_seen_at: datetime | None
    employer_seen_at: datetime | None
    help_asked_by: str | None
    help_by: datetime | None
    paused_on: date | None
    paused_until: date | None
    signed: list[str]
    checked_in: list[str]
    feedback: list[str]
    proposals: list[dict[str, Any]]
    timers: list[dict[str, Any]]
    is_employer: bool
    is_applicant: bool
    is_school: bool


@dataclass(frozen=True)
class Part:
    """A milestone, as far as an amendment may change it."""

    id: UUID
    title: str
    due_on: date
    fee: int
    open: bool


@dataclass(frozen=True)
class Feedback:
    party: str
    rating: int
    words: str
    given_at: datetime


SELECT = """
    SELECT engagements.id, application_id, project_id, projects.title AS project_title,
           engagements.organization_id, organizations.name AS organization_name, applicant_id,
           people.name AS applicant_name, projects.school_id, projects.pay_floor, agreement,
           agreement_hash, agreement_number, starts_on, engagements.state, engagements.reason,
           engagements.version, engagements.created_at, started_at, ended_at, applicant_seen_at,
           employer_seen_at, help_asked_by, help_by, paused_on, paused_until,
           ARRAY(SELECT party FROM gateway.signatures
                  WHERE engagement_id = engagements.id AND number = agreement_number
                  ORDER BY party) AS signed,
           ARRAY(SELECT DISTINCT party FROM gateway.check_ins
                  WHERE engagement_id = engagements.id ORDER BY party) AS checked_in,
           ARRAY(SELECT party FROM gateway.feedback
                  WHERE engagement_id = engagements.id ORDER BY party) AS feedback,
           gateway.proposals_of(engagements.id) AS proposals,
           gateway.due_timers(engagements.id) AS timers,
           applicant_id IS NOT DISTINCT FROM asked.viewer_id AS is_applicant, member.is_employer,
           member.is_school
      FROM {asked}
      JOIN gateway.projects      ON projects.id = project_id
      JOIN gateway.organizations ON organizations.id = engagements.organization_id
      JOIN gateway.people        ON people.id = applicant_id
     CROSS JOIN LATERAL (
           SELECT coalesce(bool_or(members.organization_id = engagements.organization_id), false)
                      AS is_employer,
                  coalesce(bool_or(members.organization_id = projects.school_id), false)
                      AS is_school
             FROM gateway.members WHERE members.person_id = asked.viewer_id) AS member
"""
SELECT_ENGAGEMENT = SELECT.format(
    asked="(SELECT $2::uuid AS viewer_id) AS asked CROSS JOIN gateway.engagements"
)
SELECT_ASKED = SELECT.format(
    asked="""unnest($1::uuid[], $2::uuid[], $3::boolean[])
                    AS asked (engagement_id, viewer_id, sees_all)
              JOIN gateway.engagements ON engagements.id = asked.engagement_id"""
)
VISIBLE = """(applicant_id = asked.viewer_id OR member.is_employer OR member.is_school
               OR asked.sees_all)"""
# As a party; each part reads no more of its index than one page.
MINE = """engagements.id IN (
    (SELECT id FROM gateway.engagements
      WHERE applicant_id = $2 AND ($1::uuid IS NULL OR id < $1) ORDER BY id DESC LIMIT $3)
    UNION ALL
    (SELECT id FROM gateway.members JOIN gateway.engagements USING (organization_id)
      WHERE person_id = $2 AND ($1::uuid IS NULL OR id < $1) ORDER BY id DESC LIMIT $3)
    UNION ALL
    (SELECT engagements.id
       FROM gateway.members
       JOIN gateway.projects    ON projects.school_id = members.organization_id
       JOIN gateway.engagements ON engagements.project_id = projects.id
      WHERE person_id = $2 AND ($1::uuid IS NULL OR engagements.id < $1)
      ORDER BY engagements.id DESC LIMIT $3))
"""


def _engagement(row: asyncpg.Record) -> Engagement:
    facts: dict[str, Any] = dict(row)
    facts["state"] = Status(facts["state"])
    return Engagement(**facts)


@dataclass(frozen=True)
class Seeker:
    """Who wants to see which engagement; nobody sees all, for what happens by itself."""

    engagement_id: UUID
    viewer_id: UUID | None
    sees_all: bool


async def select_engagement(
    conn: Connection, engagement_id: UUID, *, viewer_id: UUID | None, sees_all: bool = False
) -> Engagement | None:
    found = await select_engagements(conn, [Seeker(engagement_id, viewer_id, sees_all)])
    return found.get(engagement_id)


async def lock_engagement(
    conn: Connection, engagement_id: UUID, *, viewer_id: UUID | None, sees_all: bool = False
) -> Engagement | None:
    found = await lock_engagements(conn, [Seeker(engagement_id, viewer_id, sees_all)])
    return found.get(engagement_id)


async def select_engagements(conn: Connection, seekers: Sequence[Seeker]) -> dict[UUID, Engagement]:
    """Those that their seekers may see; each is sought once."""
    rows = await conn.fetch(f"{SELECT_ASKED} WHERE {VISIBLE}", *_columns(seekers))
    return {row["id"]: _engagement(row) for row in rows}


async def lock_engagements(conn: Connection, seekers: Sequence[Seeker]) -> dict[UUID, Engagement]:
    rows = await conn.fetch(
        f"""{SELECT_ASKED} WHERE {VISIBLE}
             ORDER BY engagements.id FOR NO KEY UPDATE OF engagements""",
        *_columns(seekers),
    )
    return {row["id"]: _engagement(row) for row in rows}


def _columns(seekers: Sequence[Seeker]) -> tuple[list[Any], ...]:
    return (
        [seeker.engagement_id for seeker in seekers],
        [seeker.viewer_id for seeker in seekers],
        [seeker.sees_all for seeker in seekers],
    )


async def select_engagements_of(
    conn: Connection, *, viewer_id: UUID, before: UUID | None, limit: int
) -> list[Engagement]:
    """As the intern, the employer or the school; the newest first."""
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
    await insert_agreement(conn, engagement_id, number=1, text=agreement)
    return engagement_id


async def insert_agreement(
    conn: Connection, engagement_id: UUID, *, number: int, text: str
) -> None:
    await conn.execute(
        """INSERT INTO gateway.agreements (engagement_id, number, text, hash, made_at)
                VALUES ($1, $2, $3, $4, $5)""",
        engagement_id,
        number,
        text,
        text_hash(text),
        clock.now(),
    )


async def update_agreement(
    conn: Connection, engagement_id: UUID, *, number: int, text: str
) -> None:
    await conn.execute(
        """UPDATE gateway.engagements
              SET agreement = $3, agreement_hash = $4, agreement_number = $2 WHERE id = $1""",
        engagement_id,
        number,
        text,
        text_hash(text),
    )


async def lock_parts(conn: Connection, engagement_id: UUID) -> list[Part]:
    """The milestones that count, with whether nothing is handed in yet."""
    rows = await conn.fetch(
        """SELECT id, title, due_on, fee, state IN ('planned', 'ready', 'in_work') AS open
             FROM gateway.milestones WHERE engagement_id = $1 AND state <> 'cancelled'
            ORDER BY position FOR NO KEY UPDATE""",
        engagement_id,
    )
    return [Part(**dict(row)) for row in rows]


async def update_part(
    conn: Connection, milestone_id: UUID, *, due_on: date | None, fee: int | None
) -> None:
    await conn.execute(
        """UPDATE gateway.milestones
              SET due_on = coalesce($2, due_on), fee = coalesce($3, fee), version = version + 1
            WHERE id = $1""",
        milestone_id,
        due_on,
        fee,
    )


async def update_seen(conn: Connection, seen: Sequence[tuple[UUID, str]]) -> None:
    """A sign of life of one party of each; it answers the other side's call for help."""
    await conn.execute(
        """UPDATE gateway.engagements
              SET applicant_seen_at = CASE WHEN party = 'applicant' THEN $3
                                           ELSE applicant_seen_at END,
                  employer_seen_at  = CASE WHEN party = 'employer' THEN $3
                                           ELSE employer_seen_at END,
                  help_by       = CASE WHEN help_asked_by = party THEN help_by END,
                  help_asked_by = CASE WHEN help_asked_by = party THEN help_asked_by END
             FROM unnest($1::uuid[], $2::text[]) AS seen (id, party)
            WHERE engagements.id = seen.id""",
        *zip(*seen, strict=True),
        clock.now(),
    )


async def update_help(
    conn: Connection, engagement_id: UUID, *, party: str, answer_by: datetime
) -> None:
    await conn.execute(
        "UPDATE gateway.engagements SET help_asked_by = $2, help_by = $3 WHERE id = $1",
        engagement_id,
        party,
        answer_by,
    )


async def select_paused_until(conn: Connection, engagement_id: UUID) -> date | None:
    found: date | None = await conn.fetchval(
        "SELECT paused_until FROM gateway.engagements WHERE id = $1", engagement_id
    )
    return found


async def update_pause(
    conn: Connection, engagement_id: UUID, *, paused_on: date, paused_until: date
) -> None:
    await conn.execute(
        "UPDATE gateway.engagements SET paused_on = $2, paused_until = $3 WHERE id = $1",
        engagement_id,
        paused_on,
        paused_until,
    )


async def update_states(conn: Connection, moved: Sequence[Engagement]) -> None:
    if not moved:
        return
    await conn.execute(
        """UPDATE gateway.engagements
              SET state = moved.state, reason = moved.reason, version = version + 1,
                  changed_at = $4,
                  started_at = CASE WHEN moved.state = 'active' THEN coalesce(started_at, $4)
                                    ELSE started_at END,
                  ended_at = CASE WHEN moved.state IN ('completed', 'terminated', 'not_agreed',
                                                       'not_started') THEN $4
                                  ELSE ended_at END
             FROM unnest($1::uuid[], $2::text[], $3::text[]) AS moved (id, state, reason)
            WHERE engagements.id = moved.id""",
        [engagement.id for engagement in moved],
        [engagement.state for engagement in moved],
        [engagement.reason for engagement in moved],
        clock.now(),
    )


async def insert_signature(
    conn: Connection,
    *,
    engagement_id: UUID,
    number: int,
    party: str,
    person_id: UUID,
    text_hash: bytes,
) -> bool:
    """Return False when this party has signed this text before."""
    signed = await conn.fetchval(
        """INSERT INTO gateway.signatures
                  (engagement_id, number, party, person_id, text_hash, signed_at)
                VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT DO NOTHING
             RETURNING true""",
        engagement_id,
        number,
        party,
        person_id,
        text_hash,
        clock.now(),
    )
    return bool(signed)


@dataclass(frozen=True)
class CheckedIn:
    engagement_id: UUID
    party: str
    mood: str
    note: str


async def insert_check_ins(conn: Connection, check_ins: Sequence[CheckedIn]) -> None:
    await conn.execute(
        """INSERT INTO gateway.check_ins (id, engagement_id, party, mood, note, said_at)
           SELECT id, engagement_id, party, mood, note, $6
             FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[])
                  AS said (id, engagement_id, party, mood, note)""",
        [new_id() for _ in check_ins],
        [each.engagement_id for each in check_ins],
        [each.party for each in check_ins],
        [each.mood for each in check_ins],
        [each.note for each in check_ins],
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
