"""A dispute over a whole engagement, and what ends before its dispute does."""

import asyncio
from uuid import UUID

import pytest

from services.gateway.disputes import actions, handlers, moves
from services.gateway.engagements import moves as engagement_moves
from services.gateway.milestones import moves as milestone_moves
from services.gateway.proposals.actions import Asked
from shared.errors import Conflict, Invalid
from shared.events.engagements import EngagementTerminated
from shared.events.milestones import MilestoneAutoAccepted
from tests.integration.gateway.disputes.world import World, a_world, connected


@pytest.fixture
async def world(conn) -> World:
    return await a_world(conn)


async def test_it_is_about_the_fees_of_all_that_is_not_settled(world):
    await world.put("active", "accepted", "in_work")

    with pytest.raises(Invalid, match="200000"):
        await world.over_engagement(claim=200_001)
    dispute = await world.over_engagement(claim=200_000)

    assert (dispute.fee, dispute.milestone_id) == (200_000, None)
    assert (await world.engagement()).state == "disputed"


async def test_a_withdrawn_dispute_lets_the_work_go_on(world):
    dispute = await world.over_engagement()

    await actions.withdraw(world.conn, dispute_id=dispute.id, viewer=world.applicant, expected=None)

    assert (await world.engagement()).state == "active"
    assert await world.money(0) == {"held": 100_000}
    assert (await world.dispute(dispute.id)).outcome == "continue"
    assert await world.actor_of("engagement.dispute_settled.v1") == "system"


async def test_an_end_with_a_share_pays_delivered_work_first(world):
    dispute = await world.taken(await world.answered(await world.over_engagement()))

    await world.decided(dispute, share=150_000, outcome="end")

    assert (await world.engagement()).state == "terminated"
    assert (await world.milestone(0)).state == "accepted"
    assert (await world.milestone(1)).state == "cancelled"
    assert await world.money(0) == {"scheduled": 100_000}
    assert await world.money(1) == {"scheduled": 50_000, "refunding": 150_000}


async def test_what_was_settled_meanwhile_is_no_longer_shared_out(world):
    dispute = await world.taken(await world.answered(await world.over_engagement(claim=300_000)))
    await milestone_moves.fire(world.conn, await world.milestone(), "review_by")

    with pytest.raises(Invalid, match="200000"):
        await world.decided(dispute, share=200_001, outcome="end")
    done = await world.decided(dispute, share=200_000, outcome="end")

    assert done.intern_share == 200_000
    assert await world.money(1) == {"scheduled": 200_000}


async def test_work_that_was_never_delivered_does_not_count_as_done(world):
    await world.put("active", "in_work", "ready")
    dispute = await world.taken(await world.answered(await world.over_engagement()))

    with pytest.raises(Conflict, match="cannot count as done"):
        await world.decided(dispute, share=0, outcome="done")
    await world.decided(dispute, share=0, outcome="end")

    assert (await world.engagement()).state == "terminated"


async def test_delivered_work_can_count_as_done(world):
    dispute = await world.taken(await world.answered(await world.over_engagement()))

    await world.decided(dispute, share=100_000, outcome="done")

    assert (await world.engagement()).state == "wrapping_up"


async def test_both_sides_settle_on_an_end(world):
    dispute = await world.answered(await world.over_engagement())
    terms = {"outcome": "end", "intern_share": 120_000}

    _, first = await settled(world, dispute, world.applicant, terms)
    _, second = await settled(world, dispute, world.employer, terms)

    assert (first, second) == (False, True)
    assert (await world.engagement()).state == "terminated"
    assert await world.said(dispute.id) == [
        "dispute.opened",
        "dispute.answered",
        "dispute.settlement_proposed",
        "dispute.settled",
    ]


async def test_nobody_settles_with_themselves(world):
    dispute = await world.answered(await world.over_milestone())
    shown, agreed = await settled(world, dispute, world.applicant, {"intern_share": 70_000})

    _, again = await settled(world, dispute, world.applicant, {"intern_share": 70_000})
    proposal = (await world.dispute(dispute.id)).proposals[0]
    with pytest.raises(Conflict, match="own side"):
        await actions.settle(
            world.conn,
            dispute_id=dispute.id,
            viewer=world.applicant,
            asked=Asked({}, UUID(proposal["id"])),
            expected=None,
        )

    assert not agreed
    assert not again
    assert shown.state == "answered"


async def test_a_settlement_proposed_before_a_mediator_came_no_longer_stands(world):
    dispute = await world.answered(await world.over_milestone())
    await settled(world, dispute, world.applicant, {"intern_share": 70_000})

    await world.taken(dispute)

    assert (await world.dispute(dispute.id)).proposals == []
    _, agreed = await settled(world, dispute, world.employer, {"intern_share": 70_000})
    assert not agreed


async def test_an_unanswered_dispute_ends_the_engagement_with_the_claim(world):
    dispute = await world.over_engagement(claim=130_000)

    await moves.fire(world.conn, dispute, "answer_by")

    assert (await world.engagement()).state == "terminated"
    assert await world.money(0) == {"scheduled": 100_000}
    assert await world.money(1) == {"scheduled": 30_000, "refunding": 170_000}


async def test_undecided_it_ends_with_the_delivered_work_paid(world):
    dispute = await world.taken(await world.answered(await world.over_engagement()))

    await moves.fire(world.conn, dispute, "decide_by")

    assert (await world.dispute(dispute.id)).intern_share == 100_000
    assert await world.money(0) == {"scheduled": 100_000}
    assert await world.money(1) == {"refunding": 200_000}


async def test_a_milestone_that_its_own_clock_accepted_ends_its_dispute(world):
    dispute = await world.answered(await world.over_milestone())
    milestone = await world.milestone()
    await milestone_moves.fire(world.conn, milestone, "decide_by")
    event = heard(MilestoneAutoAccepted, world, milestone_id=milestone.id, state="accepted")

    await handlers.close_dispute_of_milestone(world.conn, event)
    await handlers.close_dispute_of_milestone(world.conn, event)

    assert (await world.dispute(dispute.id)).state == "defaulted"
    assert (await world.milestone()).state == "accepted"
    assert (await world.said(milestone.id))[-1] == "milestone.auto_accepted"


async def test_an_engagement_that_its_own_clock_ended_ends_its_dispute(world):
    dispute = await world.over_engagement()
    engagement = await world.engagement()
    await engagement_moves.fire(world.conn, engagement, "decide_by")
    event = heard(EngagementTerminated, world, application_id=engagement.application_id)

    await handlers.close_dispute_of_engagement(world.conn, event)

    assert (await world.dispute(dispute.id)).state == "defaulted"


async def test_two_mediators_at_once_and_one_has_it(own_url):
    async with connected(own_url) as first, connected(own_url) as second:
        async with first.transaction():
            world = await a_world(first)
        dispute = await world.answered(await world.over_milestone())

        found = await asyncio.gather(
            world.on(first).taken_by(dispute, world.moderator),
            world.on(second).taken_by(dispute, world.second),
            return_exceptions=True,
        )

    assert sorted(type(item).__name__ for item in found) == ["Conflict", "Dispute"]


async def settled(world, dispute, viewer, terms):
    return await actions.settle(
        world.conn, dispute_id=dispute.id, viewer=viewer, asked=Asked(terms), expected=None
    )


def heard(event, world, **facts):
    return event.model_validate(
        {
            "engagement_id": world.engagement_id,
            "project_id": world.project_id,
            "organization_id": world.project_id,
            "applicant_id": world.applicant.id,
            "state": "terminated",
            **facts,
        }
    )
