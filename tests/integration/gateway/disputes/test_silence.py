"""With everybody silent a dispute ends by its own clocks, and its milestone, its engagement and its
money with it."""

from datetime import timedelta

import pytest

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


async def test_unanswered_it_pays_the_claim_within_a_week_of_working_days(world, engine):
    dispute = await world.over_milestone(claim=90_000)

    await engine.advance(days=14)

    assert (await world.dispute(dispute.id)).state == "defaulted"
    assert (await world.milestone()).state == "accepted"
    assert (await world.dispute(dispute.id)).ended_at < dispute.opened_at + timedelta(days=14)


async def test_answered_it_finds_a_mediator_and_at_last_pays_the_delivered_work(world, engine):
    dispute = await world.answered(await world.over_milestone(claim=50_000))

    await engine.advance(days=3)
    mediated = await world.dispute(dispute.id)
    await engine.advance(days=9)
    ended = await world.dispute(dispute.id)

    assert mediated.mediator_id in {world.moderator.id, world.second.id}
    assert (mediated.state, ended.state) == ("mediating", "defaulted")
    assert ended.intern_share == 100_000
    assert (await world.milestone()).state == "accepted"


async def test_an_engagement_in_dispute_ends_with_its_dispute(world, engine):
    dispute = await world.over_engagement(claim=120_000)

    await engine.advance(days=30)

    assert (await world.dispute(dispute.id)).state == "defaulted"
    assert (await world.engagement()).state == "terminated"
    assert {(await world.milestone(place)).state for place in (0, 1)} <= {"accepted", "cancelled"}
