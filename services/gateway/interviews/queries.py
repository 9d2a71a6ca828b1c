from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from shared import clock
from shared.database import Connection
from shared.ids import new_id


@dataclass(frozen=True)
class Slot:
    id: UUID
    application_id: UUID
    starts_at: datetime
    minutes: int
    place: str
    offered_at: datetime
    booked_at: datetime | None


SELECT_SLOT = """
    SELECT id, application_id, starts_at, minutes, place, offered_at, booked_at
      FROM gateway.interview_slots
"""


def _slot(row: asyncpg.Record) -> Slot:
    return Slot(**dict(row))


async def insert_slots(
    conn: Connection,
    *,
    application_id: UUID,
    times: Sequence[datetime],
    minutes: int,
    place: str,
    offered_by: UUID,
) -> None:
    """A time offered before takes the new length and place."""
    await conn.execute(
        """INSERT INTO gateway.interview_slots
                  (id, application_id, starts_at, minutes, place, offered_by, offered_at)
           SELECT id, $3, starts_at, $4, $5, $6, $7
             FROM unnest($1::uuid[], $2::timestamptz[]) AS wanted (id, starts_at)
               ON CONFLICT (application_id, starts_at)
               DO UPDATE SET minutes = excluded.minutes, place = excluded.place,
                             offered_by = excluded.offered_by, offered_at = excluded.offered_at""",
        [new_id() for _ in times],
        times,
        application_id,
        minutes,
        place,
        offered_by,
        clock.now(),
    )


async def select_slots(conn: Connection, application_id: UUID) -> list[Slot]:
    rows = await conn.fetch(
        f"{SELECT_SLOT} WHERE application_id = $1 ORDER BY starts_at", application_id
    )
    return [_slot(row) for row in rows]


async def select_slot(conn: Connection, slot_id: UUID) -> Slot | None:
    row = await conn.fetchrow(f"{SELECT_SLOT} WHERE id = $1", slot_id)
    return _slot(row) if row else None


async def update_booked(conn: Connection, slot_id: UUID) -> None:
    await conn.execute(
        "UPDATE gateway.interview_slots SET booked_at = $2 WHERE id = $1", slot_id, clock.now()
    )
