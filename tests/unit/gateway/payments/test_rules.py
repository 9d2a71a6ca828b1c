from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.lifecycles.engagement import Status as Engagement
from services.gateway.lifecycles.milestone import Status as Milestone
from services.gateway.lifecycles.payment import Status as Payment
from services.gateway.lifecycles.project import Status as Project
from services.gateway.payments import rules
from services.gateway.payments.providers.bank_file import Debtor, Payee, payout_file, results
from services.gateway.payments.queries import Work
from shared.errors import Conflict, Invalid

NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)


def step(state: Payment, **changes):
    facts = {
        "project_state": Project.IN_PROGRESS,
        "engagement_state": Engagement.ACTIVE,
        "milestone_state": Milestone.IN_WORK,
        "begun": True,
        "appealed": False,
    }
    return rules.next_step(state, **(facts | changes))


@pytest.mark.parametrize(
    ("state", "changes", "wanted"),
    [
        (Payment.HELD, {}, None),
        (Payment.HELD, {"milestone_state": Milestone.ACCEPTED}, "release"),
        (Payment.HELD, {"milestone_state": Milestone.CANCELLED}, "refund"),
        (Payment.HELD, {"milestone_state": Milestone.CANCELLED, "begun": False}, None),
        (Payment.HELD, {"milestone_state": Milestone.DISPUTED}, "freeze"),
        (Payment.SCHEDULED, {"milestone_state": Milestone.ACCEPTED}, None),
        (Payment.FROZEN, {"milestone_state": Milestone.DISPUTED}, None),
        (Payment.FROZEN, {"milestone_state": Milestone.ACCEPTED}, "decide_release"),
        (Payment.FROZEN, {"milestone_state": Milestone.CANCELLED}, "decide_refund"),
        (Payment.PAID, {"milestone_state": Milestone.CANCELLED}, None),
    ],
)
def test_money_follows_the_work(state, changes, wanted):
    assert step(state, **changes) == wanted


@pytest.mark.parametrize(
    "looked_into",
    [
        {"engagement_state": Engagement.DISPUTED},
        {"project_state": Project.SUSPENDED},
        {"appealed": True},
    ],
)
def test_earned_money_stands_still_while_something_is_looked_into(looked_into):
    accepted = {"milestone_state": Milestone.ACCEPTED, **looked_into}

    assert step(Payment.SCHEDULED, **accepted) == "freeze"
    assert step(Payment.FROZEN, **accepted) is None


@pytest.mark.parametrize("milestone", [Milestone.ACCEPTED, Milestone.CANCELLED])
@pytest.mark.parametrize("held", [{"appealed": True}, {"waits": True}])
def test_what_an_appeal_may_change_stands_still_whatever_was_decided(milestone, held):
    assert step(Payment.FROZEN, milestone_state=milestone, **held) is None


@pytest.mark.parametrize("states", [[Payment.HELD, Payment.HOLDING], [Payment.HELD]])
def test_what_is_held_or_being_held_is_not_funded_again(states):
    with pytest.raises(Conflict, match="are held"):
        rules.check_left_to_fund(Project.AWAITING_FUNDING, states, [])


def test_what_is_due_is_left_to_fund():
    rules.check_left_to_fund(Project.AWAITING_FUNDING, [Payment.HELD, Payment.DUE], ["fund"])


@pytest.mark.parametrize(
    ("hours", "wanted"), [(49, 0), (48, 0), (47.9, 30_000), (0, 30_000), (-5, 30_000)]
)
def test_less_than_two_days_before_the_start_a_tenth_is_owed(hours, wanted):
    cancelled_at = NOON - timedelta(hours=hours)

    assert rules.kill_fee(300_000, cancelled_at=cancelled_at, starts_at=NOON) == wanted


def test_the_more_often_it_failed_the_longer_it_waits_up_to_six_hours():
    pauses = [rules.pause_after(tries) for tries in range(1, 20)]

    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(minutes=1)
    assert pauses[-1] == timedelta(hours=6)


@pytest.mark.parametrize(
    ("state", "work", "wanted"),
    [
        (Payment.HELD, "in_work", datetime(2026, 7, 17, 16, tzinfo=UTC)),
        (Payment.HELD, "submitted", NOON + timedelta(days=7)),
        (Payment.SCHEDULED, "accepted", NOON + timedelta(days=2)),
        (Payment.PAID, "accepted", None),
        (Payment.FROZEN, "disputed", None),
    ],
)
def test_an_intern_knows_the_latest_day_of_pay(state, work, wanted):
    found = Work(state=work, due_on=date(2026, 7, 10), changed_at=NOON, review_days=5)

    assert rules.pay_by(state, NOON, found) == wanted


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co", "Zl", "Zp")),
    min_size=1,
    max_size=120,
)


@given(
    amounts=st.lists(st.integers(1, 10**12), min_size=1, max_size=5),
    holder=TEXT,
    bank=TEXT,
    number=st.from_regex(r"[A-Za-z0-9-]{4,34}", fullmatch=True),
)
def test_every_payout_file_is_valid_whatever_people_are_called(amounts, holder, bank, number):
    payees = [Payee(uuid4(), amount, "PHP", holder, bank, number) for amount in amounts]

    text = payout_file(uuid4(), payees, Debtor(holder, number, bank), made_at=NOON)

    total = sum(amounts)
    assert f"<CtrlSum>{total // 100}.{total % 100:02}</CtrlSum>".encode() in text


@pytest.mark.parametrize("nothing", [b"", b"\n\n", b"order_id,result,note\n"])
def test_a_bank_that_says_nothing_is_asked_again(nothing):
    with pytest.raises(Invalid, match=r"pain\.002"):
        results(nothing)
