"""Whose silence it was, how long a pause lasts, and the last two days after an early end."""

import pytest

from services.gateway.engagements import actions
from tests.integration.gateway.disputes.test_two_sides import check_in, pause
from tests.integration.gateway.disputes.world import World, a_world, connected
from tests.support.engine import an_engine


@pytest.fixture
async def world(own_url) -> World:
    async with connected(own_url) as conn:
        async with conn.transaction():
            world = await a_world(conn)
        yield world


@pytest.fixture
async def engine(own_url):
    async with an_engine(own_url) as found:
        yield found


async def test_after_an_early_end_there_are_two_days_to_hand_in_what_exists(world, engine):
    await world.put("active", "in_work", "changes_requested")
    await actions.command(
        world.conn,
        engagement_id=world.engagement_id,
        command="terminate",
        viewer=world.employer,
        reason="no_budget",
        expected=None,
    )

    await engine.advance(days=1.9)
    before = [(await world.milestone(place)).state for place in (0, 1)]
    await engine.advance(days=0.2)
    after = [(await world.milestone(place)).state for place in (0, 1)]

    assert before == ["in_work", "changes_requested"]
    assert after == ["cancelled", "cancelled"]


async def test_an_unanswered_call_for_help_is_the_other_sides_silence(world, engine):
    await world.put("active", "in_work", "ready")
    await check_in(world, world.applicant)
    await actions.ask_help(
        world.conn, engagement_id=world.engagement_id, viewer=world.applicant, expected=None
    )

    await engine.advance(days=7)
    stalled = await world.engagement()
    await engine.advance(days=5)
    ended = await world.engagement()

    assert (stalled.state, stalled.reason) == ("stalled", "silent_employer")
    assert (ended.state, ended.reason) == ("terminated", "silent_employer")


async def test_a_pause_ends_on_the_agreed_day_and_the_work_is_due_that_much_later(world, engine):
    due = (await world.milestone(1)).due_on
    await pause(world, world.applicant, days=5)
    await pause(world, world.employer, days=5)

    await engine.advance(days=5)

    assert (await world.engagement()).state == "active"
    assert ((await world.milestone(1)).due_on - due).days == 5
    assert (await world.milestone(1)).paused_days == 0
