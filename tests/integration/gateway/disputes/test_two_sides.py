"""What needs both sides of an engagement: signatures, amendments, pauses, a lower fee."""

from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest

from services.gateway.disputes import handlers as money_handlers
from services.gateway.engagements import actions, clocks
from services.gateway.engagements import moves as engagement_moves
from services.gateway.engagements.agreement import agreement_text
from services.gateway.lifecycles import Who
from services.gateway.milestones import actions as milestone_actions
from services.gateway.milestones import clocks as milestone_clocks
from services.gateway.milestones import handlers as milestone_handlers
from services.gateway.projects.queries import select_project
from services.gateway.proposals.actions import Asked
from services.gateway.timers.calendar import start_of
from shared import clock
from shared.database.coalescing import Errand
from shared.errors import Conflict, Invalid, NotAllowed, NotFound, Refusal
from shared.events.engagements import EngagementPaused, EngagementResumed, EngagementTerminated
from shared.events.milestones import MilestoneAccepted
from tests.integration.gateway.disputes.test_engagement_disputes import heard
from tests.integration.gateway.disputes.world import STARTS_ON, World, a_world, today


@pytest.fixture
async def world(conn) -> World:
    return await a_world(conn)


async def sign(world, viewer):
    engagement = await world.engagement()
    return await actions.sign(
        world.conn,
        engagement_id=world.engagement_id,
        viewer=viewer,
        agreement_hash=engagement.agreement_hash.hex(),
        expected=None,
    )


async def amend(world, viewer, terms, proposal_id=None):
    return await actions.amend(
        world.conn,
        engagement_id=world.engagement_id,
        viewer=viewer,
        asked=Asked(terms, proposal_id),
        expected=None,
    )


async def pause(world, viewer, days=5, proposal_id=None):
    until = (today() + timedelta(days=days)).isoformat()
    terms = {} if proposal_id else {"until": until, "reason": "exams"}
    return await actions.pause(
        world.conn,
        engagement_id=world.engagement_id,
        viewer=viewer,
        asked=Asked(terms, proposal_id),
        expected=None,
    )


async def accept(world, viewer, fee=None, proposal_id=None):
    return await milestone_actions.accept(
        world.conn,
        milestone_id=world.milestone_id,
        viewer=viewer,
        review="Kulang ang huling bahagi.",
        asked=Asked({} if fee is None else {"fee": fee}, proposal_id),
        expected=None,
    )


async def check_in(world, viewer):
    wanted = actions.CheckIn(world.engagement_id, viewer, mood="fine", note="", expected=None)
    (outcome,) = await actions.check_in(world.conn, [Errand(wanted)])
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


async def submit(world, place=0):
    return await milestone_actions.submit(
        world.conn,
        milestone_id=world.milestone_ids[place],
        viewer=world.applicant,
        note="Narito na.",
        criteria_met=[0],
        file_ids=[],
        expected=None,
    )


async def test_a_school_internship_is_agreed_when_the_school_has_signed_too(conn):
    world = await a_world(conn, school=True)
    await world.put("agreeing", "planned", "planned")
    await sign(world, world.applicant)
    await sign(world, world.employer)

    before = (await world.engagement()).state
    after = await sign(world, world.registrar)

    assert before == "agreeing"
    assert after.state == "scheduled"
    assert after.signed == ["applicant", "employer", "school"]


async def test_the_agreement_names_the_school(conn):
    world = await a_world(conn, school=True)
    project = await select_project(conn, world.project_id, viewer_id=None)
    accepted = SimpleNamespace(
        applicant_name="Ana Reyes",
        organization_name=project.organization_name,
        project_title=project.title,
        offer=SimpleNamespace(starts_on=STARTS_ON),
    )

    text = agreement_text(accepted, project)

    assert "kasama ang Pamantasan (paaralan)" in text
    assert "with Pamantasan (school)" in text


async def test_without_a_school_two_signatures_are_enough_and_strangers_sign_nothing(world):
    await world.put("agreeing", "planned", "planned")
    await sign(world, world.applicant)

    with pytest.raises(NotFound):
        await sign(world, world.stranger)
    with pytest.raises(NotAllowed):
        await sign(world, world.moderator)
    with pytest.raises(Conflict, match="signed already"):
        await sign(world, world.applicant)
    signed = await sign(world, world.employer)

    assert signed.state == "scheduled"


async def test_a_proposal_waits_for_the_other_side_and_changes_nothing(world):
    before = await world.engagement()

    shown, agreed = await amend(
        world, world.applicant, {"note": "Dagdag na kabanata.", "hours": 25}
    )

    assert not agreed
    assert (shown.state, shown.version) == ("active", before.version)
    assert shown.agreement == before.agreement
    assert [(each["command"], each["party"]) for each in shown.proposals] == [
        ("amend", "applicant")
    ]
    assert await world.said(world.engagement_id) == ["engagement.proposed"]


async def test_an_agreed_amendment_is_a_new_text_that_both_have_signed(world):
    due = (today() + timedelta(days=30)).isoformat()
    changes = [{"id": str(world.milestone_ids[1]), "due_on": due, "fee": 150_000}]
    shown, _ = await amend(world, world.employer, {"note": "Mas maikli.", "milestones": changes})

    amended, agreed = await amend(world, world.applicant, {}, UUID(shown.proposals[0]["id"]))

    assert agreed
    assert (amended.agreement_number, amended.signed) == (2, ["applicant", "employer"])
    assert "Mas maikli." in amended.agreement
    assert amended.agreement_hash != shown.agreement_hash
    assert (await world.milestone(1)).fee == 150_000
    assert (await world.milestone(1)).due_on.isoformat() == due
    assert await world.conn.fetchval("SELECT count(*) FROM gateway.agreements") == 2


async def test_the_same_terms_from_the_other_side_are_an_agreement(world):
    await amend(world, world.employer, {"hours": 25})

    _, agreed = await amend(world, world.applicant, {"hours": 25})

    assert agreed


async def test_other_terms_are_a_proposal_that_replaces_the_first(world):
    shown, _ = await amend(world, world.employer, {"hours": 25})

    countered, agreed = await amend(world, world.applicant, {"hours": 22})
    with pytest.raises(Conflict, match="no longer stands"):
        await amend(world, world.applicant, {}, UUID(shown.proposals[0]["id"]))

    assert not agreed
    assert [each["terms"] for each in countered.proposals] == [{"hours": 22}]


async def test_one_side_does_not_agree_with_itself(world):
    shown, _ = await amend(world, world.employer, {"hours": 25})

    _, again = await amend(world, world.employer, {"hours": 25})
    mine = (await world.engagement()).proposals[0]["id"]
    with pytest.raises(Conflict, match="own side"):
        await amend(world, world.employer, {}, UUID(mine))

    assert not again
    assert shown.agreement == (await world.engagement()).agreement


async def test_a_proposal_lapses_after_seven_days(world):
    shown, _ = await amend(world, world.employer, {"hours": 25})

    with clock.advanced(timedelta(days=7, minutes=1)):
        with pytest.raises(Conflict, match="Propose it again"):
            await amend(world, world.applicant, {}, UUID(shown.proposals[0]["id"]))
        _, agreed = await amend(world, world.applicant, {"hours": 25})

    assert not agreed


async def test_a_proposal_dies_with_the_state_it_was_made_in(world):
    shown, _ = await amend(world, world.employer, {"hours": 25})
    await world.put("paused")
    await world.put("active")

    with pytest.raises(Conflict, match="no longer stands"):
        await amend(world, world.applicant, {}, UUID(shown.proposals[0]["id"]))


async def test_more_money_than_is_held_is_another_project(world):
    changes = [{"id": str(world.milestone_ids[1]), "fee": 200_001}]

    with pytest.raises(Invalid, match="post another project"):
        await amend(world, world.employer, {"milestones": changes})


async def test_handed_in_work_is_not_amended(world):
    changes = [{"id": str(world.milestone_ids[0]), "fee": 1}]

    with pytest.raises(Invalid, match="not yet handed in"):
        await amend(world, world.employer, {"milestones": changes})


async def test_a_lower_fee_is_the_interns_to_agree_to(world):
    shown, first = await accept(world, world.employer, fee=60_000)

    accepted, second = await accept(
        world, world.applicant, proposal_id=UUID(shown.proposals[0]["id"])
    )
    event = heard(MilestoneAccepted, world, milestone_id=world.milestone_id, state="accepted")
    await money_handlers.pay_agreed_fee(world.conn, event)
    await money_handlers.pay_agreed_fee(world.conn, event)

    assert (first, second) == (False, True)
    assert shown.state == "submitted"
    assert (accepted.state, accepted.fee) == ("accepted", 60_000)
    assert await world.money() == {"scheduled": 60_000, "refunding": 40_000}


async def test_the_intern_alone_accepts_nothing(world):
    with pytest.raises(NotAllowed):
        await accept(world, world.applicant)
    _, agreed = await accept(world, world.applicant, fee=60_000)

    assert not agreed
    with pytest.raises(Invalid, match="only be reduced"):
        await accept(world, world.employer, fee=100_001)


async def test_a_third_round_of_changes_is_a_dispute_or_an_acceptance(world):
    await world.conn.execute("UPDATE gateway.milestones SET rounds = 2")

    with pytest.raises(Conflict, match="Accept the work or dispute it"):
        await milestone_actions.request_changes(
            world.conn,
            milestone_id=world.milestone_id,
            viewer=world.employer,
            review="Kulang.",
            criteria_unmet=[0],
            expected=None,
        )


async def test_a_planned_milestone_is_amended_by_both_and_the_text_says_so(world):
    await world.put("active", "planned")
    asked = Asked({"title": "Unang burador"})
    common = {"milestone_id": world.milestone_id, "expected": None}
    await milestone_actions.amend(world.conn, viewer=world.employer, asked=asked, **common)

    amended, agreed = await milestone_actions.amend(
        world.conn, viewer=world.applicant, asked=asked, **common
    )

    assert agreed
    assert amended.title == "Unang burador"
    assert "Unang burador" in (await world.engagement()).agreement
    assert await world.said(world.milestone_id) == ["milestone.proposed", "milestone.amended"]


async def test_a_pause_that_both_want_moves_what_is_not_handed_in(world):
    due = (await world.milestone(1)).due_on
    await pause(world, world.applicant)

    paused, agreed = await pause(world, world.employer)
    event = heard(EngagementPaused, world, application_id=paused.application_id, state="paused")
    await milestone_handlers.stand_still(world.conn, event)
    await milestone_handlers.stand_still(world.conn, event)

    assert agreed
    assert (paused.state, paused.reason) == ("paused", "exams")
    assert (await world.milestone(1)).due_on == due + timedelta(days=5)
    terms = await milestone_clocks.terms(world.conn, await world.milestone(1))
    assert terms.since["entered"] == start_of(today() + timedelta(days=5))
    waiting = await milestone_clocks.terms(world.conn, await world.milestone(0))
    assert "entered" not in waiting.since


async def test_an_early_return_from_a_pause_gives_the_unused_days_back(world):
    due = (await world.milestone(1)).due_on
    await pause(world, world.applicant)
    paused, _ = await pause(world, world.employer)
    said = {"application_id": paused.application_id}
    await milestone_handlers.stand_still(world.conn, heard(EngagementPaused, world, **said))

    with clock.advanced(timedelta(days=2)):
        await actions.command(
            world.conn,
            engagement_id=world.engagement_id,
            command="resume",
            viewer=world.applicant,
            reason=None,
            expected=None,
        )
        for _ in range(2):
            await milestone_handlers.go_on(world.conn, heard(EngagementResumed, world, **said))

    assert (await world.engagement()).state == "active"
    assert (await world.milestone(1)).due_on == due + timedelta(days=2)


async def test_a_pause_lasts_as_long_as_was_agreed_and_never_beyond_two_weeks(world):
    with pytest.raises(Invalid, match="14 days"):
        await pause(world, world.applicant, days=15)
    await pause(world, world.applicant, days=5)
    paused, _ = await pause(world, world.employer, days=5)

    terms = await clocks.terms(world.conn, paused)

    assert 4 < terms.days["resume_by"] <= 5


async def test_an_early_check_in_is_kept_and_the_second_begins_the_work(world):
    await world.put("scheduled", "ready", "ready")

    first = await check_in(world, world.employer)
    begun = await check_in(world, world.applicant)

    assert (first.state, first.checked_in) == ("scheduled", ["employer"])
    assert begun.state == "active"
    assert await world.said(world.engagement_id) == [
        "engagement.checked_in",
        "engagement.started",
    ]


async def test_the_intern_alone_begins_on_the_agreed_day_but_the_employer_does_not(world):
    await world.put("scheduled", "ready", "ready")
    await world.conn.execute("UPDATE gateway.engagements SET starts_on = $1", today())

    early = await check_in(world, world.employer)
    await world.conn.execute("DELETE FROM gateway.check_ins")
    begun = await check_in(world, world.applicant)

    assert (early.state, begun.state) == ("scheduled", "active")


async def test_a_call_for_help_is_answered_by_any_sign_of_the_other_side(world):
    asked = await actions.ask_help(
        world.conn, engagement_id=world.engagement_id, viewer=world.applicant, expected=None
    )
    still = await check_in(world, world.applicant)

    answered = await check_in(world, world.employer)

    assert asked.help_asked_by == still.help_asked_by == "applicant"
    assert asked.help_by is not None
    assert answered.help_asked_by is None


async def test_handing_in_is_a_sign_of_life(world):
    before = {timer["name"]: timer["due_at"] for timer in (await world.engagement()).timers}

    await submit(world, 1)

    engagement = await world.engagement()
    assert engagement.applicant_seen_at is not None
    assert {timer["name"] for timer in engagement.timers} == {"quiet", "silent"}
    assert before == {}


async def test_only_the_silent_side_lets_a_stalled_engagement_go_on(world):
    await world.put("stalled")
    await world.conn.execute(
        """UPDATE gateway.engagements
              SET employer_seen_at = now(), applicant_seen_at = now() - interval '7 days'"""
    )

    with pytest.raises(Conflict, match="applicant is the one"):
        await check_in(world, world.employer)
    resumed = await check_in(world, world.applicant)

    assert resumed.state == "active"


async def test_after_an_early_end_existing_work_may_be_handed_in_for_two_days(world):
    await world.put("active", "submitted", "in_work")
    ended = await actions.command(
        world.conn,
        engagement_id=world.engagement_id,
        command="terminate",
        viewer=world.employer,
        reason="no_budget",
        expected=None,
    )
    event = heard(EngagementTerminated, world, application_id=ended.application_id)

    await milestone_handlers.wind_up(world.conn, event)
    terms = await milestone_clocks.terms(world.conn, await world.milestone(1))
    handed_in = await submit(world, 1)

    assert terms.not_after == ended.ended_at + timedelta(hours=48)
    assert handed_in.state == "submitted"
    with pytest.raises(Conflict, match="engagement has ended"):
        await milestone_actions.request_changes(
            world.conn,
            milestone_id=world.milestone_ids[1],
            viewer=world.employer,
            review="Kulang.",
            criteria_unmet=[0],
            expected=None,
        )


async def test_after_an_early_end_what_was_not_begun_is_cancelled(world):
    await world.put("active", "accepted", "ready")
    engagement = await world.engagement()
    await engagement_moves.move(
        world.conn, engagement, "terminate", frozenset({Who.APPLICANT}), reason="health"
    )
    event = heard(EngagementTerminated, world, application_id=engagement.application_id)

    await milestone_handlers.wind_up(world.conn, event)

    assert (await world.milestone(0)).state == "accepted"
    assert (await world.milestone(1)).state == "cancelled"
