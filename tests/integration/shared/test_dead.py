import asyncio
import contextlib
import signal
import sys
from collections import Counter

import aio_pika
import pytest
from typer.testing import CliRunner

from launcher.cli import app
from shared.events.projects import ProjectOpened
from shared.messaging.dead import Opened, opened
from shared.messaging.topology import (
    DEAD,
    EVENTS,
    UNROUTED,
    declare_room,
    open_connection,
    queue_of,
)
from tests.support.places import ROOT

ROOM = "matching"
KILLED_HALFWAY = """
import asyncio, os, signal, sys
from shared.messaging.dead import opened

def die(_):
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with opened(sys.argv[1], "matching") as dead:
        await dead.redrive(None, die)

asyncio.run(main())
"""


def a_message(number, **headers):
    return aio_pika.Message(
        b'{"project_id": "%d"}' % number,
        headers={
            "ce-type": "ph.sibol.project.opened.v1",
            "ce-subject": f"subject-{number}",
            "x-sibol-reason": f"reason {number}",
            "x-sibol-attempt": 3,
            **headers,
        },
        message_id=f"id-{number}",
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )


class World:
    def __init__(self, url, channel):
        self.url, self.channel = url, channel

    async def bury(self, *numbers):
        exchange = await self.channel.get_exchange(DEAD)
        for number in numbers:
            await exchange.publish(a_message(number), ROOM)

    async def ids(self, limit=1000):
        async with opened(self.url, ROOM) as dead:
            return [letter.id for letter in (await dead.first(limit)).letters]

    async def taken(self, name):
        """Every message of a queue, taken off it."""
        queue = await self.channel.get_queue(name)
        found = []
        while (message := await queue.get(fail=False)) is not None:
            await message.ack()
            found.append(message)
        return found

    async def command(self, *arguments, answer=None):
        """As an operator types it."""
        runner = CliRunner(env={"SIBOL_AMQP_URL": self.url})
        return await asyncio.to_thread(runner.invoke, app, ["dead", *arguments], input=answer)


@pytest.fixture
async def world(broker):
    connection = await open_connection(broker.url, "test")
    async with connection:
        channel = await connection.channel()
        await declare_room(channel, ROOM, [ProjectOpened.name])
        yield World(broker.url, channel)


async def test_a_list_says_what_each_message_is_and_why_it_is_there(world):
    await world.bury(1, 2)

    async with opened(world.url, ROOM) as dead:
        listed = await dead.first(100)

    assert listed.count == 2
    first = listed.letters[0]
    assert (first.number, first.id, first.name) == (1, "id-1", "project.opened.v1")
    assert (first.subject, first.reason, first.attempts) == ("subject-1", "reason 1", 4)


async def test_looking_twenty_five_times_takes_nothing_away_and_keeps_the_order(world):
    await world.bury(*range(5))

    seen = [await world.ids() for _ in range(25)]

    assert seen == [[f"id-{number}" for number in range(5)]] * 25


async def test_a_list_stops_where_it_was_told_to(world):
    await world.bury(*range(30))

    assert await world.ids(limit=7) == [f"id-{number}" for number in range(7)]
    assert len(await world.ids()) == 30


async def test_one_message_is_shown_whole_and_stays(world):
    await world.bury(*range(5))

    async with opened(world.url, ROOM) as dead:
        found = await dead.show("id-3")

    assert isinstance(found, Opened)
    assert found.body == b'{"project_id": "3"}'
    assert len(await world.ids()) == 5


async def test_a_message_behind_thousands_of_others_is_found(world):
    exchange = await world.channel.get_exchange(DEAD)
    for start in range(0, 2500, 500):
        messages = map(a_message, range(start, start + 500))
        await asyncio.gather(*(exchange.publish(message, ROOM) for message in messages))

    async with opened(world.url, ROOM) as dead:
        found = await dead.show("id-2499")

    assert found is not None
    assert found.letter.number == 2500


async def test_what_is_sent_back_comes_to_the_room_as_it_was_first_said(world):
    await world.bury(1)

    async with opened(world.url, ROOM) as dead:
        await dead.redrive(None, lambda _: None)

    [message] = await world.taken(queue_of(ROOM))
    assert message.message_id == "id-1"
    assert message.body == b'{"project_id": "1"}'
    assert set(message.headers) - {"x-delivery-count"} == {"ce-type", "ce-subject"}
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert await world.ids() == []


async def test_only_the_messages_that_were_named_are_sent_back_or_dropped(world):
    await world.bury(*range(6))

    async with opened(world.url, ROOM) as dead:
        assert await dead.redrive({"id-1", "id-4"}, lambda _: None) == {"id-1", "id-4"}
    async with opened(world.url, ROOM) as dead:
        assert await dead.drop({"id-0", "unknown"}, lambda _: None) == {"id-0"}

    assert await world.ids() == ["id-2", "id-3", "id-5"]
    assert len(await world.taken(queue_of(ROOM))) == 2


async def test_sending_all_back_ends_although_each_dies_again(world):
    await world.bury(*range(120))

    async with asyncio.TaskGroup() as tasks:
        again = tasks.create_task(_die_again(world))
        async with opened(world.url, ROOM) as dead:
            counted = Counter()
            await dead.redrive(None, lambda by: counted.update(n=by))
        assert counted["n"] == 120
        async with asyncio.timeout(20):
            while len(await world.ids()) < 120:
                await asyncio.sleep(0.2)
        again.cancel()


async def _die_again(world):
    connection = await open_connection(world.url, "test")
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(DEAD)
        queue = await channel.get_queue(queue_of(ROOM))
        with contextlib.suppress(asyncio.CancelledError):
            async with queue.iterator() as messages:
                async for message in messages:
                    await exchange.publish(aio_pika.Message(message.body), ROOM)
                    await message.ack()


async def test_nothing_is_lost_when_the_operator_is_killed_in_the_middle(world):
    await world.bury(*range(200))

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED_HALFWAY, world.url, cwd=ROOT
    )
    assert await process.wait() == -signal.SIGKILL

    left = []
    async with asyncio.timeout(20):
        while len(left) < 100:
            await asyncio.sleep(0.2)
            left = await world.ids()
    back = [message.message_id for message in await world.taken(queue_of(ROOM))]
    assert set(left) | set(back) == {f"id-{number}" for number in range(200)}


async def test_nothing_leaves_the_dead_queue_when_the_room_has_no_queue(world, broker):
    await world.bury(1)
    await asyncio.to_thread(broker.delete_queue, queue_of(ROOM))

    with pytest.raises(aio_pika.exceptions.PublishError):
        async with opened(world.url, ROOM) as dead:
            await dead.redrive(None, lambda _: None)

    assert await world.ids() == ["id-1"]


async def test_messages_without_a_usable_id_have_one_of_their_own(world):
    exchange = await world.channel.get_exchange(DEAD)
    for body, given in ((b"\xff", "\x1b[2J"), (b"{", "two\nlines"), (b"{", "x" * 200)):
        message = aio_pika.Message(body, message_id=given, headers={"x-sibol-attempt": "many"})
        await exchange.publish(message, ROOM)

    first, second, third = await world.ids()

    assert first.startswith("body-")
    assert first != second
    assert second == third


async def test_what_nobody_heard_is_said_again_once_somebody_listens(world):
    events = await world.channel.get_exchange(EVENTS)
    await events.publish(a_message(1), "nobody.hears.v1", mandatory=True)
    await (await world.channel.get_queue(queue_of(ROOM))).bind(EVENTS, "nobody.hears.v1")

    async with opened(world.url, "unrouted") as dead:
        assert dead.count == 1
        await dead.redrive(None, lambda _: None)

    [message] = await world.taken(queue_of(ROOM))
    assert message.routing_key == "nobody.hears.v1"
    assert await world.taken(UNROUTED) == []


async def test_the_command_lists_every_queue_and_what_is_in_it(world):
    for room in ("gateway", "notifications", "credentialing"):
        await declare_room(world.channel, room, [])
    await world.bury(1)

    result = await world.command("list")

    assert result.exit_code == 0, result.output
    assert "gateway: nothing." in result.output
    assert "unrouted: nothing." in result.output
    for part in ("matching: 1", "id-1", "project.opened.v1", "subject-1", "reason 1", "4 tries"):
        assert part in result.output


async def test_the_command_shows_a_hostile_message_without_obeying_it(world):
    exchange = await world.channel.get_exchange(DEAD)
    hostile = aio_pika.Message(
        b"\xff\x1b[2J[red]", message_id="bad", headers={"x-sibol-reason": "\x1b]0;title\x07[red]"}
    )
    await exchange.publish(hostile, ROOM)

    shown = await world.command("show", ROOM, "bad")
    listed = await world.command("list", ROOM)

    assert shown.exit_code == listed.exit_code == 0
    for output in (shown.output, listed.output):
        assert "\x1b" not in output
        assert "[red]" in output
    assert "\\xff" in shown.output


async def test_the_command_shows_a_body_as_it_can_be_read(world):
    await world.bury(7)

    result = await world.command("show", ROOM, "id-7")

    assert '  "project_id": "7"' in result.output
    assert "x-sibol-attempt: 3" in result.output


async def test_the_command_asks_before_it_drops(world):
    await world.bury(1, 2)

    assert (await world.command("drop", ROOM, "id-1", answer="n\n")).exit_code == 1
    assert len(await world.ids()) == 2

    assert (await world.command("drop", ROOM, "id-1", answer="y\n")).exit_code == 0
    assert (await world.command("drop", ROOM, "--all", "--yes")).exit_code == 0
    assert await world.ids() == []


async def test_the_command_refuses_in_words_what_it_cannot_do(world):
    no_ids = await world.command("redrive", ROOM)
    both = await world.command("redrive", ROOM, "id-1", "--all")
    stranger = await world.command("list", "kitchen")
    missing = await world.command("redrive", ROOM, "id-9")

    assert [answer.exit_code for answer in (no_ids, both, stranger, missing)] == [1] * 4
    assert "say --all" in no_ids.output
    assert "say --all" in both.output
    assert "There is no dead queue of kitchen" in stranger.output
    assert "id-9" in missing.output
