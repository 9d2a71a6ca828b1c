from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared import clock
from shared.database import Connection
from shared.ids import new_id


@dataclass(frozen=True)
class Proposal:
    id: UUID
    command: str
    terms: dict[str, Any]
    party: str
    person_id: UUID
    made_at: datetime


async def select_proposal(conn: Connection, record_id: UUID, command: str) -> Proposal | None:
    """The row of the record itself is locked by whoever asks."""
    row = await conn.fetchrow(
        """SELECT id, command, terms, party, person_id, made_at
             FROM gateway.proposals WHERE record_id = $1 AND command = $2""",
        record_id,
        command,
    )
    return _proposal(row) if row else None


async def upsert_proposal(
    conn: Connection,
    *,
    record: str,
    record_id: UUID,
    command: str,
    terms: dict[str, Any],
    party: str,
    person_id: UUID,
) -> Proposal:
    row = await conn.fetchrow(
        """INSERT INTO gateway.proposals
                  (id, record, record_id, command, terms, party, person_id, made_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (record_id, command) DO UPDATE
              SET id = EXCLUDED.id, terms = EXCLUDED.terms, party = EXCLUDED.party,
                  person_id = EXCLUDED.person_id, made_at = EXCLUDED.made_at
        RETURNING id, command, terms, party, person_id, made_at""",
        new_id(),
        record,
        record_id,
        command,
        terms,
        party,
        person_id,
        clock.now(),
    )
    assert row is not None
    return _proposal(row)


async def delete_proposal(conn: Connection, proposal_id: UUID) -> None:
    await conn.execute("DELETE FROM gateway.proposals WHERE id = $1", proposal_id)


def _proposal(row: asyncpg.Record) -> Proposal:
    return Proposal(**dict(row))
