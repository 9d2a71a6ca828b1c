"""What becomes of the money as things happen to the work."""

import pytest

from services.gateway.lifecycles import Who
from services.gateway.payments import actions
from services.gateway.payments.queries import select_receipt
from shared.errors import Conflict
from tests.integration.gateway.payments.house import FEES, a_house, a_person

WHOLE = sum(FEES)


async def test_a_posting_opens_when_the_whole_fee_of_every_seat_is_held(own_url):
    async with a_house(own_url, seats=2) as house:
        assert await house.states() == ["due"] * 4
        await house.fund()

        assert await house.states() == ["held"] * 4
        assert await house.state_of("projects", house.project_id) == "open"
        assert await house.balance() == {"world": -2 * WHOLE, "held": 2 * WHOLE}


async def test_a_hold_that_fails_is_due_again_and_opens_nothing(house):
    await house.tell("fail", kind="hold")
    await house.fund()
    assert await house.states() == ["due", "due"]
    assert await house.state_of("projects", house.project_id) == "awaiting_funding"

    await house.tell("ok", kind="hold")
    await house.fund()

    assert await house.states() == ["held", "held"]
    assert await house.state_of("projects", house.project_id) == "open"


async def test_a_posting_is_funded_once(house):
    await house.fund()

    with pytest.raises(Conflict, match="open"):
        await house.fund()


async def test_the_work_may_begin_when_its_fee_is_held_and_all_have_signed(hired):
    milestone_id = await hired.milestone(0)

    assert await hired.state_of("milestones", milestone_id) == "ready"
    assert {payment.applicant_id for payment in await hired.payments()} == {hired.intern.id}


async def test_accepted_work_is_paid_a_day_later_with_a_receipt(hired):
    await hired.begin()
    await hired.accept(0)
    assert await hired.states() == ["scheduled", "held"]

    await hired.advance(days=1)

    assert await hired.states() == ["paid", "held"]
    assert await hired.balance() == {"world": -WHOLE, "held": FEES[1], "paid": FEES[0]}
    paid = (await hired.payments())[0]
    async with hired.database.acquire() as conn:
        receipt = await select_receipt(conn, paid.id, viewer_id=hired.intern.id, sees_all=False)
    assert (receipt.number, receipt.gross, receipt.fee, receipt.net) == (1, FEES[0], 0, FEES[0])


async def test_tax_is_withheld_as_the_employer_says_and_never_more_than_the_law_allows(hired):
    async with hired.working() as conn:
        await actions.withhold(
            conn,
            organization_id=hired.organization_id,
            viewer=hired.employer,
            basis_points=1_000,
        )
    await hired.begin()
    await hired.accept(0)
    await hired.advance(days=1)

    assert (await hired.balance())["withheld"] == 10_000
    assert (await hired.balance())["paid"] == 90_000
    assert await hired.moved("pay") == 90_000


async def test_hearing_everything_again_changes_nothing(hired):
    await hired.begin()
    await hired.accept(0)
    await hired.advance(days=1)
    before = await hired.payments(), await hired.balance()

    await hired.hear_all_again()

    assert (await hired.payments(), await hired.balance()) == before


async def test_work_that_is_cancelled_goes_back_to_the_employer(hired):
    await hired.begin()

    await hired.milestone(1, ("cancel", Who.EMPLOYER))

    assert await hired.states() == ["held", "refunded"]
    assert await hired.balance() == {"world": -WHOLE, "held": FEES[0], "returned": FEES[1]}


async def test_what_was_handed_in_is_still_paid_when_the_engagement_ends(hired):
    await hired.begin()
    await hired.milestone(0, ("submit", Who.APPLICANT))

    await hired.engagement(("terminate", Who.EMPLOYER))
    assert await hired.states() == ["held", "refunded"]
    await hired.milestone(0, ("accept", Who.EMPLOYER))

    assert await hired.states() == ["scheduled", "refunded"]


async def test_a_seat_that_falls_free_keeps_its_money_for_the_next(hired):
    await hired.engagement(("cancel", Who.APPLICANT))
    assert await hired.states() == ["held", "held"]
    assert {payment.applicant_id for payment in await hired.payments()} == {None}

    async with hired.database.acquire() as conn:
        second = await a_person(conn, "Berto Santos")
    await hired.hire(second)
    await hired.agree()

    assert {payment.applicant_id for payment in await hired.payments()} == {second.id}
    milestone_id = await hired.milestone(0)
    assert await hired.state_of("milestones", milestone_id) == "ready"


async def test_an_employer_who_cancels_late_owes_a_tenth(house):
    await house.fund()
    await house.hire(starts_in=1)
    await house.agree()

    await house.engagement(("cancel", Who.EMPLOYER))
    await house.hear_all_again()

    found = [(each.state, each.amount, each.reason) for each in await house.payments()]
    assert found == [
        ("held", 70_000, None),
        ("scheduled", 30_000, "kill_fee"),
        ("due", 30_000, "kill_fee"),
        ("held", 200_000, None),
    ]


async def test_an_employer_who_cancels_in_time_owes_nothing(hired):
    await hired.engagement(("cancel", Who.EMPLOYER))

    assert await hired.states() == ["held", "held"]


async def test_the_next_intern_begins_when_the_employer_has_made_up_for_the_kill_fee(house):
    await house.fund()
    await house.hire(starts_in=1)
    await house.agree()
    await house.engagement(("cancel", Who.EMPLOYER))
    async with house.database.acquire() as conn:
        second = await a_person(conn, "Berto Santos")
    await house.hire(second)
    await house.agree()
    milestone_id = await house.milestone(0)
    assert await house.state_of("milestones", milestone_id) == "planned"

    missing = next(each for each in await house.payments() if each.state == "due")
    async with house.working() as conn:
        await actions.fund(conn, payment_id=missing.id, viewer=house.employer, expected=None)

    assert await house.state_of("milestones", milestone_id) == "ready"


async def test_a_posting_that_ends_gives_everything_back(house):
    await house.fund()

    await house.project("cancel", Who.EMPLOYER)

    assert await house.states() == ["refunded", "refunded"]
    assert await house.balance() == {"world": -WHOLE, "returned": WHOLE}


async def test_a_posting_that_was_never_funded_asks_for_nothing_more(house):
    await house.project("cancel", Who.EMPLOYER)
    await house.advance(days=8)

    assert await house.states() == ["void", "void"]


async def test_a_disputed_fee_stands_still_and_is_then_split(hired):
    await hired.begin()
    milestone_id = await hired.milestone(1, ("submit", Who.APPLICANT), ("dispute", Who.EMPLOYER))
    assert await hired.states() == ["held", "frozen"]

    async with hired.working() as conn:
        await actions.decide(conn, milestone_id=milestone_id, intern_share=50_001)

    found = [(each.state, each.amount) for each in await hired.payments()]
    assert found == [("held", 100_000), ("scheduled", 50_001), ("refunded", 149_999)]
    await hired.advance(days=1)
    assert await hired.balance() == {
        "world": -WHOLE,
        "held": 100_000,
        "paid": 50_001,
        "returned": 149_999,
    }


async def test_earned_money_stands_still_while_a_posting_is_looked_into(hired):
    await hired.begin()
    await hired.accept(0)
    await hired.database.execute("UPDATE gateway.projects SET state = 'filled'")

    await hired.project("suspend", Who.MODERATOR)
    assert await hired.states() == ["frozen", "held"]
    await hired.project("reinstate", Who.MODERATOR)

    assert await hired.states() == ["scheduled", "held"]
