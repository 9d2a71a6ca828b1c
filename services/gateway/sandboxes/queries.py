from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from shared.database import Connection
from shared.events.origin import REAL


@dataclass(frozen=True)
class Sandbox:
    tenant: str
    owner_id: UUID
    name: str
    ahead: timedelta
    created_at: datetime


@dataclass(frozen=True)
class Inhabitant:
    id: UUID
    role: str
    name: str
    email: str
    locale: str
    organization_id: UUID | None


async def count_owned(conn: Connection, owner_id: UUID) -> int:
    """With the owner locked, so that two at once are counted one after the other."""
    await conn.execute("SELECT FROM gateway.people WHERE id = $1 FOR NO KEY UPDATE", owner_id)
    owned: int = await conn.fetchval(
        "SELECT count(*) FROM gateway.sandboxes WHERE owner_id = $1", owner_id
    )
    return owned


async def insert_sandbox(
    conn: Connection, *, tenant: str, owner_id: UUID, name: str, now: datetime
) -> Sandbox:
    row = await conn.fetchrow(
        """INSERT INTO gateway.sandboxes (tenant, owner_id, name, created_at)
                VALUES ($1, $2, $3, $4)
             RETURNING tenant, owner_id, name, ahead, created_at""",
        tenant,
        owner_id,
        name,
        now,
    )
    assert row is not None
    return Sandbox(**dict(row))


async def select_sandbox(conn: Connection, tenant: str) -> Sandbox | None:
    row = await conn.fetchrow(
        """SELECT tenant, owner_id, name, ahead, created_at
             FROM gateway.sandboxes WHERE tenant = $1""",
        tenant,
    )
    return Sandbox(**dict(row)) if row else None


async def lock_sandbox(conn: Connection, tenant: str) -> Sandbox | None:
    row = await conn.fetchrow(
        """SELECT tenant, owner_id, name, ahead, created_at
             FROM gateway.sandboxes WHERE tenant = $1 FOR NO KEY UPDATE""",
        tenant,
    )
    return Sandbox(**dict(row)) if row else None


async def select_owned(conn: Connection, owner_id: UUID) -> list[Sandbox]:
    rows = await conn.fetch(
        """SELECT tenant, owner_id, name, ahead, created_at
             FROM gateway.sandboxes WHERE owner_id = $1 ORDER BY tenant""",
        owner_id,
    )
    return [Sandbox(**dict(row)) for row in rows]


async def select_inhabitants(conn: Connection, tenant: str) -> list[Inhabitant]:
    rows = await conn.fetch(
        """SELECT people.id, people.name, email, locale, organization_id,
                  CASE WHEN duties <> '{}' THEN duties[1]
                       WHEN organization_id IS NOT NULL THEN 'employer'
                       ELSE 'applicant' END AS role
             FROM gateway.people
             LEFT JOIN LATERAL (SELECT organization_id FROM gateway.members
                                 WHERE person_id = people.id
                                 ORDER BY joined_at LIMIT 1) AS member ON true
            WHERE tenant = $1 ORDER BY people.id""",
        tenant,
    )
    return [Inhabitant(**dict(row)) for row in rows]


async def count_inhabitants(conn: Connection, tenant: str) -> int:
    people: int = await conn.fetchval(
        "SELECT count(*) FROM gateway.people WHERE tenant = $1", tenant
    )
    return people


async def claim_clock(
    conn: Connection, tenant: str, *, now: datetime, until: datetime
) -> timedelta | None:
    """How far ahead it runs; None while another request moves it."""
    ahead: timedelta | None = await conn.fetchval(
        """UPDATE gateway.sandboxes SET moving_until = $3
            WHERE tenant = $1 AND (moving_until IS NULL OR moving_until < $2)
        RETURNING ahead""",
        tenant,
        now,
        until,
    )
    return ahead


async def release_clock(conn: Connection, tenant: str) -> None:
    await conn.execute("UPDATE gateway.sandboxes SET moving_until = NULL WHERE tenant = $1", tenant)


async def update_ahead(conn: Connection, tenant: str, ahead: timedelta) -> None:
    await conn.execute(
        "UPDATE gateway.sandboxes SET ahead = greatest(ahead, $2) WHERE tenant = $1", tenant, ahead
    )


async def is_settled(
    conn: Connection, tenant: str, *, heard: Collection[str], since: UUID, now: datetime
) -> bool:
    """Whether what happened has had its effects: no event of `heard` said after `since` waits to be
    handled here, no order to be brought to the payment provider, no badge to be signed."""
    settled: bool = await conn.fetchval(
        """SELECT NOT EXISTS (SELECT FROM gateway.events
                               WHERE tenant = $1 AND id > $3 AND name = ANY($2)
                                 AND NOT EXISTS (SELECT FROM gateway.inbox
                                                  WHERE event_id = events.id))
              AND NOT EXISTS (SELECT FROM gateway.payment_orders
                               WHERE tenant = $1 AND state = 'waiting' AND next_try_at <= $4)
              AND NOT EXISTS (SELECT FROM gateway.credentials
                                JOIN gateway.projects ON projects.id = project_id
                               WHERE projects.tenant = $1 AND credentials.state = 'ready')""",
        tenant,
        list(heard),
        since,
        now,
    )
    return settled


async def select_badge(conn: Connection, credential_id: UUID) -> bytes | None:
    """None until it is signed, and when its holder did not want it."""
    document: bytes | None = await conn.fetchval(
        """SELECT document FROM credentialing.public_sandbox_badges
             JOIN gateway.credentials ON credentials.id = credential_id
            WHERE credential_id = $1 AND state <> 'refused'""",
        credential_id,
    )
    return document


async def select_status_list(conn: Connection, list_id: str) -> bytes | None:
    document: bytes | None = await conn.fetchval(
        "SELECT document FROM credentialing.public_sandbox_status_lists WHERE id::text = $1",
        list_id,
    )
    return document


async def select_did_document(conn: Connection) -> dict[str, Any] | None:
    document: dict[str, Any] | None = await conn.fetchval(
        "SELECT did_document FROM credentialing.public_sandbox_issuer"
    )
    return document


async def select_achievement(
    conn: Connection, *, slug: str, version: str, language: str
) -> tuple[bytes, str] | None:
    """Its document and its image."""
    row = await conn.fetchrow(
        """SELECT document, image FROM credentialing.public_sandbox_achievements
            WHERE slug = $1 AND version::text = $2 AND language = $3""",
        slug,
        version,
        language,
    )
    return (row["document"], row["image"]) if row else None


async def select_employer_name(conn: Connection, organization_id: UUID) -> str | None:
    """From the view, which shows every tenant's: who follows a badge belongs to none."""
    name: str | None = await conn.fetchval(
        "SELECT name FROM gateway.public_organizations WHERE id = $1 AND tenant <> $2",
        organization_id,
        REAL,
    )
    return name
