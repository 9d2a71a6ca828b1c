from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.gateway.freezes.moving import Freeze, HeldTimer, Moved
from services.gateway.lifecycles import Who
from services.gateway.timers.planning import Clock
from shared import clock
from shared.database import Connection
from shared.events.origin import current
from shared.ids import new_id

SELECT_FREEZE = """
    SELECT id, scope, coalesce(school_id::text, place) AS place,
           CASE WHEN school_id IS NOT NULL THEN place END AS school,
           person_id, starts_at, ends_at, reason, declared_at
      FROM gateway.freezes
"""


def _freeze(row: asyncpg.Record) -> Freeze:
    return Freeze(**dict(row))


async def insert_freeze(
    conn: Connection,
    *,
    scope: str,
    place: str | None,
    school_id: UUID | None,
    person_id: UUID | None,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    declared_by: UUID,
) -> Freeze:
    """`place` is what profiles and organizations hold: a region, or a school's name."""
    freeze_id = new_id()
    await conn.execute(
        """INSERT INTO gateway.freezes (id, scope, place, school_id, person_id, starts_at, ends_at,
                                        reason, declared_by, declared_at, tenant)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)""",
        freeze_id,
        scope,
        place,
        school_id,
        person_id,
        starts_at,
        ends_at,
        reason,
        declared_by,
        clock.now(),
        current().tenant,
    )
    freeze = await lock_freeze(conn, freeze_id)
    assert freeze is not None
    return freeze


async def lock_freeze(conn: Connection, freeze_id: UUID) -> Freeze | None:
    row = await conn.fetchrow(
        SELECT_FREEZE + "WHERE id = $1 AND tenant = $2 FOR NO KEY UPDATE",
        freeze_id,
        current().tenant,
    )
    return _freeze(row) if row else None


async def update_end(conn: Connection, freeze_id: UUID, ends_at: datetime) -> None:
    await conn.execute("UPDATE gateway.freezes SET ends_at = $2 WHERE id = $1", freeze_id, ends_at)


async def lock_person(conn: Connection, person_id: UUID) -> None:
    """Their freezes are counted one after the other."""
    await conn.execute("SELECT FROM gateway.people WHERE id = $1 FOR NO KEY UPDATE", person_id)


async def count_own(conn: Connection, person_id: UUID, *, since: datetime) -> int:
    """Freezes of this person that stopped a clock after `since`, or will."""
    found: int = await conn.fetchval(
        """SELECT count(*) FROM gateway.freezes
            WHERE person_id = $1 AND ends_at > $2 AND ends_at > starts_at""",
        person_id,
        since,
    )
    return found


async def select_places(conn: Connection, person_id: UUID) -> list[str]:
    """The regions and schools that this person belongs to, in small letters."""
    rows = await conn.fetch(
        """SELECT unnest(ARRAY[region, lower(school)]) AS place
             FROM gateway.profiles WHERE person_id = $1
            UNION
           SELECT CASE kind WHEN 'school' THEN lower(name) ELSE region END
             FROM gateway.organizations
             JOIN gateway.members ON organization_id = organizations.id
            WHERE members.person_id = $1""",
        person_id,
    )
    return [row["place"] for row in rows]


async def select_freezes(
    conn: Connection, *, viewer_id: UUID, places: Sequence[str], sees_all: bool
) -> list[Freeze]:
    """In force or announced, and of concern to this person."""
    rows = await conn.fetch(
        SELECT_FREEZE
        + """WHERE tenant = $1 AND ends_at > $2
               AND ($5 OR person_id = $3 OR declared_by = $3 OR lower(place) = ANY($4::text[]))
             ORDER BY starts_at, id LIMIT 200""",
        current().tenant,
        clock.now(),
        viewer_id,
        places,
        sees_all,
    )
    return [_freeze(row) for row in rows]


async def select_frozen(
    conn: Connection, *, since: datetime, people: Collection[UUID]
) -> list[Freeze]:
    """Every freeze that ends after `since`; of single persons, those of `people` alone."""
    rows = await conn.fetch(
        SELECT_FREEZE
        + """WHERE tenant = $1 AND ends_at > $2
               AND (person_id IS NULL OR person_id = ANY($3::uuid[]))""",
        current().tenant,
        since,
        list(people),
    )
    return [_freeze(row) for row in rows]


async def lock_timers(conn: Connection, freeze: Freeze) -> list[HeldTimer]:
    """Those that this freeze may move. A row that somebody holds is changing anyway, and what fires
    it computes its time anew."""
    rows = await conn.fetch(
        """SELECT timers.*, profiles.region AS applicant_region,
                  profiles.school AS applicant_school, organizations.region AS organization_region
             FROM gateway.timers
             LEFT JOIN gateway.profiles      ON profiles.person_id = timers.applicant_id
             LEFT JOIN gateway.organizations ON organizations.id = timers.organization_id
            WHERE timers.tenant = $1 AND greatest(timers.due_at, timers.ends_at) >= $2
              AND CASE $3
                      WHEN 'person' THEN timers.applicant_id = $4
                      WHEN 'school' THEN lower(profiles.school) = lower($5)
                      ELSE $5 IN (profiles.region, organizations.region)
                  END
            ORDER BY timers.id
              FOR UPDATE OF timers SKIP LOCKED""",
        current().tenant,
        freeze.starts_at,
        freeze.scope,
        freeze.person_id,
        freeze.school or freeze.place,
    )
    return [_held(row) for row in rows]


def _held(row: asyncpg.Record) -> HeldTimer:
    own = [name for name in HeldTimer.__dataclass_fields__ if name != "clock"]
    facts: dict[str, Any] = {name: row[name] for name in Clock.__dataclass_fields__}
    facts["waits_on"] = frozenset(Who(name) for name in facts["waits_on"])
    return HeldTimer(**{name: row[name] for name in own}, clock=Clock(**facts))


async def update_timers(conn: Connection, moved: Sequence[Moved]) -> None:
    await conn.execute(
        """UPDATE gateway.timers
              SET due_at = moved.due_at, ends_at = moved.ends_at, taken_until = NULL
             FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[])
                  AS moved (id, due_at, ends_at)
            WHERE timers.id = moved.id""",
        [each.id for each in moved],
        [each.due_at for each in moved],
        [each.ends_at for each in moved],
    )


async def select_multiplier(conn: Connection, person_id: UUID) -> float:
    found: float = await conn.fetchval(
        "SELECT clock_multiplier FROM gateway.people WHERE id = $1", person_id
    )
    return found


async def update_multiplier(conn: Connection, person_id: UUID, multiplier: float) -> None:
    await conn.execute(
        "UPDATE gateway.people SET clock_multiplier = $2 WHERE id = $1", person_id, multiplier
    )
