"""What an operator types."""

import asyncio

import pytest
from typer.testing import CliRunner

from launcher.cli import app
from shared.database import connect
from shared.database.migrate import ROOMS
from shared.messaging.topology import declare_room, open_connection
from tests.integration.shared.support import hears, said


@pytest.fixture
async def command(own_url, broker, tmp_path):
    connection = await open_connection(broker.url, "test")
    async with connection:
        channel = await connection.channel()
        for room in ROOMS:
            await declare_room(channel, room, [])
    servers = {"SIBOL_DATABASE_URL": own_url, "SIBOL_AMQP_URL": broker.url}
    runner = CliRunner(env=servers | {"COLUMNS": "200"})

    async def run(*arguments, answer=None):
        return await asyncio.to_thread(runner.invoke, app, list(arguments), input=answer)

    return run


async def test_every_queue_is_shown_with_what_somebody_should_look_at(command, own_url):
    async with (
        connect(own_url, "gateway", connections=1) as gateway,
        connect(own_url, "matching", connections=1) as matching,
    ):
        await hears(matching)
        await said(gateway, seconds_ago=95)

    result = await command("queues")

    assert result.exit_code == 0, result.output
    for part in ("sibol.gateway", "sibol.matching.wait.15m", "sibol.matching.dead", "0:01:3"):
        assert part in result.output
    assert "matching: nobody takes from its queue" in result.output
    assert "matching: an event has waited for 0:01:3" in result.output


async def test_a_replay_says_what_it_will_do_and_asks(command, capfd):
    refused = await command("replay", "matching", answer="n\n")
    done = await command("replay", "matching", "--yes")

    assert refused.exit_code == 1
    assert "lists of open projects" in refused.output
    assert done.exit_code == 0, done.output
    assert "replayed" in capfd.readouterr().out


async def test_a_replay_refuses_in_words(command):
    stranger = await command("replay", "kitchen")
    nonsense = await command("replay", "matching", "--since", "yesterday", "--yes")

    assert stranger.exit_code == nonsense.exit_code == 1
    assert "There is no room kitchen" in stranger.output
    assert "did not end well" in nonsense.output


async def test_every_room_can_be_replayed(command):
    others = [room for room in ROOMS if room != "matching"]

    results = [await command("replay", room, "--yes") for room in others]

    assert [result.exit_code for result in results] == [0, 0, 0]
