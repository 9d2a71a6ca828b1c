from collections.abc import Iterable, Sequence
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
class Notice:
    id: UUID
    delivery_id: UUID
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


async def select_facts(conn: Connection, records: Records) -> Facts:
    row = await conn.fetchrow(
        """SELECT (SELECT title FROM gateway.public_projects WHERE id = $1) AS project,
                  (SELECT name FROM gateway.public_organizations
                    WHERE id = coalesce($2, (SELECT organization_id FROM gateway.public_projects
                                              WHERE id = $1))) AS organization,
                  (SELECT name FROM gateway.public_people WHERE id = $3) AS applicant,
                  (SELECT title FROM gateway.public_milestones WHERE id = $4) AS milestone""",
        records.project_id,
        records.organization_id,
        records.person_id,
        records.milestone_id,
    )
    assert row is not None
    return replace(records.facts, **row)


async def select_recipients(
    conn: Connection, records: Records, roles: Iterable[Role], *, tenant: str
) -> list[Recipient]:
    """Each person of the tenant once. Interns are those whose engagement on the project is not over."""
    rows = await conn.fetch(
        """SELECT DISTINCT ON (people.id) people.id, concerned.role, people.locale
             FROM (SELECT $1::uuid AS person_id, role
                     FROM unnest(ARRAY['person', 'applicant']) AS role
                    UNION ALL
                   SELECT applicant_id, 'intern'
                     FROM gateway.public_engagements
                    WHERE project_id = $2
                      AND state NOT IN ('not_agreed', 'not_started', 'completed', 'terminated')
                    UNION ALL
                   SELECT person_id, 'employer'
                     FROM gateway.public_members
                    WHERE organization_id = coalesce(
                              $3, (SELECT organization_id FROM gateway.public_projects
                                    WHERE id = $2))
                    UNION ALL
                   SELECT person_id, duty
                     FROM gateway.public_duties
                    WHERE $4::text[] && ARRAY['moderator', 'operator']
                    UNION ALL
                   SELECT person_id, 'person'
                     FROM gateway.public_frozen
                    WHERE freeze_id = $6) AS concerned (person_id, role)
             JOIN gateway.public_people AS people ON people.id = concerned.person_id
            WHERE concerned.role = ANY($4::text[]) AND people.tenant = $7
            ORDER BY people.id, array_position($5::text[], concerned.role)""",
        records.person_id,
        records.project_id,
        records.organization_id,
        list(roles),
        list(Role),
        records.freeze_id,
        tenant,
    )
    return [Recipient(row["id"], Role(row["role"]), row["locale"]) for row in rows]


async def insert_notices(
    conn: Connection,
    notices: Sequence[Notice],
    *,
    event_id: UUID,
    kind: str,
    subject: UUID,
    link: str,
    correlation_id: UUID,
    tenant: str,
    now: datetime,
    with_mail: bool,
) -> None:
    """The notices and their mails; whoever was told before is left out of both. A sandbox's mails
    are never due."""
    await conn.execute(
        """WITH told AS (
               INSERT INTO notifications.notices (id, event_id, person_id, kind, subject, locale,
                                                  title, text, action, link, created_at)
               SELECT id, $8, person_id, $9, $10, locale, title, text, action, $11, $14
                 FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[])
                      AS new (id, person_id, locale, title, text, action)
                   ON CONFLICT DO NOTHING
            RETURNING id, person_id
           )
           INSERT INTO notifications.deliveries (id, notice_id, event_id, person_id, channel, state,
                                                 next_try_at, last_error, correlation_id, tenant,
                                                 created_at)
           SELECT mail.id, told.id, $8, told.person_id, 'email',
                  CASE WHEN $13 = $16 THEN 'due' ELSE 'suppressed' END, $14,
                  CASE WHEN $13 <> $16 THEN 'sandbox' END, $12, $13, $14
             FROM told
             JOIN unnest($1::uuid[], $7::uuid[]) AS mail (notice_id, id) ON mail.notice_id = told.id
            WHERE $15
               ON CONFLICT DO NOTHING""",
        [notice.id for notice in notices],
        [notice.person_id for notice in notices],
        [notice.locale for notice in notices],
        [notice.title for notice in notices],
        [notice.text for notice in notices],
        [notice.action for notice in notices],
        [notice.delivery_id for notice in notices],
        event_id,
        kind,
        subject,
        link,
        correlation_id,
        tenant,
        now,
        with_mail,
        REAL,
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


async def postpone(
    conn: Connection, delivery_id: UUID, *, next_try_at: datetime, reason: str
) -> None:
    await conn.execute(
        """UPDATE notifications.deliveries SET next_try_at = $2, last_error = $3
            WHERE id = $1 AND state = 'due'""",
        delivery_id,
        next_try_at,
        reason,
    )


async def put_back(conn: Connection, delivery_ids: Sequence[UUID], *, now: datetime) -> None:
    """Not tried after all: due at once, and this attempt does not count."""
    await conn.execute(
        """UPDATE notifications.deliveries SET next_try_at = $2, attempts = attempts - 1
            WHERE id = ANY($1) AND state = 'due' AND attempts > 0""",
        delivery_ids,
        now,
    )


async def _settled(conn: Connection, statement: str, *values: object) -> bool:
    return await conn.execute(statement, *values) == "UPDATE 1"
