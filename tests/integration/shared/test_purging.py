"""What is old and over goes, what is needed stays."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from shared import clock
from shared.database import connect, purging
from shared.database.migrate import ROOMS
from shared.database.purging import BATCH, Purge, Purging


@pytest.fixture
async def database(own_url):
    async with connect(own_url, "matching") as pool:
        yield pool


async def handled(database, *, days: float, count: int = 1) -> None:
    await database.execute(
        """INSERT INTO inbox (event_id, name, handled_at)
           SELECT gen_random_uuid(), 'person.joined.v1', $1 FROM generate_series(1, $2)""",
        clock.now() - timedelta(days=days),
        count,
    )


def purged(what: str) -> float:
    labels = {"room": "matching", "what": what}
    return REGISTRY.get_sample_value("sibol_purged_total", labels) or 0


@pytest.mark.parametrize("room", ROOMS)
async def test_every_room_forgets_what_it_handled_a_month_ago(own_url, room):
    async with connect(own_url, room) as database:
        await handled(database, days=31)
        await handled(database, days=29)

        await Purging(database, room).purge(asyncio.Event())

        assert await database.fetchval("SELECT count(*) FROM inbox") == 1


async def test_many_are_forgotten_in_several_steps_and_counted(database):
    await handled(database, days=40, count=2 * BATCH + 1)
    before = purged("inbox")

    await Purging(database, "matching").purge(asyncio.Event())

    assert await database.fetchval("SELECT count(*) FROM inbox") == 0
    assert purged("inbox") - before == 2 * BATCH + 1


async def test_a_setback_of_a_handled_event_goes_and_that_of_a_dead_one_stays(database):
    over, dead = uuid4(), uuid4()
    await database.executemany(
        "INSERT INTO setbacks VALUES ($1, 1, 'dead', 'ValueError', now() - interval '2 days')",
        [(over,), (dead,)],
    )
    await database.execute("INSERT INTO inbox VALUES ($1, 'person.joined.v1', now())", over)

    await Purging(database, "matching").purge(asyncio.Event())

    assert [row["event_id"] for row in await database.fetch("SELECT * FROM setbacks")] == [dead]


async def test_one_process_purges_at_a_time(own_url, database):
    await handled(database, days=31)
    async with connect(own_url, "matching") as other, other.acquire() as conn, conn.transaction():
        await conn.execute("SELECT pg_advisory_xact_lock($1, hashtext('matching'))", purging.LOCK)

        await Purging(database, "matching").purge(asyncio.Event())

        assert await database.fetchval("SELECT count(*) FROM inbox") == 1


async def test_one_purge_that_fails_does_not_hold_up_the_others(database):
    await handled(database, days=31)
    broken = Purge("nothing", timedelta(), "DELETE FROM no_such_table WHERE $1 < now() LIMIT $2")

    await Purging(database, "matching", [broken]).purge(asyncio.Event())

    assert await database.fetchval("SELECT count(*) FROM inbox") == 0


async def test_it_stops_at_once(database):
    stopping = asyncio.Event()

    async with asyncio.timeout(1), asyncio.TaskGroup() as tasks:
        tasks.create_task(Purging(database, "matching").run(stopping))
        await asyncio.sleep(0.05)
        stopping.set()
