from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from services.gateway.tokens import LIFETIME
from services.gateway.viewer import Viewer
from shared import clock
from shared.database import Connection
from shared.ids import new_id


@dataclass(frozen=True)
class Person:
    id: UUID
    email: str
    password_hash: str
    name: str
    locale: str
    duties: list[str]
    joined_at: datetime


def _person(row: asyncpg.Record | None) -> Person | None:
    return Person(**dict(row)) if row else None


async def insert_person(
    conn: Connection, *, email: str, password_hash: str, name: str, locale: str
) -> Person | None:
    """Return None when the address is taken."""
    row = await conn.fetchrow(
        """INSERT INTO gateway.people (id, email, password_hash, name, locale, joined_at)
                VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (lower(email)) DO NOTHING
             RETURNING id, email, password_hash, name, locale, duties, joined_at""",
        new_id(),
        email,
        password_hash,
        name,
        locale,
        clock.now(),
    )
    return _person(row)


async def select_person(conn: Connection, person_id: UUID) -> Person | None:
    row = await conn.fetchrow(
        """SELECT id, email, password_hash, name, locale, duties, joined_at
             FROM gateway.people WHERE id = $1""",
        person_id,
    )
    return _person(row)


async def select_person_by_email(conn: Connection, email: str) -> Person | None:
    """Of the tenant that this connection works for."""
    row = await conn.fetchrow(
        """SELECT id, email, password_hash, name, locale, duties, joined_at
             FROM gateway.people WHERE lower(email) = lower($1) AND tenant = gateway.tenant()""",
        email,
    )
    return _person(row)


async def add_duty(conn: Connection, *, email: str, duty: str) -> bool:
    """Return whether there is such a person."""
    found = await conn.fetchval(
        """UPDATE gateway.people
              SET duties = ARRAY(SELECT DISTINCT unnest(duties || $2::text) ORDER BY 1)
            WHERE lower(email) = lower($1)
        RETURNING true""",
        email,
        duty,
    )
    return bool(found)


async def insert_session(conn: Connection, *, token_hash: bytes, person_id: UUID) -> None:
    now = clock.now()
    await conn.execute(
        """INSERT INTO gateway.sessions (token_hash, person_id, created_at, expires_at)
                VALUES ($1, $2, $3, $4)""",
        token_hash,
        person_id,
        now,
        now + LIFETIME,
    )


async def delete_session(conn: Connection, token_hash: bytes) -> None:
    await conn.execute("DELETE FROM gateway.sessions WHERE token_hash = $1", token_hash)


async def select_viewers(conn: Connection, token_hashes: Collection[bytes]) -> dict[bytes, Viewer]:
    """By the hash of their token; without those whose session has ended."""
    rows = await conn.fetch(
        """SELECT token_hash, people.id, people.duties, people.tenant, sandboxes.ahead
             FROM gateway.sessions
             JOIN gateway.people         ON people.id = sessions.person_id
             LEFT JOIN gateway.sandboxes ON sandboxes.tenant = people.tenant
            WHERE token_hash = ANY($1) AND expires_at > $2""",
        token_hashes,
        clock.now(),
    )
    return {row["token_hash"]: _viewer(row) for row in rows}


def _viewer(row: asyncpg.Record) -> Viewer:
    return Viewer(row["id"], frozenset(row["duties"]), row["tenant"], row["ahead"] or timedelta())
