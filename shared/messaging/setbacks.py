"""What went wrong with an event, kept in the room's own tables: for operators, for those who look
whether all is heard, and to know a message that kills whoever handles it."""

from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

from shared import clock
from shared.database import Connection, Database
from shared.events.base import Event

LONGEST_REASON = 500


class Setback(StrEnum):
    TRYING = "trying"
    WAITING = "waiting"
    DEAD = "dead"


async def note(
    conn: Connection | Database, event_ids: Sequence[UUID], state: Setback, reason: str
) -> dict[UUID, int]:
    """Return how often this has gone wrong with each, with this time."""
    rows = await conn.fetch(
        """INSERT INTO setbacks (event_id, tries, state, reason, at)
           SELECT DISTINCT event_id, 1, $2, $3, $4::timestamptz
             FROM unnest($1::uuid[]) AS troubled (event_id) ORDER BY event_id
               ON CONFLICT (event_id)
               DO UPDATE SET tries = CASE WHEN setbacks.state = excluded.state
                                          THEN setbacks.tries + 1 ELSE 1 END,
                             state = excluded.state, reason = excluded.reason, at = excluded.at
        RETURNING event_id, tries""",
        event_ids,
        state,
        reason[:LONGEST_REASON],
        clock.now(),
    )
    return {row["event_id"]: row["tries"] for row in rows}


async def mark_handled(conn: Connection, events: Sequence[Event]) -> set[UUID]:
    """Return the ids that were not handled before; whatever went wrong with them is over."""
    rows = await conn.fetch(
        """WITH over AS (
               DELETE FROM setbacks WHERE event_id = ANY((SELECT $1::uuid[])::uuid[])
           )
           INSERT INTO inbox (event_id, name, handled_at)
           SELECT event_id, name, $3
             FROM unnest((SELECT $1::uuid[]), $2::text[]) AS arrived (event_id, name)
            ORDER BY event_id
               ON CONFLICT DO NOTHING
        RETURNING event_id""",
        [event.envelope.id for event in events],
        [event.name for event in events],
        clock.now(),
    )
    return {row["event_id"] for row in rows}


async def hear(conn: Connection, names: Sequence[str]) -> None:
    """Say which events this room hears, from now on."""
    await conn.execute(
        """WITH unheard AS (
               DELETE FROM heard WHERE name <> ALL ($1::text[])
           )
           INSERT INTO heard (name, since)
           SELECT name, $2 FROM unnest($1::text[]) AS wanted (name)
               ON CONFLICT DO NOTHING""",
        names,
        clock.now(),
    )
