from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

import asyncpg

from services.gateway.lifecycles import Who
from services.gateway.timers.calendar import Span
from services.gateway.timers.planning import Alarm, Clock, Pace
from shared import clock
from shared.database import Connection
from shared.events.origin import Origin, current
from shared.ids import new_id

LEASE = timedelta(seconds=8)


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


@dataclass(frozen=True)
class Sides:
    """Those between whom a clock runs; a freeze that ends after `since` may matter to it."""

    applicant_id: UUID | None
    organization_id: UUID | None
    since: datetime


async def select_pace(
    conn: Connection,
    *,
    applicant_id: UUID | None,
    organization_id: UUID | None,
    since: datetime,
) -> Pace:
    (pace,) = await select_paces(conn, [Sides(applicant_id, organization_id, since)])
    return pace


async def select_paces(conn: Connection, all_sides: Sequence[Sides]) -> list[Pace]:
    """One for each, in their order."""
    rows = await conn.fetch(
        """SELECT number, people.clock_multiplier, freezes.starts_at, freezes.ends_at,
                  freezes.person_id IS NOT NULL
                  OR (scope = 'region' AND place = profiles.region)
                  OR (scope = 'school' AND lower(place) = lower(profiles.school)) AS for_applicant,
                  scope = 'region' AND place = organizations.region AS for_organization
             FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[])
                  WITH ORDINALITY AS sides (applicant_id, organization_id, since, number)
             LEFT JOIN gateway.people        ON people.id = applicant_id
             LEFT JOIN gateway.profiles      ON profiles.person_id = applicant_id
             LEFT JOIN gateway.organizations ON organizations.id = sides.organization_id
             LEFT JOIN gateway.freezes       ON freezes.ends_at > sides.since
                                            AND freezes.tenant = $4
                                            AND (freezes.person_id IS NULL
                                                 OR freezes.person_id = applicant_id)
            ORDER BY number""",
        [sides.applicant_id for sides in all_sides],
        [sides.organization_id for sides in all_sides],
        [sides.since for sides in all_sides],
        current().tenant,
    )
    return [_pace(list(found)) for _, found in groupby(rows, key=lambda row: row["number"])]


def _pace(rows: Sequence[asyncpg.Record]) -> Pace:
    return Pace(
        multiplier=rows[0]["clock_multiplier"] or 1,
        applicant_frozen=_spans(rows, "for_applicant"),
        organization_frozen=_spans(rows, "for_organization"),
    )


def _spans(rows: Sequence[asyncpg.Record], side: str) -> tuple[Span, ...]:
    return tuple(Span(row["starts_at"], row["ends_at"]) for row in rows if row[side])


async def delete_timers(conn: Connection, record_ids: Collection[UUID]) -> None:
    await conn.execute("DELETE FROM gateway.timers WHERE record_id = ANY($1)", record_ids)


@dataclass(frozen=True)
class Hung:
    """The alarms of one record in its state, and the request or event that they go back to."""

    record: str
    record_id: UUID
    state: str
    alarms: Sequence[Alarm]
    origin: Origin


async def insert_timers(
    conn: Connection,
    *,
    record: str,
    record_id: UUID,
    state: str,
    clocks: Iterable[Clock],
    pace: Pace,
) -> None:
    alarms = [each.set(pace) for each in clocks]
    await insert_alarms(conn, [Hung(record, record_id, state, alarms, current())])


async def insert_alarms(conn: Connection, hung: Iterable[Hung]) -> None:
    rows = [_values(each, alarm) for each in hung for alarm in each.alarms]
    if not rows:
        return
    await conn.execute(
        """INSERT INTO gateway.timers
                  (id, record, record_id, state, correlation_id, tenant, due_at, ends_at, name,
                   is_reminder, waits_on, starts_at, days, rings_after, days_before, days_again,
                   working, not_after, applicant_id, organization_id)
           SELECT id, record, record_id, state, correlation_id, tenant, due_at, ends_at, name,
                  is_reminder, string_to_array(waits_on, ','), starts_at, days, rings_after,
                  days_before, days_again, working, not_after, applicant_id, organization_id
             FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::uuid[], $6::text[],
                         $7::timestamptz[], $8::timestamptz[], $9::text[], $10::boolean[],
                         $11::text[], $12::timestamptz[], $13::float8[], $14::float8[],
                         $15::float8[], $16::float8[], $17::boolean[], $18::timestamptz[],
                         $19::uuid[], $20::uuid[])
                  AS alarm (id, record, record_id, state, correlation_id, tenant, due_at, ends_at,
                            name, is_reminder, waits_on, starts_at, days, rings_after, days_before,
                            days_again, working, not_after, applicant_id, organization_id)""",
        *zip(*rows, strict=True),
    )


def _values(hung: Hung, alarm: Alarm) -> tuple[Any, ...]:
    each = alarm.clock
    return (
        new_id(),
        hung.record,
        hung.record_id,
        hung.state,
        hung.origin.correlation_id,
        hung.origin.tenant,
        alarm.due_at,
        alarm.ends_at,
        each.name,
        each.is_reminder,
        ",".join(sorted(each.waits_on)),
        each.starts_at,
        each.days,
        each.rings_after,
        each.days_before,
        each.days_again,
        each.working,
        each.not_after,
        each.applicant_id,
        each.organization_id,
    )


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
