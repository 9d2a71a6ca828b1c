from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Connection
from shared.database.migrate import ROOMS

# A chain is followed so far; nobody reads a longer one.
LONGEST = 500
ABOUT = """
    SELECT correlation_id, occurred_at
      FROM {0}.public_events
     WHERE id = $1 OR subject = $1 OR correlation_id = $1
"""
SAID = """
    SELECT '{0}' AS room, id, name, subject, sequence, occurred_at, correlation_id, causation_id,
           actor_kind, tenant, in_outbox
      FROM {0}.public_events
     WHERE correlation_id = ANY($1) AND tenant = $3
"""
HANDLED = """
    SELECT '{0}' AS room, event_id, handled_at
      FROM {0}.public_handled
     WHERE event_id = ANY($1)
"""


def in_every_room(statement: str) -> str:
    return " UNION ALL ".join(statement.format(room) for room in ROOMS)


@dataclass(frozen=True)
class Step:
    """`party` is the side that acted, where only one of two did."""

    id: UUID
    name: str
    sequence: int
    at: datetime
    actor_kind: str
    party: str | None
    state: str | None
    reason: str | None


@dataclass(frozen=True)
class Told:
    event_id: UUID
    channel: str
    state: str
    at: datetime
    reason: str | None


@dataclass(frozen=True)
class Said:
    """An event as its room keeps it."""

    room: str
    id: UUID
    name: str
    subject: UUID
    sequence: int
    occurred_at: datetime
    correlation_id: UUID
    causation_id: UUID | None
    actor_kind: str
    tenant: str
    in_outbox: bool


@dataclass(frozen=True)
class Handled:
    room: str
    event_id: UUID
    handled_at: datetime


@dataclass(frozen=True)
class Delivery:
    """A notice, and where there is one its message on one channel."""

    event_id: UUID
    notice_id: UUID
    person_id: UUID
    created_at: datetime
    channel: str | None
    state: str | None
    attempts: int | None
    sent_at: datetime | None
    next_try_at: datetime | None
    reason: str | None


@dataclass(frozen=True)
class Badge:
    credential_id: UUID
    url: str
    signed_at: datetime
    withdrawn_at: datetime | None


async def select_locale(conn: Connection, person_id: UUID) -> str:
    locale: str = await conn.fetchval("SELECT locale FROM gateway.people WHERE id = $1", person_id)
    return locale


async def select_steps(
    conn: Connection, record_id: UUID, *, names: Collection[str], after: UUID | None, limit: int
) -> list[Step]:
    """The oldest first."""
    rows = await conn.fetch(
        """SELECT id, name, sequence, occurred_at AS at, actor_kind, data->>'party' AS party,
                  data->>'state' AS state, data->>'reason' AS reason
             FROM gateway.events
            WHERE subject = $1 AND name = ANY($2)
              AND sequence > coalesce((SELECT sequence FROM gateway.events
                                        WHERE id = $3 AND subject = $1), 0)
            ORDER BY sequence LIMIT $4""",
        record_id,
        names,
        after,
        limit + 1,
    )
    return [Step(**row) for row in rows]


async def select_told(
    conn: Connection, *, event_ids: Collection[UUID], person_id: UUID
) -> list[Told]:
    """This person's own notices and messages."""
    rows = await conn.fetch(
        """SELECT event_id, 'inbox' AS channel, 'shown' AS state, created_at AS at,
                  NULL AS reason
             FROM notifications.public_notices
            WHERE event_id = ANY($1) AND person_id = $2
            UNION ALL
           SELECT notices.event_id, channel, state,
                  coalesce(sent_at, next_try_at, notices.created_at), reason
             FROM notifications.public_notices AS notices
             JOIN notifications.public_deliveries AS deliveries
               ON deliveries.notice_id = notices.id
            WHERE notices.event_id = ANY($1) AND notices.person_id = $2
            ORDER BY at, channel DESC""",
        event_ids,
        person_id,
    )
    return [Told(**row) for row in rows]


async def select_correlations(conn: Connection, any_id: UUID) -> set[UUID]:
    """Of an event, of the latest about a record, or the id itself."""
    rows = await conn.fetch(
        f"{in_every_room(ABOUT)} ORDER BY occurred_at DESC LIMIT $2", any_id, LONGEST
    )
    return {row["correlation_id"] for row in rows}


async def select_said(
    conn: Connection, correlation_ids: Collection[UUID], *, tenant: str
) -> list[Said]:
    rows = await conn.fetch(
        f"{in_every_room(SAID)} ORDER BY occurred_at, id LIMIT $2",
        correlation_ids,
        LONGEST + 1,
        tenant,
    )
    return [Said(**row) for row in rows]


async def select_handled(conn: Connection, event_ids: Collection[UUID]) -> list[Handled]:
    rows = await conn.fetch(f"{in_every_room(HANDLED)} ORDER BY handled_at", event_ids)
    return [Handled(**row) for row in rows]


async def select_deliveries(conn: Connection, event_ids: Collection[UUID]) -> list[Delivery]:
    """To whom and how, never where or what."""
    rows = await conn.fetch(
        """SELECT notices.event_id, notices.id AS notice_id, notices.person_id, notices.created_at,
                  channel, state, attempts, sent_at, next_try_at, reason
             FROM notifications.public_notices AS notices
             LEFT JOIN notifications.public_deliveries AS deliveries
               ON deliveries.notice_id = notices.id
            WHERE notices.event_id = ANY($1)
            ORDER BY notices.created_at, notices.id, channel""",
        event_ids,
    )
    return [Delivery(**row) for row in rows]


async def select_badges(conn: Connection, credential_ids: Collection[UUID]) -> list[Badge]:
    rows = await conn.fetch(
        """SELECT credential_id, url, signed_at, withdrawn_at
             FROM credentialing.public_badges WHERE credential_id = ANY($1)
            UNION ALL
           SELECT credential_id, url, signed_at, withdrawn_at
             FROM credentialing.public_sandbox_badges WHERE credential_id = ANY($1)
            ORDER BY signed_at""",
        credential_ids,
    )
    return [Badge(**row) for row in rows]
