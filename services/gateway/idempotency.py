"""A command sent twice with the same key is carried out once: the answer is kept in the
transaction that made it true. A refused command leaves no trace and may be sent again."""

import hashlib
from uuid import UUID

import asyncpg

from shared import clock
from shared.database import Connection
from shared.errors import Conflict, Invalid

LONGEST_KEY = 255


class OtherRequest(Invalid):
    """The key was used for another request."""

    code = "idempotency_key_reused"


def check_key(key: str) -> None:
    if not key or len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise Invalid(f"An Idempotency-Key is 1 to {LONGEST_KEY} printable ASCII characters.")


async def claim(
    conn: Connection, *, person_id: UUID, key: str, request: str, body: bytes
) -> asyncpg.Record | None:
    """Return the kept answer (status, etag, answer), or None when this is the first time.

    A twin under way is waited for, at most the lock time of the connection.
    """
    body_hash = hashlib.sha256(body).digest()
    try:
        first = await conn.fetchval(
            """INSERT INTO gateway.idempotency_keys
                           (person_id, key, request, body_hash, created_at)
                    VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT DO NOTHING
                 RETURNING true""",
            person_id,
            key,
            request,
            body_hash,
            clock.now(),
        )
    except asyncpg.LockNotAvailableError:
        raise Conflict("The same request is still being carried out. Ask again soon.") from None
    return None if first else await _kept(conn, person_id, key, request, body_hash)


async def _kept(
    conn: Connection, person_id: UUID, key: str, request: str, body_hash: bytes
) -> asyncpg.Record | None:
    row = await conn.fetchrow(
        """SELECT request, body_hash, status, etag, answer
             FROM gateway.idempotency_keys WHERE person_id = $1 AND key = $2""",
        person_id,
        key,
    )
    if row is None:
        raise Conflict("The same request was refused a moment ago. Send it again.")
    if row["request"] != request or row["body_hash"] != body_hash:
        raise OtherRequest("This Idempotency-Key was used for another request. Take a new one.")
    return row


async def keep(
    conn: Connection, *, person_id: UUID, key: str, status: int, etag: str | None, answer: object
) -> None:
    await conn.execute(
        """UPDATE gateway.idempotency_keys SET status = $3, etag = $4, answer = $5
            WHERE person_id = $1 AND key = $2""",
        person_id,
        key,
        status,
        etag,
        answer,
    )
