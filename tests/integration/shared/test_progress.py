import asyncio
import time

import pytest

from shared.database import connect
from shared.events.projects import ProjectOpened
from shared.ids import new_id
from shared.messaging import Consumer, Relay, on, progress, record
from shared.messaging.progress import LATE_SECONDS, Progress
from shared.messaging.topology import declare_room, open_connection
from tests.integration.shared.support import NAME, handled, hears, said, set_aside

ROOM = "matching"


@pytest.fixture
async def gateway(own_url):
    async with connect(own_url, "gateway", connections=2) as database:
        yield database


@pytest.fixture
async def room(own_url):
    async with connect(own_url, ROOM, connections=2) as database:
        await hears(database)
        yield database


async def say(gateway):
    async with gateway.acquire() as conn:
        await record(
            conn, ProjectOpened(project_id=new_id(), organization_id=new_id(), state="open")
        )


def seen_at(watched, *ages):
    """As if measured every ten seconds."""
    for at, age in enumerate(ages):
        watched.oldest_seconds = age
        watched._remember(10.0 * at)


async def test_the_oldest_event_that_a_room_has_not_handled_says_how_late_it_is(gateway, room):
    first = await said(gateway, seconds_ago=90)
    await said(gateway, seconds_ago=40)
    watched = Progress(room, ROOM)

    assert await watched.measure() == pytest.approx(90, abs=3)

    await handled(room, first)
    assert await watched.measure() == pytest.approx(40, abs=3)


async def test_a_room_that_has_handled_all_is_not_late(gateway, room):
    await handled(room, await said(gateway, seconds_ago=90))

    assert await Progress(room, ROOM).measure() == 0


async def test_what_waits_or_was_given_up_is_set_aside_and_what_is_tried_is_not(gateway, room):
    await set_aside(room, await said(gateway, seconds_ago=90), "waiting")
    await set_aside(room, await said(gateway, seconds_ago=80), "dead")
    await set_aside(room, await said(gateway, seconds_ago=70), "trying")

    assert await Progress(room, ROOM).measure() == pytest.approx(70, abs=3)


async def test_what_a_room_does_not_hear_or_did_not_yet_is_not_its_business(gateway, room):
    await said(gateway, seconds_ago=90, name="person.joined.v1")
    await said(gateway, seconds_ago=80, name="project.paused.v1")
    await hears(room, name="project.paused.v1", since_days_ago=0)

    assert await Progress(room, ROOM).measure() == 0


async def test_a_sandbox_whose_clock_runs_ahead_is_not_late_for_it(gateway, room):
    await said(gateway, seconds_ago=50, ahead=30 * 86_400)

    assert await Progress(room, ROOM).measure() == pytest.approx(50, abs=3)


async def test_a_room_that_was_off_for_a_day_is_late_by_a_day(gateway, room):
    await handled(room, *[await said(gateway, seconds_ago=90_000 + n) for n in range(5)])
    await said(gateway, seconds_ago=86_400)
    await said(gateway, seconds_ago=100)

    assert await Progress(room, ROOM).measure() == pytest.approx(86_400, abs=3)


async def test_an_event_committed_late_is_still_found(gateway, room):
    watched = Progress(room, ROOM)
    await handled(room, await said(gateway, seconds_ago=1))
    assert await watched.measure() == 0

    await said(gateway, seconds_ago=10)

    assert await watched.measure() == pytest.approx(10, abs=3)


async def test_the_gateway_measures_every_room_from_its_public_views(gateway, room):
    await said(gateway, seconds_ago=60)

    assert await Progress(gateway, ROOM).measure() == pytest.approx(60, abs=3)


async def test_who_watches_every_room_tells_the_age_of_each(gateway, room):
    await said(gateway, seconds_ago=60)
    stopping = asyncio.Event()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(progress.watch_every_room(stopping, gateway))
        await asyncio.sleep(1)
        stopping.set()

    gauge = progress.oldest_unhandled_seconds
    assert gauge.labels(ROOM)._value.get() > 55
    assert gauge.labels("notifications")._value.get() == 0


def test_a_room_whose_oldest_event_only_grows_older_is_in_trouble():
    watched = Progress(None, ROOM)

    seen_at(watched, 0, 0, 10, 20, 30, 40)

    assert "40 s old" in watched.trouble()


def test_a_room_that_catches_up_is_not_in_trouble():
    watched = Progress(None, ROOM)

    seen_at(watched, 900, 890, 600, 500, 400)

    assert watched.is_catching_up()
    assert watched.trouble() is None


def test_a_room_started_with_a_backlog_has_half_a_minute_to_show_that_it_catches_up():
    watched = Progress(None, ROOM)

    seen_at(watched, 900, 905, 910)
    assert watched.trouble() is None

    seen_at(watched, 900, 910, 920, 930, 940)
    assert watched.trouble()


def test_a_little_late_is_no_trouble():
    watched = Progress(None, ROOM)

    seen_at(watched, 5, 10, 15, 20, LATE_SECONDS)

    assert watched.trouble() is None


async def test_measuring_stays_cheap_when_much_has_been_handled(gateway, room):
    await gateway.execute(
        """INSERT INTO events (id, name, subject, sequence, occurred_at, data, correlation_id,
                               actor_kind, tenant)
           SELECT id, 'project.opened.v1', id, 1, now(), '{}', id, 'system', 'ph'
             FROM (SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 100000 + n), 12, '0')
                           || '7000800000000000' || lpad(to_hex(n), 4, '0'))::uuid AS id
                     FROM generate_series(1, 60000) AS n) AS made"""
    )
    async with room.acquire() as conn:
        await conn.execute(
            """INSERT INTO inbox (event_id, name, handled_at)
               SELECT id, 'project.opened.v1', now() FROM gateway.public_log"""
        )
    watched = Progress(room, ROOM)
    assert await watched.measure() == 0
    started = time.perf_counter()

    assert await watched.measure() == 0

    assert time.perf_counter() - started < 0.5


async def test_a_consumer_that_hangs_in_a_handler_is_flagged_by_every_other_one(
    gateway, room, broker
):
    """As another process of the room and the timers see it: from the tables alone."""
    stopping, hung = asyncio.Event(), asyncio.Event()

    async def hang(_conn, _event):
        hung.set()
        await asyncio.sleep(60)

    connection = await open_connection(broker.url, "test")
    async with connection:
        await declare_room(await connection.channel(), ROOM, [NAME])
    relay = Relay(gateway, broker.url, "gateway")
    consumer = Consumer(
        ROOM, [on(ProjectOpened, hang)], room, broker.url, after_commit=lambda: None
    )
    watched = Progress(gateway, ROOM)
    async with asyncio.TaskGroup() as tasks:
        loops = [tasks.create_task(loop.run(stopping)) for loop in (relay, consumer)]
        await say(gateway)
        await asyncio.wait_for(hung.wait(), 20)
        await asyncio.sleep(2)

        assert await watched.measure() > 1.5

        for loop in loops:
            loop.cancel()
