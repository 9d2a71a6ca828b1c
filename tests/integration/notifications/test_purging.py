import asyncio
from datetime import timedelta

from services.notifications.handlers import tell_people
from services.notifications.purging import PURGES
from shared.database.purging import Purging
from shared.events.people import PersonJoined


async def test_how_a_mail_went_is_kept_for_three_months_and_the_notice_for_ever(
    database, world, heard
):
    events = []
    for state, days in (("sent", 91), ("failed", 91), ("due", 91), ("sent", 89)):
        event = heard(PersonJoined(person_id=await world.person("Ana")))
        async with database.acquire() as conn, conn.transaction():
            await tell_people(conn, [event])
        await database.execute(
            "UPDATE deliveries SET state = $1, created_at = now() - $2::interval WHERE event_id = $3",
            state,
            timedelta(days=days),
            event.envelope.id,
        )
        events.append(event)

    await Purging(database, "notifications", PURGES).purge(asyncio.Event())
    async with database.acquire() as conn, conn.transaction():
        await tell_people(conn, events[:1])

    kept = await database.fetch("SELECT state FROM deliveries ORDER BY state")
    assert [row["state"] for row in kept] == ["due", "sent"]
    assert await database.fetchval("SELECT count(*) FROM notices") == 4
