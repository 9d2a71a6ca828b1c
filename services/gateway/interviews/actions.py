from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from services.gateway.applications.moves import LIFE
from services.gateway.applications.queries import (
    Application,
    lock_application,
    select_application,
)
from services.gateway.interviews import queries, rules
from services.gateway.interviews.queries import Slot
from services.gateway.lifecycles import Who
from services.gateway.viewer import Viewer
from shared import clock
from shared.database import Connection
from shared.errors import Conflict, NotFound
from shared.events.applications import InterviewBooked, InterviewOffered


async def offer(
    conn: Connection,
    *,
    application_id: UUID,
    viewer: Viewer,
    times: Sequence[datetime],
    minutes: int,
    place: str,
) -> list[Slot]:
    """Offer times to talk, until one is booked."""
    async with conn.transaction():
        application = await _locked(conn, application_id, viewer)
        rules.check_may_offer(state=application.state, who=_roles(viewer, application))
        rules.check_times(times, now=clock.now())
        known = await queries.select_slots(conn, application_id)
        _check_unbooked(known)
        rules.check_room(offered=len({slot.starts_at for slot in known} | set(times)))
        await queries.insert_slots(
            conn,
            application_id=application_id,
            times=times,
            minutes=minutes,
            place=place,
            offered_by=viewer.id,
        )
        await LIFE.say(conn, application, InterviewOffered, actor=Who.EMPLOYER)
        return await queries.select_slots(conn, application_id)


async def book(conn: Connection, *, slot_id: UUID, viewer: Viewer) -> Slot:
    """Choose one of the times; of two choices at once, the first counts."""
    async with conn.transaction():
        slot = await queries.select_slot(conn, slot_id)
        if slot is None:
            raise NotFound("No such time.")
        application = await _locked(conn, slot.application_id, viewer)
        rules.check_may_book(state=application.state, who=_roles(viewer, application))
        rules.check_not_past(slot.starts_at, now=clock.now())
        _check_unbooked(await queries.select_slots(conn, application.id))
        await queries.update_booked(conn, slot_id)
        await LIFE.say(
            conn, application, InterviewBooked, actor=Who.APPLICANT, starts_at=slot.starts_at
        )
        booked = await queries.select_slot(conn, slot_id)
        assert booked is not None
        return booked


async def read(conn: Connection, *, application_id: UUID, viewer: Viewer) -> list[Slot]:
    await _party(conn, application_id, viewer)
    return await queries.select_slots(conn, application_id)


async def read_booked(
    conn: Connection, *, application_id: UUID, viewer: Viewer
) -> tuple[Application, Slot]:
    application = await _party(conn, application_id, viewer)
    slots = await queries.select_slots(conn, application_id)
    booked = next((slot for slot in slots if slot.booked_at), None)
    if booked is None:
        raise NotFound("No time to talk has been chosen yet.")
    return application, booked


async def _party(conn: Connection, application_id: UUID, viewer: Viewer) -> Application:
    """For the two sides alone: where they meet concerns nobody else."""
    application = await select_application(
        conn, application_id, viewer_id=viewer.id, moderates=False
    )
    if application is None:
        raise NotFound("No such application.")
    return application


async def _locked(conn: Connection, application_id: UUID, viewer: Viewer) -> Application:
    application = await lock_application(conn, application_id, viewer_id=viewer.id, moderates=False)
    if application is None:
        raise NotFound("No such application.")
    return application


def _check_unbooked(slots: Sequence[Slot]) -> None:
    booked = next((slot for slot in slots if slot.booked_at), None)
    if booked is not None:
        at = booked.starts_at.astimezone(UTC).isoformat(timespec="minutes")
        raise Conflict(f"A time to talk is chosen already: {at}.", slot_id=str(booked.id))


def _roles(viewer: Viewer, application: Application) -> frozenset[Who]:
    return viewer.roles(applicant=application.is_applicant, employer=application.is_employer)
