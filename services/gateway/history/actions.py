from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from services.gateway.history import queries, rules
from services.gateway.history.queries import Badge, Delivery, Handled, Said, Step, Told
from services.gateway.history.records import Seen, see
from services.gateway.history.sentences import preferred
from services.gateway.viewer import Viewer
from shared.database import Connection
from shared.errors import NotFound

STRANGERS_LOCALE = "en"


UNKNOWN = "Nothing is known of this id. Give that of a record, an event or a request."


@dataclass(frozen=True)
class History:
    """`told` has for each step what this viewer was told of it."""

    seen: Seen
    steps: list[Step]
    told: dict[UUID, list[Told]]
    locale: str


@dataclass(frozen=True)
class Path:
    said: list[Said]
    handled: list[Handled]
    deliveries: list[Delivery]
    badges: list[Badge]
    more: bool


async def read_history(
    conn: Connection,
    record: str,
    record_id: UUID,
    *,
    viewer: Viewer | None,
    accept_language: str,
    after: UUID | None,
    limit: int,
) -> History:
    """One step more than `limit` when there are more."""
    seen = await see(conn, record, record_id, viewer)
    own = await queries.select_locale(conn, viewer.id) if viewer else STRANGERS_LOCALE
    names = rules.visible(seen.machine, seen.side)
    steps = await queries.select_steps(conn, record_id, names=names, after=after, limit=limit)
    told = await _told(conn, steps, viewer)
    return History(seen, steps, told, preferred(accept_language, own))


async def _told(
    conn: Connection, steps: list[Step], viewer: Viewer | None
) -> dict[UUID, list[Told]]:
    found: dict[UUID, list[Told]] = defaultdict(list)
    if viewer:
        ids = [step.id for step in steps]
        for each in await queries.select_told(conn, event_ids=ids, person_id=viewer.id):
            found[each.event_id].append(each)
    return found


async def follow(conn: Connection, any_id: UUID, *, tenant: str) -> Path:
    """All that began with the same requests as this record, event or request, in one tenant."""
    correlations = await queries.select_correlations(conn, any_id)
    if not correlations:
        raise NotFound("Nothing is known of this id. Give that of a record, an event or a request.")
    found = await queries.select_said(conn, correlations, tenant=tenant)
    if not found:
        raise NotFound(UNKNOWN)
    said = found[: queries.LONGEST]
    ids = [event.id for event in said]
    return Path(
        said=said,
        handled=await queries.select_handled(conn, ids),
        deliveries=await queries.select_deliveries(conn, ids),
        badges=await queries.select_badges(conn, {event.subject for event in said}),
        more=len(found) > len(said),
    )
