import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

import aio_pika
import pytest

from shared.database import connect
from shared.errors import Invalid, Unavailable
from shared.events.projects import ProjectOpened
from shared.ids import new_id
from shared.messaging import Consumer, Relay, on, on_many, record, setbacks
from shared.messaging.outbox import claim, publish, say_again
from shared.messaging.topology import (
    EVENTS,
    Delay,
    dead_queue_of,
    declare_room,
    open_connection,
    queue_of,
)

ROOM = "matching"
QUICK = (Delay("5s", 100), Delay("1m", 100))


class World:
    """A gateway that says and a room that hears, on real servers."""

    def __init__(self, gateway, room, broker):
        self.gateway, self.room, self.broker = gateway, room, broker
        self.heard = []
        self.stopping = asyncio.Event()
        self.relay = Relay(gateway, broker.url, "gateway")

    async def say(self, count=1):
        async with self.gateway.acquire() as conn, conn.transaction():
            for _ in range(count):
                await record(
                    conn,
                    ProjectOpened(project_id=new_id(), organization_id=uuid4(), state="open"),
                )
        self.relay.wake()

    async def note(self, _conn, event):
        self.heard.append(event.project_id)

    @asynccontextmanager
    async def running(self, handler=None, consumers=1, subscribe=on):
        hearing = [
            Consumer(
                ROOM,
                [subscribe(ProjectOpened, handler or self.note)],
                self.room,
                self.broker.url,
                after_commit=lambda: None,
                ladder=QUICK,
            )
            for _ in range(consumers)
        ]
        async with asyncio.TaskGroup() as tasks:
            for consumer in hearing:
                tasks.create_task(consumer.run(self.stopping))
            tasks.create_task(self.relay.run(self.stopping))
            for consumer in hearing:
                await until(lambda consumer=consumer: consumer.trouble() is None)
            try:
                yield hearing
            finally:
                self.stopping.set()
                self.relay.wake()

    async def handled(self):
        return await self.room.fetchval("SELECT count(*) FROM inbox")

    async def waiting(self, queue):
        connection = await open_connection(self.broker.url, "test")
        async with connection:
            channel = await connection.channel()
            found = await channel.declare_queue(queue, passive=True)
            return found.declaration_result.message_count


async def until(true, seconds=20):
    for _ in range(int(seconds / 0.05)):
        answer = true()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"Not within {seconds} s.")


@pytest.fixture
async def world(own_url, broker):
    connection = await open_connection(broker.url, "test")
    async with connection:
        await declare_room(await connection.channel(), ROOM, [ProjectOpened.name], QUICK)
    async with connect(own_url, "gateway") as gateway, connect(own_url, ROOM) as room:
        yield World(gateway, room, broker)


async def test_what_is_said_is_heard_once(world):
    async with world.running():
        await world.say(250)

        await until(lambda: len(world.heard) == 250)

    assert len(set(world.heard)) == 250
    assert await world.handled() == 250
    assert await world.gateway.fetchval("SELECT count(*) FROM outbox") == 0


async def test_a_message_that_comes_twice_has_one_effect(world):
    async with world.running():
        await world.say()
        await until(lambda: world.heard)
        async with world.gateway.acquire() as conn:
            await conn.execute(
                "INSERT INTO outbox (event_id, subject) SELECT id, subject FROM events"
            )
        world.relay.wake()

        await until(lambda: world.gateway.fetchval("SELECT count(*) = 0 FROM outbox"))
        await asyncio.sleep(0.3)

    assert len(world.heard) == 1


async def test_nonsense_goes_to_the_dead_queue_with_its_reason_and_others_are_served(world):
    connection = await open_connection(world.broker.url, "test")
    async with connection, world.running():
        channel = await connection.channel()
        exchange = await channel.get_exchange(EVENTS)
        for body in (b"\xff\xfe", b"{", b"[" * 5000, b'{"project_id": 1}', b""):
            await exchange.publish(aio_pika.Message(body), ProjectOpened.name)

        await world.say()
        await until(lambda: world.heard)
        await until(lambda: _is(world.waiting(dead_queue_of(ROOM)), 5))

        queue = await channel.get_queue(dead_queue_of(ROOM))
        message = await queue.get()
        assert message.headers["x-sibol-reason"].startswith("Not a CloudEvent")


async def _is(coroutine, wanted):
    return await coroutine == wanted


async def test_a_bug_is_tried_again_a_few_times_then_set_aside(world):
    tries = []

    async def fail(_conn, event):
        tries.append(event.project_id)
        raise ZeroDivisionError

    async with world.running(fail):
        await world.say()

        await until(lambda: _is(world.waiting(dead_queue_of(ROOM)), 1))

    # Once in its batch, then alone; and alone again after each delay.
    assert len(tries) == 2 * (1 + len(QUICK))
    assert await world.handled() == 0


async def test_only_the_guilty_event_of_a_batch_is_set_aside(world):
    async def refuse_first(conn, event):
        if event.envelope.sequence == 1 and str(event.project_id)[-1] in "01234567":
            raise Invalid("Not this one.")
        await world.note(conn, event)

    async with world.running(refuse_first):
        await world.say(60)

        guilty = await world.gateway.fetchval(
            "SELECT count(*) FROM events WHERE right(subject::text, 1) < '8'"
        )
        await until(lambda: _is(world.waiting(dead_queue_of(ROOM)), guilty))
        await until(lambda: _is(world.handled(), 60 - guilty))

    assert 0 < guilty < 60


async def test_an_outage_is_nobodys_fault(world):
    away = [True]

    async def sometimes(conn, event):
        if away[0]:
            raise Unavailable("The neighbour is away.")
        await world.note(conn, event)

    async with world.running(sometimes):
        await world.say(5)
        await asyncio.sleep(2)
        away[0] = False

        await until(lambda: len(set(world.heard)) == 5)

    assert await world.waiting(dead_queue_of(ROOM)) == 0


async def test_a_wrong_argument_is_a_bug_and_not_an_outage(world):
    async def mistake(conn, _event):
        await conn.fetchval("SELECT $1::integer", "not a number")

    async with world.running(mistake):
        await world.say()

        await until(lambda: _is(world.waiting(dead_queue_of(ROOM)), 1))


async def test_a_hostile_attempt_header_does_not_stop_the_room(world):
    async def fail(_conn, _event):
        raise ZeroDivisionError

    connection = await open_connection(world.broker.url, "test")
    async with connection, world.running(fail):
        channel = await connection.channel()
        exchange = await channel.get_exchange(EVENTS)
        await world.say()
        await until(lambda: _is(world.waiting(dead_queue_of(ROOM)), 1))
        message = await (await channel.get_queue(dead_queue_of(ROOM))).get()
        hostile = aio_pika.Message(
            message.body,
            content_type=message.content_type,
            headers={**message.headers, "x-sibol-attempt": "many"},
        )
        await message.ack()

        await exchange.publish(hostile, ProjectOpened.name)

        await until(lambda: _is(world.waiting(dead_queue_of(ROOM)), 1))


async def test_a_deleted_queue_is_made_again_and_heard_within_fifteen_seconds(world):
    async with world.running():
        await asyncio.to_thread(world.broker.delete_queue, queue_of(ROOM))
        await asyncio.sleep(1)
        await until(lambda: _answers(world.waiting(queue_of(ROOM))), seconds=15)

        await world.say()
        await until(lambda: world.heard, seconds=15)


async def _answers(coroutine):
    try:
        await coroutine
    except aio_pika.exceptions.AMQPError:
        return False
    return True


async def test_closed_connections_are_opened_again_and_nothing_is_lost(world):
    async with world.running():
        await world.say(10)
        await until(lambda: len(world.heard) == 10)
        await until(lambda: _closed(world.broker))

        await world.say(10)
        await until(lambda: len(set(world.heard)) == 20)

    assert len(world.heard) == 20


async def _closed(broker):
    return await asyncio.to_thread(broker.close_connections)


async def test_two_of_a_room_share_the_work(world):
    async with world.running(consumers=2):
        await world.say(400)

        await until(lambda: len(world.heard) == 400)

    assert len(set(world.heard)) == 400


async def test_an_event_that_nobody_hears_is_kept_and_seen(world):
    connection = await open_connection(world.broker.url, "test")
    async with connection:
        exchange = await (await connection.channel()).get_exchange(EVENTS)

        await exchange.publish(aio_pika.Message(b"?"), "nobody.hears.v1", mandatory=True)

        assert await world.waiting("sibol.unrouted") == 1


async def test_an_integrator_hears_public_events_on_a_queue_of_their_own(world):
    connection = await open_connection(world.broker.url, "test")
    async with connection, world.running():
        channel = await connection.channel()
        queue = await channel.declare_queue("ext.school", exclusive=True)
        await queue.bind("sibol.public", "project.#")

        await world.say()

        message = await queue.get(timeout=10, fail=False)
        while message is None:
            message = await queue.get(timeout=10, fail=False)
        assert message.headers["ce-type"] == "ph.sibol.project.opened.v1"
        assert message.headers["ce-sequence"] == "1"


async def test_a_handler_may_want_all_of_a_batch_at_once(world):
    sizes = []

    async def note_all(_conn, events):
        sizes.append(len(events))
        world.heard.extend(event.project_id for event in events)

    await world.say(300)
    async with world.running(note_all, subscribe=on_many):
        await until(lambda: len(world.heard) == 300)

    assert len(set(world.heard)) == 300
    assert max(sizes) > 10


async def test_of_a_failing_batch_the_others_are_handled_once(world):
    async def refuse_some(_conn, events):
        if any(str(event.project_id)[-1] in "0123" for event in events):
            raise Invalid("Not these.")
        world.heard.extend(event.project_id for event in events)

    await world.say(60)
    guilty = await world.gateway.fetchval(
        "SELECT count(*) FROM events WHERE right(subject::text, 1) < '4'"
    )
    async with world.running(refuse_some, subscribe=on_many):
        await until(lambda: _is(world.waiting(dead_queue_of(ROOM)), guilty))
        await until(lambda: _is(world.handled(), 60 - guilty))

    assert len(world.heard) == len(set(world.heard)) == 60 - guilty


async def test_what_was_set_aside_is_known_by_its_reason(world):
    async def fail(_conn, _event):
        raise ZeroDivisionError

    async with world.running(fail):
        await world.say()
        await until(lambda: _is(world.waiting(dead_queue_of(ROOM)), 1))

    row = await world.room.fetchrow("SELECT state, reason FROM public_setbacks")
    assert (row["state"], row["reason"]) == ("dead", "ZeroDivisionError after 3 tries")


async def given_back(world, times):
    """As when each of its consumers died."""
    for _ in range(times):
        connection = await open_connection(world.broker.url, "test")
        async with connection:
            queue = await (await connection.channel()).get_queue(queue_of(ROOM))
            message = await queue.get(timeout=5, fail=False)
            while message is None:
                message = await queue.get(timeout=5, fail=False)


async def test_a_message_that_killed_again_and_again_is_set_aside(world):
    event_id = await in_the_queue(world)
    await given_back(world, 2)
    for _ in range(3):
        await setbacks.note(world.room, [event_id], setbacks.Setback.TRYING, "tried alone")

    async with world.running():
        await until(lambda: _is(world.waiting(dead_queue_of(ROOM)), 1))

    assert world.heard == []
    reason = await world.room.fetchval("SELECT reason FROM setbacks WHERE state = 'dead'")
    assert "ended 3 times" in reason


async def test_a_message_that_came_back_without_being_to_blame_is_handled(world):
    await in_the_queue(world)
    await given_back(world, 4)

    async with world.running():
        await until(lambda: world.heard)

    assert await world.room.fetchval("SELECT count(*) FROM setbacks") == 0


async def in_the_queue(world):
    await world.say()
    async with world.running():
        await until(lambda: world.heard)
    event_id = await world.gateway.fetchval("SELECT id FROM events")
    world.heard.clear()
    world.stopping.clear()
    async with world.room.acquire() as conn:
        await conn.execute("DELETE FROM inbox")
    async with world.gateway.acquire() as conn:
        await say_again(conn, [event_id])
        batch = [item.outgoing for item in await claim(conn, "/sibol/gateway")]
        await conn.execute("DELETE FROM outbox")
    await published(world, batch)
    return event_id


async def published(world, batch):
    connection = await open_connection(world.broker.url, "test")
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(EVENTS)
        assert await publish(exchange, await channel.get_underlay_channel(), batch) == {}
