from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.notifications.audience import Role
from services.notifications.records import Records
from services.notifications.rendering import Facts
from shared.database import Connection
from shared.events.origin import REAL


@dataclass(frozen=True)
class Recipient:
    person_id: UUID
    role: Role
    locale: str


@dataclass(frozen=True)
class Occasion:
    """What somebody is told of: an event, and how it is told."""

    event_id: UUID
    kind: str
    subject: UUID
    link: str
    correlation_id: UUID
    at: datetime
    with_mail: bool


@dataclass(frozen=True)
class Notice:
    id: UUID
    delivery_id: UUID
    occasion: Occasion
    person_id: UUID
    locale: str
    title: str
    text: str
    action: str


@dataclass(frozen=True)
class Letter:
    """A mail in hand. `address` and `name` are None when the person is no longer there."""

    delivery_id: UUID
    notice_id: UUID
    event_id: UUID
    person_id: UUID
    correlation_id: UUID
    tenant: str
    attempts: int
    created_at: datetime
    locale: str
    title: str
    text: str
    action: str
    link: str
    address: str | None
    name: str | None


async def select_facts(conn: Connection, records: Sequence[Records]) -> list[Facts]:
    """Of each, in the same order. The inner SELECTs hide how many there are, so that PostgreSQL
    keeps one plan for any number instead of planning each time."""
    rows = await conn.fetch(
        """SELECT (SELECT title FROM gateway.public_projects WHERE id = project_id) AS project,
                  (SELECT name FROM gateway.public_organizations
                    WHERE id = coalesce(asked.organization_id,
                                        (SELECT projects.organization_id
                                           FROM gateway.public_projects AS projects
                                          WHERE projects.id = project_id))) AS organization,
                  (SELECT name FROM gateway.public_people WHERE id = person_id) AS applicant,
                  (SELECT title FROM gateway.public_milestones WHERE id = milestone_id) AS milestone
             FROM unnest((SELECT $1::uuid[]), (SELECT $2::uuid[]), (SELECT $3::uuid[]),
                         (SELECT $4::uuid[])) WITH ORDINALITY
                  AS asked (project_id, organization_id, person_id, milestone_id, place)
            ORDER BY place""",
        [each.project_id for each in records],
        [each.organization_id for each in records],
        [each.person_id for each in records],
        [each.milestone_id for each in records],
    )
    return [replace(each.facts, **row) for each, row in zip(records, rows, strict=True)]


async def select_recipients(
    conn: Connection, asked: Sequence[tuple[Records, Collection[Role]]], *, tenant: str
) -> list[list[Recipient]]:
    """Of each, in the same order: each person of the tenant once. Interns are those whose engagement
    on the project is not over."""
    wanted = [
        (place, role, records.project_id, records.organization_id, person_id)
        for place, (records, roles) in enumerate(asked)
        for role in roles
        for person_id in await _people_as(conn, role, records)
    ]
    found: list[list[Recipient]] = [[] for _ in asked]
    if not wanted:
        return found
    rows = await conn.fetch(
        """WITH asked AS (
               SELECT * FROM unnest($1::integer[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[])
                   AS each (place, role, project_id, organization_id, person_id)
           )
           SELECT DISTINCT ON (place, people.id) place, people.id, role, people.locale
             FROM (SELECT place, role, person_id
                     FROM asked WHERE role IN ('person', 'applicant')
                    UNION ALL
                   SELECT place, role, engagements.applicant_id
                     FROM asked JOIN gateway.public_engagements AS engagements USING (project_id)
                    WHERE role = 'intern'
                      AND state NOT IN ('not_agreed', 'not_started', 'completed', 'terminated')
                    UNION ALL
                   SELECT place, role, members.person_id
                     FROM asked
                     JOIN gateway.public_members AS members
                       ON members.organization_id = coalesce(
                              asked.organization_id,
                              (SELECT projects.organization_id
                                 FROM gateway.public_projects AS projects
                                WHERE projects.id = project_id))
                    WHERE role = 'employer'
                    UNION ALL
                   SELECT place, role, duties.person_id
                     FROM asked JOIN gateway.public_duties AS duties ON duty = role
                    WHERE $2::text[] && ARRAY['moderator', 'operator']
                  ) AS concerned (place, role, person_id)
             JOIN gateway.public_people AS people ON people.id = concerned.person_id
            WHERE people.tenant = $6
            ORDER BY place, people.id, array_position($7::text[], role)""",
        *(list(column) for column in zip(*wanted, strict=True)),
        tenant,
        list(Role),
    )
    for row in rows:
        found[row["place"]].append(Recipient(row["id"], Role(row["role"]), row["locale"]))
    return found


async def _people_as(conn: Connection, role: Role, records: Records) -> Sequence[UUID | None]:
    """Those that the records name; of a freeze, those whose deadlines it moved."""
    if role is not Role.PERSON or records.freeze_id is None:
        return [records.person_id]
    rows = await conn.fetch(
        "SELECT person_id FROM gateway.public_frozen WHERE freeze_id = $1", records.freeze_id
    )
    return [row["person_id"] for row in rows]


async def insert_notices(conn: Connection, notices: Sequence[Notice], *, tenant: str) -> None:
    """The notices and their mails; whoever was told before is left out of both. A sandbox's mails
    are never due. Sorted by what must be unique, so that two writers do not wait for each other.

    An array, because a join planned for ten notices is slow for hundreds."""
    await conn.execute(
        """WITH new AS (
               SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[],
                                    $6::text[], $7::text[], $8::uuid[], $9::text[], $10::uuid[],
                                    $11::text[], $12::uuid[], $13::timestamptz[], $14::boolean[])
                   AS each (id, delivery_id, person_id, locale, title, text, action, event_id, kind,
                            subject, link, correlation_id, at, with_mail)
           ), told AS (
               INSERT INTO notifications.notices (id, event_id, person_id, kind, subject, locale,
                                                  title, text, action, link, created_at)
               SELECT id, event_id, person_id, kind, subject, locale, title, text, action, link, at
                 FROM new ORDER BY subject, person_id, id
                   ON CONFLICT DO NOTHING
            RETURNING id
           )
           INSERT INTO notifications.deliveries (id, notice_id, event_id, person_id, channel, state,
                                                 next_try_at, last_error, correlation_id, tenant,
                                                 created_at)
           SELECT delivery_id, id, event_id, person_id, 'email',
                  CASE WHEN $15 = $16 THEN 'due' ELSE 'suppressed' END, at,
                  CASE WHEN $15 <> $16 THEN 'sandbox' END, correlation_id, $15, at
             FROM new
            WHERE with_mail AND id = ANY (ARRAY(SELECT id FROM told))
            ORDER BY id
               ON CONFLICT DO NOTHING""",
        *_columns(notices),
        tenant,
        REAL,
    )


def _columns(notices: Sequence[Notice]) -> tuple[list[object], ...]:
    occasions = [notice.occasion for notice in notices]
    return (
        [notice.id for notice in notices],
        [notice.delivery_id for notice in notices],
        [notice.person_id for notice in notices],
        [notice.locale for notice in notices],
        [notice.title for notice in notices],
        [notice.text for notice in notices],
        [notice.action for notice in notices],
        [occasion.event_id for occasion in occasions],
        [occasion.kind for occasion in occasions],
        [occasion.subject for occasion in occasions],
        [occasion.link for occasion in occasions],
        [occasion.correlation_id for occasion in occasions],
        [occasion.at for occasion in occasions],
        [occasion.with_mail for occasion in occasions],
    )


async def claim_letters(
    conn: Connection, *, now: datetime, until: datetime, limit: int
) -> list[Letter]:
    """Lease what is due until then, with this attempt already counted."""
    rows = await conn.fetch(
        """WITH due AS (
               SELECT id FROM notifications.deliveries
                WHERE state = 'due' AND next_try_at <= $1
                ORDER BY next_try_at
                LIMIT $3
                  FOR UPDATE SKIP LOCKED
           ), claimed AS (
               UPDATE notifications.deliveries
                  SET next_try_at = $2, attempts = attempts + 1
                 FROM due
                WHERE deliveries.id = due.id
            RETURNING deliveries.*
           )
           SELECT claimed.id AS delivery_id, claimed.notice_id, claimed.event_id,
                  claimed.person_id, claimed.correlation_id, claimed.tenant, claimed.attempts,
                  claimed.created_at, notices.locale, notices.title, notices.text, notices.action,
                  notices.link, people.email AS address, people.name
             FROM claimed
             JOIN notifications.notices          ON notices.id = claimed.notice_id
             LEFT JOIN gateway.public_people AS people ON people.id = claimed.person_id
            ORDER BY claimed.id""",
        now,
        until,
        limit,
    )
    return [Letter(**row) for row in rows]


async def mark_sent(conn: Connection, delivery_id: UUID, *, now: datetime) -> bool:
    """False when somebody else has settled it."""
    return await _settled(
        conn,
        """UPDATE notifications.deliveries SET state = 'sent', sent_at = $2, last_error = NULL
            WHERE id = $1 AND state = 'due'""",
        delivery_id,
        now,
    )


async def mark_failed(conn: Connection, delivery_id: UUID, *, reason: str) -> bool:
    """False when somebody else has settled it."""
    return await _settled(
        conn,
        """UPDATE notifications.deliveries SET state = 'failed', last_error = $2
            WHERE id = $1 AND state = 'due'""",
        delivery_id,
        reason,
    )


async def renew(conn: Connection, letters: Collection[Letter], *, until: datetime) -> set[UUID]:
    """Which of them are still in the same hand."""
    rows = await conn.fetch(
        """UPDATE notifications.deliveries SET next_try_at = $3
             FROM unnest($1::uuid[], $2::integer[]) AS held (id, attempts)
            WHERE deliveries.id = held.id AND deliveries.attempts = held.attempts AND state = 'due'
              AND next_try_at <= $3
        RETURNING deliveries.id""",
        [letter.delivery_id for letter in letters],
        [letter.attempts for letter in letters],
        until,
    )
    return {row["id"] for row in rows}


async def postpone(conn: Connection, letter: Letter, *, next_try_at: datetime, reason: str) -> None:
    await conn.execute(
        """UPDATE notifications.deliveries SET next_try_at = $3, last_error = $4
            WHERE id = $1 AND attempts = $2 AND state = 'due'""",
        letter.delivery_id,
        letter.attempts,
        next_try_at,
        reason,
    )


async def put_back(conn: Connection, letters: Collection[Letter], *, now: datetime) -> None:
    """Not tried after all: due at once, and this attempt does not count."""
    await conn.execute(
        """UPDATE notifications.deliveries
              SET next_try_at = $3, attempts = deliveries.attempts - 1
             FROM unnest($1::uuid[], $2::integer[]) AS held (id, attempts)
            WHERE deliveries.id = held.id AND deliveries.attempts = held.attempts
              AND state = 'due' AND held.attempts > 0""",
        [letter.delivery_id for letter in letters],
        [letter.attempts for letter in letters],
        now,
    )


async def _settled(conn: Connection, statement: str, *values: object) -> bool:
    return await conn.execute(statement, *values) == "UPDATE 1"
