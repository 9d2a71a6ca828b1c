"""Notices that are missing are written again; no mail leaves for them."""

from collections.abc import Sequence

from services.notifications.handlers import SUBSCRIPTIONS, tell_people
from shared.database import Connection
from shared.events.base import Event
from shared.messaging import on_many
from shared.messaging.replaying import Pass, Projection


async def tell_what_is_missing(conn: Connection, events: Sequence[Event]) -> None:
    """An event that anybody was told of is left: who is concerned now was perhaps not then."""
    ids = [event.envelope.id for event in events]
    rows = await conn.fetch(
        "SELECT DISTINCT event_id FROM notifications.notices WHERE event_id = ANY($1)", ids
    )
    told = {row["event_id"] for row in rows}
    untold = [event for event in events if event.envelope.id not in told]
    if not untold:
        return
    await tell_people(conn, untold)
    await conn.execute(
        """UPDATE notifications.deliveries SET state = 'suppressed', last_error = 'replay'
            WHERE event_id = ANY($1) AND state = 'due'""",
        [event.envelope.id for event in untold],
    )


PROJECTION = Projection(
    what=(
        "Writes the notices of events of which nobody has one, as of the day of the event, to those "
        "whom it would concern now. Nothing is deleted and no mail is sent."
    ),
    passes=[Pass([on_many(item.event, tell_what_is_missing) for item in SUBSCRIPTIONS])],
    at_their_time=True,
)
