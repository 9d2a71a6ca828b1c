from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.gateway.lifecycles import Who
from services.gateway.timers.calendar import Span
from services.gateway.timers.planning import Clock, Pace
from shared import clock
from shared.database import Connection
from shared.events.origin import current
from shared.ids import new_id

LEASE = timedelta(seconds=15)


@dataclass(frozen=True)
class DueTimer:
    id: UUID
    record: str
    record_id: UUID
    state: str
    due_at: datetime
    ends_at: datetime
    correlation_id: UUID
    tenant: str
    clock: Clock
    ahead: timedelta = timedelta()

    @property
    def name(self) -> str:
        return self.clock.name


def _timer(row: asyncpg.Record) -> DueTimer:
    own = ("id", "record", "record_id", "state", "due_at", "ends_at", "correlation_id", "tenant")
    facts: dict[str, Any] = {name: row[name] for name in Clock.__dataclass_fields__}
    facts["waits_on"] = frozenset(Who(name) for name in facts["waits_on"])
    return DueTimer(**{name: row[name] for name in own}, clock=Clock(**facts))


async def select_pace(
    conn: Connection,
    *,
    applicant_id: UUID | None,
    organization_id: UUID | None,
    since: datetime,
) -> Pace:
    """Freezes that end after `since`."""
    rows = await conn.fetch(
        """SELECT people.clock_multiplier, freezes.starts_at, freezes.ends_at,
                  freezes.person_id IS NOT NULL
                  OR (scope = 'region' AND place = profiles.region)
                  OR (scope = 'school' AND lower(place) = lower(profiles.school)) AS for_applicant,
                  scope = 'region' AND place = organizations.region AS for_organization
             FROM (SELECT $1::uuid AS applicant_id, $2::uuid AS organization_id) AS side
             LEFT JOIN gateway.people        ON people.id = applicant_id
             LEFT JOIN gateway.profiles      ON profiles.person_id = applicant_id
             LEFT JOIN gateway.organizations ON organizations.id = side.organization_id
             LEFT JOIN gateway.freezes       ON freezes.ends_at > $3
                                            AND freezes.tenant = $4
                                            AND (freezes.person_id IS NULL
                                                 OR freezes.person_id = applicant_id)""",
        applicant_id,
        organization_id,
        since,
        current().tenant,
    )
    return Pace(
        multiplier=rows[0]["clock_multiplier"] or 1,
        applicant_frozen=_spans(rows, "for_applicant"),
        organization_frozen=_spans(rows, "for_organization"),
    )


def _spans(rows: Sequence[asyncpg.Record], side: str) -> tuple[Span, ...]:
    return tuple(Span(row["starts_at"], row["ends_at"]) for row in rows if row[side])


async def delete_timers(conn: Connection, record_id: UUID) -> None:
    await conn.execute("DELETE FROM gateway.timers WHERE record_id = $1", record_id)


async def insert_timers(
    conn: Connection,
    *,
    record: str,
    record_id: UUID,
    state: str,
    clocks: Iterable[Clock],
    pace: Pace,
) -> None:
    rows = [_values(each, pace) for each in clocks]
    if not rows:
        return
    origin = current()
    await conn.execute(
        """INSERT INTO gateway.timers
                  (id, record, record_id, state, name, is_reminder, waits_on, starts_at, days,
                   rings_after, days_before, days_again, working, not_after, due_at, ends_at,
                   applicant_id, organization_id, correlation_id, tenant)
           SELECT id, $2, $3, $4, name, is_reminder, waits_on, starts_at, days, rings_after,
                  days_before, days_again, working, not_after, due_at, ends_at, applicant_id,
                  organization_id, $5, $6
             FROM jsonb_to_recordset($1) AS clock
                  (id uuid, name text, is_reminder boolean, waits_on text[], starts_at timestamptz,
                   days double precision, rings_after double precision,
                   days_before double precision, days_again double precision, working boolean,
                   not_after timestamptz, due_at timestamptz, ends_at timestamptz,
                   applicant_id uuid, organization_id uuid)""",
        rows,
        record,
        record_id,
        state,
        origin.correlation_id,
        origin.tenant,
    )


def _values(each: Clock, pace: Pace) -> dict[str, Any]:
    frozen = pace.frozen(each)
    facts = asdict(each) | {
        "id": new_id(),
        "waits_on": sorted(each.waits_on),
        "due_at": each.due_at(frozen),
        "ends_at": each.ends_at(frozen),
    }
    return {
        name: str(value) if isinstance(value, UUID | datetime) else value
        for name, value in facts.items()
    }


async def claim_due(conn: Connection, limit: int) -> list[DueTimer]:
    """The longest due first, in hand for as long as the lease."""
    rows = await conn.fetch(
        """WITH due AS (
               SELECT id FROM gateway.timers
                WHERE due_at <= $1 AND NOT tenant ^@ 'sandbox-'
                  AND (taken_until IS NULL OR taken_until < $1)
                ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
           )
           UPDATE gateway.timers SET taken_until = $2
             FROM due WHERE timers.id = due.id
        RETURNING timers.*""",
        clock.now(),
        clock.now() + LEASE,
        limit,
    )
    return sorted((_timer(row) for row in rows), key=lambda timer: timer.due_at)


async def claim_due_in_sandboxes(conn: Connection, limit: int) -> list[DueTimer]:
    """By each sandbox's own time, unless somebody is moving its clock."""
    rows = await conn.fetch(
        """WITH due AS (
               SELECT timers.id, ahead
                 FROM gateway.timers JOIN gateway.sandboxes USING (tenant)
                WHERE due_at <= $1::timestamptz + ahead
                  AND (moving_until IS NULL OR moving_until < $1)
                  AND (taken_until IS NULL OR taken_until < $1)
                ORDER BY due_at LIMIT $3 FOR UPDATE OF timers SKIP LOCKED
           )
           UPDATE gateway.timers SET taken_until = $2
             FROM due WHERE timers.id = due.id
        RETURNING timers.*, due.ahead""",
        clock.now(),
        clock.now() + LEASE,
        limit,
    )
    found = [replace(_timer(row), ahead=row["ahead"]) for row in rows]
    return sorted(found, key=lambda timer: timer.due_at)


async def take_timer(conn: Connection, timer_id: UUID) -> bool:
    """Whether it is still there to be fired; under the lock of its record."""
    taken = await conn.fetchval("DELETE FROM gateway.timers WHERE id = $1 RETURNING true", timer_id)
    return bool(taken)


async def update_due(
    conn: Connection, timer_id: UUID, *, due_at: datetime, ends_at: datetime
) -> None:
    await conn.execute(
        "UPDATE gateway.timers SET due_at = $2, ends_at = $3, taken_until = NULL WHERE id = $1",
        timer_id,
        due_at,
        ends_at,
    )


async def select_next(conn: Connection, *, tenant: str, until: datetime) -> DueTimer | None:
    """The first of one tenant to ring, at `until` or before."""
    row = await conn.fetchrow(
        """SELECT * FROM gateway.timers
            WHERE tenant = $1 AND due_at <= $2 ORDER BY due_at, id LIMIT 1""",
        tenant,
        until,
    )
    return _timer(row) if row else None


async def select_clockless(
    conn: Connection, waiting: Iterable[tuple[str, str]], limit: int
) -> list[tuple[str, UUID]]:
    """Records in one of these (record, state) whose deadline is missing."""
    records, states = zip(*waiting, strict=True)
    rows = await conn.fetch(
        """SELECT records.record, records.id
             FROM gateway.records
             JOIN unnest($1::text[], $2::text[]) AS waiting (record, state) USING (record, state)
            WHERE NOT EXISTS (SELECT FROM gateway.timers
                               WHERE record_id = records.id AND NOT is_reminder)
            LIMIT $3""",
        records,
        states,
        limit,
    )
    return [(row["record"], row["id"]) for row in rows]


async def select_timers(conn: Connection, record_ids: Collection[UUID]) -> list[DueTimer]:
    rows = await conn.fetch(
        "SELECT * FROM gateway.timers WHERE record_id = ANY($1) ORDER BY due_at", record_ids
    )
    return [_timer(row) for row in rows]


async def select_lateness(conn: Connection) -> float:
    """Seconds since the longest due timer was due."""
    seconds: float = await conn.fetchval(
        """SELECT coalesce(extract(epoch FROM $1 - min(due_at)), 0)::float8
             FROM gateway.timers WHERE due_at <= $1 AND NOT tenant ^@ 'sandbox-'""",
        clock.now(),
    )
    return seconds
