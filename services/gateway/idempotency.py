"""A command sent twice with the same key is carried out once: the answer is kept in the
transaction that made it true. A refused command leaves no trace and may be sent again."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from uuid import UUID

import asyncpg

from shared import clock
from shared.database import Connection
from shared.errors import Conflict, Invalid, Refusal

LONGEST_KEY = 255


class OtherRequest(Invalid):
    """The key was used for another request."""

    code = "idempotency_key_reused"


@dataclass(frozen=True)
class Claim:
    person_id: UUID
    key: str
    request: str
    body_hash: bytes

    @classmethod
    def of(cls, *, person_id: UUID, key: str, request: str, body: bytes) -> Self:
        if not key or len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
            raise Invalid(f"An Idempotency-Key is 1 to {LONGEST_KEY} printable ASCII characters.")
        return cls(person_id, key, request, hashlib.sha256(body).digest())

    @property
    def place(self) -> tuple[UUID, str]:
        return self.person_id, self.key


@dataclass(frozen=True)
class Kept:
    """The answer to a claim; `text` is JSON."""

    status: int
    etag: str | None
    text: str | None


async def claim_all(conn: Connection, claims: Sequence[Claim]) -> list[Kept | Refusal | None]:
    """The kept answer of each, or None when this is the first time.

    A twin under way is waited for, at most the lock time of the connection.
    """
    if not claims:
        return []
    try:
        first = await _insert(conn, sorted(claims, key=lambda claim: claim.place))
    except asyncpg.LockNotAvailableError:
        if len(claims) > 1:
            raise
        raise Conflict("The same request is still being carried out. Ask again soon.") from None
    again = [claim for claim in claims if claim.place not in first]
    kept = await _select(conn, again) if again else {}
    return [None if each.place in first else _answer_to(each, kept) for each in claims]


async def find(conn: Connection, claim: Claim) -> Kept | Refusal | None:
    """What `claim_all` would say of a key that was used before; None of one that was not."""
    kept = await _select(conn, [claim])
    return _answer_to(claim, kept) if kept else None


async def keep_all(conn: Connection, answers: Sequence[tuple[Claim, Kept]]) -> None:
    if not answers:
        return
    await conn.execute(
        """UPDATE gateway.idempotency_keys AS kept
              SET status = given.status, etag = given.etag, answer = given.answer::jsonb
             FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::text[], $5::text[])
                  AS given (person_id, key, status, etag, answer)
            WHERE kept.person_id = given.person_id AND kept.key = given.key""",
        *zip(
            *((*claim.place, kept.status, kept.etag, kept.text) for claim, kept in answers),
            strict=True,
        ),
    )


async def release_all(conn: Connection, claims: Sequence[Claim]) -> None:
    """Of commands that were refused while their neighbours were not."""
    if not claims:
        return
    await conn.execute(
        """DELETE FROM gateway.idempotency_keys AS kept
            USING unnest($1::uuid[], $2::text[]) AS refused (person_id, key)
            WHERE kept.person_id = refused.person_id AND kept.key = refused.key""",
        *zip(*(claim.place for claim in claims), strict=True),
    )


async def _insert(conn: Connection, claims: Sequence[Claim]) -> set[tuple[UUID, str]]:
    """Return the places that nobody had claimed."""
    rows = await conn.fetch(
        """INSERT INTO gateway.idempotency_keys (person_id, key, request, body_hash, created_at)
           SELECT person_id, key, request, body_hash, $5
             FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[])
                  AS claim (person_id, key, request, body_hash)
               ON CONFLICT DO NOTHING
        RETURNING person_id, key""",
        *zip(*((*each.place, each.request, each.body_hash) for each in claims), strict=True),
        clock.now(),
    )
    return {(row["person_id"], row["key"]) for row in rows}


async def _select(
    conn: Connection, claims: Sequence[Claim]
) -> dict[tuple[UUID, str], asyncpg.Record]:
    rows = await conn.fetch(
        """SELECT person_id, key, request, body_hash, status, etag, answer::text AS answer
             FROM gateway.idempotency_keys
             JOIN unnest($1::uuid[], $2::text[]) AS claim (person_id, key) USING (person_id, key)""",
        *zip(*(claim.place for claim in claims), strict=True),
    )
    return {(row["person_id"], row["key"]): row for row in rows}


def _answer_to(claim: Claim, kept: dict[tuple[UUID, str], asyncpg.Record]) -> Kept | Refusal:
    row = kept.get(claim.place)
    if row is None:
        return Conflict("The same request was refused a moment ago. Send it again.")
    if row["request"] != claim.request or row["body_hash"] != claim.body_hash:
        return OtherRequest("This Idempotency-Key was used for another request. Take a new one.")
    return Kept(row["status"], row["etag"], row["answer"])
