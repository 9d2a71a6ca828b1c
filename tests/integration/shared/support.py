"""Events as if said long ago, and rooms that hear them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from shared.events.projects import ProjectOpened
from shared.ids import new_id
from shared.messaging.moments import id_at

NAME = ProjectOpened.name


async def said(database, *, seconds_ago=0.0, name=NAME, sequence=1, subject=None, ahead=0) -> UUID:
    """An event in the log of the database's room, published and gone."""
    made = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    event_id = UUID(int=id_at(made).int | (new_id().int & ((1 << 80) - 1)))
    await database.execute(
        """INSERT INTO events (id, name, subject, sequence, occurred_at, data, correlation_id,
                               actor_kind, tenant, ahead)
           VALUES ($1, $2, $3, $4, $5, $6, $1, 'system', 'ph', $7)""",
        event_id,
        name,
        subject or event_id,
        sequence,
        made + timedelta(seconds=ahead),
        {"project_id": str(subject or event_id), "organization_id": str(uuid4()), "state": "open"},
        timedelta(seconds=ahead),
    )
    return event_id


async def hears(database, *, name=NAME, since_days_ago=30) -> None:
    since = datetime.now(UTC) - timedelta(days=since_days_ago)
    await database.execute(
        "INSERT INTO heard (name, since) VALUES ($1, $2) ON CONFLICT DO NOTHING", name, since
    )


async def handled(database, *event_ids) -> None:
    await database.execute(
        "INSERT INTO inbox (event_id, name, handled_at) SELECT id, $2, now() FROM unnest($1::uuid[]) AS id",
        list(event_ids),
        NAME,
    )


async def set_aside(database, event_id, state) -> None:
    await database.execute(
        "INSERT INTO setbacks (event_id, tries, state, reason, at) VALUES ($1, 1, $2, 'why', now())",
        event_id,
        state,
    )


async def outbox(database) -> list[UUID]:
    rows = await database.fetch("SELECT event_id FROM outbox ORDER BY position")
    return [row["event_id"] for row in rows]
