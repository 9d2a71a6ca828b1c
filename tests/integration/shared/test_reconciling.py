import aio_pika
import pytest

from shared.database import connect
from shared.events.projects import ProjectOpened
from shared.ids import new_id
from shared.messaging.progress import heard_by
from shared.messaging.reconciling import TRIES, Reconciling, count_gaps
from shared.messaging.topology import declare_room, open_connection, queue_of
from tests.integration.shared.support import handled, hears, outbox, said, set_aside

ROOM = "matching"
LONG_AGO = 1200


class World:
    """A gateway that said things, and the rooms that should have heard them."""

    def __init__(self, gateway, room, broker):
        self.gateway, self.room, self.broker = gateway, room, broker
        self.reconciling = Reconciling(gateway, broker.url, "gateway")

    async def publish(self, count=1):
        """Messages that wait in the room's queue."""
        connection = await open_connection(self.broker.url, "test")
        async with connection:
            channel = await connection.channel()
            exchange = channel.default_exchange
            for _ in range(count):
                await exchange.publish(aio_pika.Message(b"?"), queue_of(ROOM))


@pytest.fixture
async def world(own_url, broker):
    connection = await open_connection(broker.url, "test")
    async with connection:
        await declare_room(await connection.channel(), ROOM, [ProjectOpened.name])
    async with (
        connect(own_url, "gateway", connections=3) as gateway,
        connect(own_url, ROOM, connections=2) as room,
    ):
        await room.execute("DELETE FROM heard")
        await hears(room)
        yield World(gateway, room, broker)


async def test_an_event_that_was_lost_on_its_way_is_said_again(world):
    lost = await said(world.gateway, seconds_ago=LONG_AGO)

    repaired = await world.reconciling.reconcile()

    assert repaired[ROOM] == 1
    assert await outbox(world.gateway) == [lost]


async def test_what_was_handled_or_set_aside_or_is_still_to_be_published_is_not_lost(world):
    await handled(world.room, await said(world.gateway, seconds_ago=LONG_AGO))
    for state in ("trying", "waiting", "dead"):
        await set_aside(world.room, await said(world.gateway, seconds_ago=LONG_AGO), state)
    waiting = await said(world.gateway, seconds_ago=LONG_AGO)
    await world.gateway.execute("INSERT INTO outbox (event_id, subject) VALUES ($1, $1)", waiting)

    repaired = await world.reconciling.reconcile()

    assert repaired.total() == 0
    assert await outbox(world.gateway) == [waiting]


async def test_what_may_still_be_on_its_way_is_left_alone(world):
    await said(world.gateway, seconds_ago=300)

    assert (await world.reconciling.reconcile()).total() == 0


async def test_what_was_said_before_anybody_heard_it_or_a_week_ago_is_not_said_again(world):
    await world.room.execute("UPDATE heard SET since = now() - interval '30 minutes'")
    await said(world.gateway, seconds_ago=3600)
    await said(world.gateway, seconds_ago=LONG_AGO, name="person.joined.v1")
    assert (await world.reconciling.reconcile()).total() == 0

    await world.room.execute("UPDATE heard SET since = now() - interval '30 days'")
    await said(world.gateway, seconds_ago=8 * 86_400)

    afresh = Reconciling(world.gateway, world.broker.url, "gateway")
    assert (await afresh.reconcile())[ROOM] == 1


async def test_a_room_that_is_only_behind_is_not_told_everything_twice(world):
    await world.publish()
    await said(world.gateway, seconds_ago=LONG_AGO)

    assert (await world.reconciling.reconcile()).total() == 0


async def test_what_a_busy_room_has_long_passed_is_said_again(world):
    await world.publish()
    lost = await said(world.gateway, seconds_ago=3600)
    await said(world.gateway, seconds_ago=LONG_AGO)
    await handled(world.room, await said(world.gateway, seconds_ago=1500))

    await world.reconciling.reconcile()

    assert await outbox(world.gateway) == [lost]


async def test_an_event_lost_for_a_second_time_is_said_again_but_not_for_ever(world):
    await said(world.gateway, seconds_ago=LONG_AGO)
    found = []
    for _ in range(TRIES + 2):
        found.append((await world.reconciling.reconcile())[ROOM])
        await world.gateway.execute("DELETE FROM outbox")

    assert found == [1] * TRIES + [0, 0]


async def test_of_two_processes_only_one_looks(world):
    await said(world.gateway, seconds_ago=LONG_AGO)
    async with world.gateway.acquire() as conn:
        await conn.execute("SELECT pg_advisory_lock(hashtextextended('reconciling gateway', 0))")

        assert await world.reconciling.reconcile() == {}

    assert (await world.reconciling.reconcile())[ROOM] == 1


async def test_a_room_without_a_queue_is_told_nothing(world):
    world.broker.delete_queue(queue_of(ROOM))
    await said(world.gateway, seconds_ago=LONG_AGO)

    assert (await world.reconciling.reconcile()).total() == 0


async def test_checks_of_a_rooms_own_are_counted_with_the_others(world):
    async def start_clocks(conn):
        return await conn.fetchval("SELECT 3")

    reconciling = Reconciling(
        world.gateway, world.broker.url, "gateway", [("clocks", start_clocks)]
    )

    assert (await reconciling.reconcile())["clocks"] == 3


async def test_a_gap_in_a_records_sequence_is_counted_and_left(world):
    subject = new_id()
    await said(world.gateway, subject=subject, sequence=1)
    await said(world.gateway, subject=subject, sequence=3)
    await said(world.gateway)

    async with world.gateway.acquire() as conn:
        assert await count_gaps(conn) == 1


async def test_every_room_says_what_it_hears(world):
    assert set(await heard_by(world.gateway, ROOM)) == {ProjectOpened.name}
