from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.credentialing.awards import Language
from services.credentialing.facts import Facts, Work
from shared.database import Connection
from shared.events.origin import REAL

# Of this room alone: the relays lock a record's events by the same function with another seed.
SEED = 4_209


@dataclass(frozen=True, kw_only=True)
class NewBadge:
    id: UUID
    credential_id: UUID
    engagement_id: UUID
    achievement_slug: str
    achievement_version: int
    salt: str
    status_list_id: int
    status_index: int
    url: str
    created_at: datetime
    correlation_id: UUID
    causation_id: UUID
    tenant: str
    ahead: timedelta
    unsigned: bytes


@dataclass(frozen=True)
class WaitingBadge:
    id: UUID
    credential_id: UUID
    url: str
    created_at: datetime
    correlation_id: UUID
    causation_id: UUID
    tenant: str
    ahead: timedelta
    unsigned: bytes


async def lock_credential(conn: Connection, credential_id: UUID) -> None:
    """Until the end of the transaction, also while there is no badge yet."""
    await conn.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, $2))", str(credential_id), SEED
    )


async def has_badge(conn: Connection, credential_id: UUID) -> bool:
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM badges WHERE credential_id = $1)", credential_id
    )
    return found


async def select_facts(conn: Connection, credential_id: UUID) -> Facts | None:
    row = await conn.fetchrow(
        """SELECT credential.id AS credential_id, engagement_id, holder_id, credential.state,
                  credential.skills, attested_skills, attested_at IS NOT NULL AS attested,
                  engagement.state AS engagement_state, started_at, ended_at,
                  (SELECT count(*) FROM gateway.public_milestones AS milestone
                    WHERE milestone.engagement_id = engagement.id
                      AND milestone.state = 'accepted') AS accepted_milestones,
                  (SELECT count(*) FROM gateway.public_milestones AS milestone
                    WHERE milestone.engagement_id = engagement.id
                      AND milestone.state NOT IN ('accepted', 'cancelled')) AS open_milestones,
                  title, hours, language, organization.id AS organization_id,
                  organization.name AS organization_name, website
             FROM gateway.public_credentials   AS credential
             JOIN gateway.public_engagements   AS engagement ON engagement.id = engagement_id
             JOIN gateway.public_projects      AS project ON project.id = credential.project_id
             JOIN gateway.public_organizations AS organization
               ON organization.id = credential.organization_id
            WHERE credential.id = $1""",
        credential_id,
    )
    return _facts(row, await _select_works(conn, row["engagement_id"])) if row else None


async def _select_works(conn: Connection, engagement_id: UUID) -> tuple[Work, ...]:
    rows = await conn.fetch(
        """SELECT title, sha256, submitted_at FROM gateway.public_evidence
            WHERE engagement_id = $1 ORDER BY position, sha256""",
        engagement_id,
    )
    return tuple(Work(**dict(row)) for row in rows)


def _facts(row: asyncpg.Record, works: tuple[Work, ...]) -> Facts:
    known: dict[str, Any] = dict(row)
    known["language"] = Language(known["language"])
    for name in ("skills", "attested_skills"):
        known[name] = tuple(known[name])
    return Facts(**known, works=works)


async def select_email(conn: Connection, person_id: UUID) -> str | None:
    """Only to be hashed."""
    email: str | None = await conn.fetchval(
        "SELECT email FROM gateway.public_people WHERE id = $1", person_id
    )
    return email


async def select_newest_lists(conn: Connection, *, sandbox: bool) -> tuple[int | None, int]:
    """The newest of its kind, and the newest number of all."""
    row = await conn.fetchrow(
        """SELECT max(id) FILTER (WHERE sandbox = $1) AS own, coalesce(max(id), 0) AS any
             FROM status_lists""",
        sandbox,
    )
    assert row is not None
    return row["own"], row["any"]


async def insert_list(conn: Connection, *, list_id: int, purpose: str, sandbox: bool) -> None:
    await conn.execute(
        """INSERT INTO status_lists (id, purpose, sandbox) VALUES ($1, $2, $3)
               ON CONFLICT DO NOTHING""",
        list_id,
        purpose,
        sandbox,
    )


async def select_free_place(conn: Connection, *, list_id: int, wanted: Sequence[int]) -> int | None:
    index: int | None = await conn.fetchval(
        """SELECT index FROM unnest($2::integer[]) AS wanted (index)
            WHERE NOT EXISTS (SELECT FROM badges
                               WHERE status_list_id = $1 AND status_index = index)
            LIMIT 1""",
        list_id,
        wanted,
    )
    return index


async def insert_badge(conn: Connection, badge: NewBadge) -> bool:
    """Return False when the place in the status list was taken meanwhile."""
    inserted = await conn.fetchval(
        """INSERT INTO badges (id, credential_id, engagement_id, achievement_slug,
                               achievement_version, salt, status_list_id, status_index, url,
                               created_at, correlation_id, causation_id, tenant, ahead,
                               unsigned)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
           ON CONFLICT (status_list_id, status_index) DO NOTHING
             RETURNING true""",
        *astuple(badge),
    )
    return inserted is not None


async def lock_waiting_badges(conn: Connection, limit: int, *, sandbox: bool) -> list[WaitingBadge]:
    """Only with a published status list, else whoever checks the new badge would find none."""
    rows = await conn.fetch(
        """SELECT badges.id, credential_id, url, created_at, correlation_id, causation_id, tenant,
                  ahead, unsigned
             FROM badges
             JOIN status_lists ON status_lists.id = status_list_id
                              AND status_lists.document IS NOT NULL
            WHERE badges.document IS NULL AND withdrawn_at IS NULL AND refusal IS NULL
              AND (tenant <> $2) = $3
            ORDER BY badges.id LIMIT $1
              FOR UPDATE OF badges SKIP LOCKED""",
        limit,
        REAL,
        sandbox,
    )
    return [WaitingBadge(**dict(row)) for row in rows]


async def update_signed(
    conn: Connection, *, badge_id: UUID, document: bytes, now: datetime
) -> None:
    await conn.execute(
        "UPDATE badges SET document = $2, signed_at = $3, unsigned = NULL WHERE id = $1",
        badge_id,
        document,
        now,
    )


async def update_refusal(conn: Connection, *, badge_id: UUID, refusal: str) -> None:
    await conn.execute("UPDATE badges SET refusal = $2 WHERE id = $1", badge_id, refusal)


async def update_withdrawn(conn: Connection, *, credential_id: UUID, now: datetime) -> None:
    await conn.execute(
        """WITH withdrawn AS (
               UPDATE badges SET withdrawn_at = $2
                WHERE credential_id = $1 AND withdrawn_at IS NULL
            RETURNING status_list_id
           )
           UPDATE status_lists SET dirty = true FROM withdrawn WHERE id = status_list_id""",
        credential_id,
        now,
    )


async def lock_due_list(conn: Connection, *, signed_before: datetime, sandbox: bool) -> int | None:
    # Not FOR UPDATE: that would wait for every badge just being added to the list.
    list_id: int | None = await conn.fetchval(
        """SELECT id FROM status_lists
            WHERE sandbox = $2 AND (dirty OR signed_at <= $1)
            ORDER BY dirty DESC, signed_at NULLS FIRST LIMIT 1
              FOR NO KEY UPDATE SKIP LOCKED""",
        signed_before,
        sandbox,
    )
    return list_id


async def select_withdrawn_places(conn: Connection, list_id: int) -> list[int]:
    rows = await conn.fetch(
        "SELECT status_index FROM badges WHERE status_list_id = $1 AND withdrawn_at IS NOT NULL",
        list_id,
    )
    return [row["status_index"] for row in rows]


async def update_list(
    conn: Connection, *, list_id: int, document: bytes, signed_at: datetime, valid_until: datetime
) -> None:
    await conn.execute(
        """UPDATE status_lists SET document = $2, signed_at = $3, valid_until = $4, dirty = false
            WHERE id = $1""",
        list_id,
        document,
        signed_at,
        valid_until,
    )


async def upsert_achievement(
    conn: Connection,
    *,
    slug: str,
    version: int,
    language: str,
    sandbox: bool,
    document: bytes,
    image: str,
) -> None:
    await conn.execute(
        """INSERT INTO achievements (slug, version, language, sandbox, document, image)
                VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (slug, version, language, sandbox)
             DO UPDATE SET document = excluded.document, image = excluded.image""",
        slug,
        version,
        language,
        sandbox,
        document,
        image,
    )


async def upsert_issuer(
    conn: Connection, *, did: str, did_document: dict[str, Any], sandbox: bool, now: datetime
) -> None:
    await conn.execute(
        """INSERT INTO issuer (did, did_document, published_at, sandbox) VALUES ($1, $2, $3, $4)
           ON CONFLICT (did)
             DO UPDATE SET did_document = excluded.did_document,
                           published_at = excluded.published_at""",
        did,
        did_document,
        now,
        sandbox,
    )
