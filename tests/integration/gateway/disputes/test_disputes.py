"""A dispute over one milestone, from either side, to every end."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.gateway.disputes import actions, moves, queries
from services.gateway.lifecycles import Who
from services.gateway.milestones.rules import allowed_in
from shared import clock
from shared.errors import Conflict, Invalid, NotAllowed, NotFound
from tests.integration.gateway.disputes.world import World, a_world, connected
from tests.support.engine import an_engine


@pytest.fixture
async def world(conn) -> World:
    return await a_world(conn)


async def test_opening_a_dispute_moves_the_milestone_and_starts_the_answer_clock(world):
    dispute = await world.over_milestone(claim=80_000)

    assert (await world.milestone()).state == "disputed"
    assert (dispute.state, dispute.filer, dispute.fee, dispute.claim) == (
        "opened",
        "applicant",
        100_000,
        80_000,
    )
    assert [timer["name"] for timer in dispute.timers] == ["answer_by"]
    assert dispute.timers[0]["waits_on"] == ["applicant", "employer"]
    assert await world.said(dispute.id) == ["dispute.opened"]


async def test_nobody_claims_more_than_the_fee(world):
    with pytest.raises(Invalid, match="100000"):
        await world.over_milestone(claim=100_001)


async def test_a_stranger_neither_opens_nor_sees_a_dispute(world):
    with pytest.raises(NotFound):
        await world.over_milestone(world.stranger)
    dispute = await world.over_milestone()

    found = await queries.select_dispute(world.conn, dispute.id, viewer_id=world.stranger.id)

    assert found is None


async def test_the_intern_disputes_changes_that_were_asked_for_but_the_employer_does_not(world):
    await world.put("active", "changes_requested")

    with pytest.raises(NotAllowed):
        await world.over_milestone(world.employer)
    dispute = await world.over_milestone()

    assert dispute.state == "opened"


async def test_a_side_does_not_answer_its_own_dispute(world):
    dispute = await world.over_milestone()

    with pytest.raises(NotAllowed, match="other side"):
        await actions.answer(
            world.conn,
            dispute_id=dispute.id,
            viewer=world.applicant,
            statement="Oo.",
            share=1,
            expected=None,
        )

    assert (await world.dispute(dispute.id)).state == "opened"


async def test_answering_with_the_claim_settles_and_splits_the_money_at_once(world):
    dispute = await world.answered(await world.over_milestone(claim=70_000), share=70_000)

    assert (dispute.state, dispute.intern_share) == ("settled", 70_000)
    assert (await world.milestone()).state == "accepted"
    assert await world.money() == {"scheduled": 70_000, "refunding": 30_000}


async def test_an_employer_who_withdraws_pays_in_full(world):
    dispute = await world.over_milestone(world.employer, claim=0)

    done = await actions.withdraw(
        world.conn, dispute_id=dispute.id, viewer=world.employer, expected=None
    )

    assert (done.state, done.intern_share) == ("settled", 100_000)
    assert (await world.milestone()).state == "accepted"
    assert await world.money() == {"scheduled": 100_000}


@pytest.mark.parametrize("left", ["submitted", "changes_requested"])
async def test_an_intern_who_withdraws_finds_the_milestone_as_it_was(world, left):
    await world.put("active", left)
    dispute = await world.over_milestone()

    done = await withdrawn(world, dispute, world.applicant)

    milestone = await world.milestone()
    clock = {"submitted": "review_by", "changes_requested": "rework_by"}[left]
    assert (done.state, done.intern_share) == ("settled", None)
    assert (milestone.state, milestone.timers[0]["name"]) == (left, clock)
    assert await world.money() == {"held": 100_000}
    assert (await world.facts_of("milestone.dispute_withdrawn.v1"))["state"] == left
    assert await world.actor_of("milestone.dispute_withdrawn.v1") == "system"


async def test_what_a_dispute_had_frozen_is_paid_when_the_work_is_accepted_after_all(own_url):
    async with an_engine(own_url) as engine, connected(own_url) as conn:
        async with conn.transaction():
            world = await a_world(conn)
        dispute = await world.over_milestone()
        await engine.settle()
        frozen = await world.money()
        await withdrawn(world, dispute, world.applicant)
        await engine.advance(days=6)

        assert frozen == {"frozen": 100_000}
        assert (await world.milestone()).state == "accepted"
        assert set(await world.money()) <= {"scheduled", "sending", "paid"}


async def test_each_side_disputes_a_milestone_once(world):
    dispute = await world.over_milestone()
    await withdrawn(world, dispute, world.applicant)

    with pytest.raises(Conflict, match="Your side disputed"):
        await world.over_milestone(world.applicant)

    seen = await world.milestone(viewer=world.applicant)
    assert seen.state == "submitted"
    assert "dispute" not in allowed_in(seen, frozenset({Who.APPLICANT}))


async def test_a_side_does_not_lose_its_dispute_because_the_other_took_one_back(world):
    await withdrawn(world, await world.over_milestone(), world.applicant)
    seen = await world.milestone(viewer=world.employer)

    dispute = await world.over_milestone(world.employer, claim=50_000)

    assert "dispute" in allowed_in(seen, frozenset({Who.EMPLOYER}))
    assert (dispute.state, dispute.filer) == ("opened", "employer")


async def test_after_a_withdrawal_the_whole_engagement_can_still_be_disputed(world):
    await withdrawn(world, await world.over_milestone(), world.applicant)
    dispute = await world.taken(await world.answered(await world.over_engagement()))

    await world.decided(dispute, share=100_000, outcome="end")

    assert (await world.milestone()).state == "accepted"


async def test_a_dispute_withdrawn_after_the_end_leaves_two_days_to_hand_in_what_exists(world):
    await world.put("active", "changes_requested")
    dispute = await world.over_milestone()
    await world.conn.execute(
        """UPDATE gateway.engagements SET state = 'terminated', ended_at = $2 WHERE id = $1""",
        world.engagement_id,
        clock.now() - timedelta(days=3),
    )

    await withdrawn(world, dispute, world.applicant)

    (rework,) = (await world.milestone()).timers
    left = datetime.fromisoformat(rework["due_at"]) - clock.now()
    assert timedelta(hours=47) < left <= timedelta(hours=48)


async def test_only_the_side_that_opened_it_withdraws(world):
    dispute = await world.over_milestone()

    with pytest.raises(NotAllowed, match="side that opened it"):
        await actions.withdraw(
            world.conn, dispute_id=dispute.id, viewer=world.employer, expected=None
        )


async def test_two_mediators_do_not_take_the_same_dispute(world):
    dispute = await world.taken(await world.answered(await world.over_milestone()))

    with pytest.raises(Conflict):
        await actions.take(world.conn, dispute_id=dispute.id, viewer=world.second, expected=None)

    assert (await world.dispute(dispute.id)).mediator_id == world.moderator.id


async def test_a_moderator_of_the_employer_does_not_judge_it(world):
    await world.conn.execute(
        """INSERT INTO gateway.members
           SELECT organization_id, $2, 'member', now() FROM gateway.projects WHERE id = $1""",
        world.project_id,
        world.moderator.id,
    )
    dispute = await world.answered(await world.over_milestone())

    with pytest.raises(NotAllowed):
        await world.taken(dispute)
    fired = await moves.fire(world.conn, await world.dispute(dispute.id), "take_by")

    assert fired.state == "mediating"
    assert (await world.dispute(dispute.id)).mediator_id == world.second.id


async def test_a_decision_splits_the_money_and_accepts_the_work_in_one_step(world):
    dispute = await world.taken(await world.answered(await world.over_milestone()))

    done = await world.decided(dispute, share=60_000)

    assert (done.state, done.intern_share) == ("decided", 60_000)
    assert done.reasons is not None
    assert (await world.milestone()).state == "accepted"
    assert await world.money() == {"scheduled": 60_000, "frozen": 40_000}
    assert await world.said(world.milestone_id) == ["milestone.disputed", "milestone.accepted"]


async def test_work_that_earns_nothing_is_not_accepted(world):
    dispute = await world.taken(await world.answered(await world.over_milestone()))

    await world.decided(dispute, share=0)

    assert (await world.milestone()).state == "cancelled"
    assert await world.money() == {"frozen": 100_000}


async def test_nobody_decides_twice_or_for_another_mediator(world):
    dispute = await world.taken(await world.answered(await world.over_milestone()))

    with pytest.raises(NotAllowed, match="Another mediator"):
        await replace(world, moderator=world.second).decided(dispute, share=1)
    await world.decided(dispute, share=60_000)
    with pytest.raises(Conflict):
        await world.decided(dispute, share=10_000)

    assert await world.money() == {"scheduled": 60_000, "frozen": 40_000}


async def test_a_milestone_is_decided_by_a_share_alone(world):
    dispute = await world.taken(await world.answered(await world.over_milestone()))

    with pytest.raises(Invalid, match="outcome"):
        await world.decided(dispute, share=1, outcome="end")
    with pytest.raises(Invalid, match="intern_share"):
        await world.decided(dispute, share=None)
    with pytest.raises(Invalid, match="100000"):
        await world.decided(dispute, share=100_001)


async def test_an_unanswered_dispute_gives_the_filer_the_claim(world):
    dispute = await world.over_milestone(claim=90_000)

    fired = await moves.fire(world.conn, dispute, "answer_by")

    assert fired.state == "defaulted"
    assert (await world.dispute(dispute.id)).intern_share == 90_000
    assert await world.money() == {"scheduled": 90_000, "refunding": 10_000}


async def test_a_dispute_that_nobody_decides_pays_the_delivered_work(world):
    dispute = await world.taken(await world.answered(await world.over_milestone(claim=50_000)))

    await moves.fire(world.conn, dispute, "decide_by")

    assert (await world.dispute(dispute.id)).state == "defaulted"
    assert await world.money() == {"scheduled": 100_000}


async def test_a_dispute_without_any_mediator_still_goes_on_to_its_default(world):
    await world.conn.execute("UPDATE gateway.people SET duties = '{}'")
    dispute = await world.answered(await world.over_milestone())

    fired = await moves.fire(world.conn, dispute, "take_by")

    assert (fired.state, (await world.dispute(dispute.id)).mediator_id) == ("mediating", None)
    assert [timer["name"] for timer in (await world.dispute(dispute.id)).timers] == ["decide_by"]


async def test_an_appeal_goes_to_a_second_person_and_changes_what_has_not_left(world):
    dispute = await world.taken(await world.answered(await world.over_milestone()))
    await world.decided(dispute, share=60_000)
    await actions.appeal(
        world.conn,
        dispute_id=dispute.id,
        viewer=world.employer,
        statement="Hindi tiningnan ang ikalawang bahagi.",
        expected=None,
    )
    stopped = await world.money()
    with pytest.raises(NotAllowed, match="second person"):
        await appeal_decided(world, dispute, world.moderator)

    await appeal_decided(world, dispute, world.second)

    assert stopped == {"frozen": 100_000}
    assert await world.money() == {"scheduled": 50_000, "refunding": 50_000}
    with pytest.raises(Conflict, match="one appeal"):
        await actions.appeal(
            world.conn,
            dispute_id=dispute.id,
            viewer=world.applicant,
            statement="Ako naman.",
            expected=None,
        )


async def test_money_that_has_left_cannot_be_appealed(world):
    dispute = await world.taken(await world.answered(await world.over_milestone()))
    await world.decided(dispute, share=60_000)
    await world.conn.execute("UPDATE gateway.payments SET state = 'paid', refund_at = NULL")

    with pytest.raises(Conflict, match="has been sent"):
        await actions.appeal(
            world.conn,
            dispute_id=dispute.id,
            viewer=world.applicant,
            statement="Kulang.",
            expected=None,
        )


async def test_an_appeal_tells_the_other_side_and_its_decision_both(world):
    dispute = await world.taken(await world.answered(await world.over_milestone()))
    await world.decided(dispute, share=60_000)

    await actions.appeal(
        world.conn,
        dispute_id=dispute.id,
        viewer=world.applicant,
        statement="May kulang sa binasa.",
        expected=None,
    )
    await appeal_decided(world, dispute, world.second)

    appealed = await world.facts_of("dispute.appealed.v1")
    ended = await world.facts_of("dispute.appeal_decided.v1")
    assert (appealed["party"], appealed["intern_share"]) == ("applicant", 60_000)
    assert (ended["party"], ended["intern_share"]) == (None, 50_000)
    assert await world.actor_of("dispute.appealed.v1") == "applicant"
    assert await world.actor_of("dispute.appeal_decided.v1") == "moderator"


async def test_the_milestones_event_says_what_the_intern_gets_of_the_fee(world):
    dispute = await world.taken(await world.answered(await world.over_milestone()))

    await world.decided(dispute, share=60_000)

    assert (await world.facts_of("milestone.accepted.v1"))["intern_share"] == 60_000
    assert await world.actor_of("milestone.accepted.v1") == "moderator"


async def test_a_printed_rule_that_leaves_nothing_acts_as_the_system(world):
    dispute = await world.over_milestone(world.employer, claim=0)

    await moves.fire(world.conn, dispute, "answer_by")

    assert (await world.milestone()).state == "cancelled"
    assert (await world.facts_of("milestone.cancelled.v1"))["intern_share"] == 0
    assert await world.actor_of("milestone.cancelled.v1") == "system"


async def withdrawn(world, dispute, viewer):
    return await actions.withdraw(world.conn, dispute_id=dispute.id, viewer=viewer, expected=None)


async def appeal_decided(world, dispute, viewer):
    return await actions.decide_appeal(
        world.conn,
        dispute_id=dispute.id,
        viewer=viewer,
        share=50_000,
        reasons="Tama ang employer sa ikalawang bahagi.",
        expected=None,
    )
