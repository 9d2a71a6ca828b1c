import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.gateway.freezes import queries, rules
from services.gateway.freezes.moving import Freeze, moved
from services.gateway.freezes.rules import Reason, Scope
from services.gateway.organizations.queries import select_organization, select_role
from services.gateway.viewer import Viewer
from shared import clock, messaging
from shared.database import Connection
from shared.errors import NotFound
from shared.events.freezes import ClocksFrozen, ClocksThawed, FreezeEvent


@dataclass(frozen=True)
class Whom:
    place: str | None = None
    school_id: UUID | None = None
    person_id: UUID | None = None


async def declare(
    conn: Connection,
    *,
    viewer: Viewer,
    scope: Scope,
    place: str | None,
    starts_at: datetime | None,
    ends_at: datetime,
    reason: Reason,
) -> tuple[Freeze, int]:
    """Return the freeze and how many timers it moved."""
    async with conn.transaction():
        now = clock.now()
        start = starts_at or now
        whom = await _whom(conn, viewer, scope, place)
        rules.check_window(scope, starts_at=start, ends_at=ends_at, now=now)
        if scope is Scope.PERSON:
            await _check_allowance(conn, viewer.id, now)
        freeze = await queries.insert_freeze(
            conn,
            scope=scope,
            place=whom.place,
            school_id=whom.school_id,
            person_id=whom.person_id,
            starts_at=start,
            ends_at=ends_at,
            reason=reason,
            declared_by=viewer.id,
        )
        count = await _move_timers(conn, freeze)
        await _say(conn, ClocksFrozen, freeze, count)
    return freeze, count


async def end(conn: Connection, *, freeze_id: UUID, viewer: Viewer) -> tuple[Freeze, int]:
    """Before its time; one that has not begun never was."""
    async with conn.transaction():
        freeze = await queries.lock_freeze(conn, freeze_id)
        if freeze is None or freeze.person_id not in {None, viewer.id}:
            raise NotFound("No such freeze.")
        await _whom(conn, viewer, Scope(freeze.scope), None if freeze.person_id else freeze.place)
        now = clock.now()
        rules.check_not_over(freeze.ends_at, now)
        freeze = replace(freeze, ends_at=max(now, freeze.starts_at))
        await queries.update_end(conn, freeze.id, freeze.ends_at)
        count = await _move_timers(conn, freeze)
        await _say(conn, ClocksThawed, freeze, count)
    return freeze, count


async def _whom(conn: Connection, viewer: Viewer, scope: Scope, place: str | None) -> Whom:
    """Whose clocks these are, if this person may stop them."""
    match scope:
        case Scope.REGION:
            rules.check_may_freeze_region(moderates=viewer.moderates)
            return Whom(place=rules.check_region(place))
        case Scope.SCHOOL:
            return await _school(conn, viewer, place)
        case Scope.PERSON:
            rules.check_no_place(place)
            return Whom(person_id=viewer.id)


async def _school(conn: Connection, viewer: Viewer, place: str | None) -> Whom:
    school_id = rules.check_school_id(place)
    school = await select_organization(conn, school_id)
    if school is None or school.kind != "school":
        raise rules.no_school()
    role = await select_role(conn, organization_id=school_id, person_id=viewer.id)
    rules.check_may_freeze_school(is_member=role is not None, duties=viewer.duties)
    return Whom(place=school.name, school_id=school_id)


async def _check_allowance(conn: Connection, person_id: UUID, now: datetime) -> None:
    await queries.lock_person(conn, person_id)
    since = now - rules.ALLOWANCE_PERIOD
    rules.check_allowance(await queries.count_own(conn, person_id, since=since))


async def _move_timers(conn: Connection, freeze: Freeze) -> int:
    timers = await queries.lock_timers(conn, freeze)
    if not timers:
        return 0
    people = {timer.clock.applicant_id for timer in timers} - {None}
    freezes = await queries.select_frozen(
        conn,
        since=min(timer.clock.starts_at for timer in timers),
        people=[person for person in people if person],
    )
    # Thousands of timers take a second: beside the loop.
    found = await asyncio.to_thread(moved, timers, freezes)
    await queries.update_timers(conn, found)
    return len(found)


async def _say(conn: Connection, event: type[FreezeEvent], freeze: Freeze, timers: int) -> None:
    """Why a person stopped their clocks, and who it was, is nobody else's business."""
    is_own = freeze.person_id is not None
    said = event(
        freeze_id=freeze.id,
        scope=freeze.scope,
        place=freeze.place,
        starts_at=freeze.starts_at,
        ends_at=freeze.ends_at,
        reason=None if is_own else freeze.reason,
        timers=timers,
    )
    await messaging.record(conn, said)
