from uuid import uuid4

import pytest

from services.gateway.lifecycles import MACHINES
from services.notifications.audience import AUDIENCE, REMINDERS, Role, is_worth_a_mail, told
from services.notifications.records import records_of
from shared.events.applications import ApplicationDiscarded
from shared.events.disputes import (
    DisputeAnswered,
    DisputeOpened,
    DisputeSettlementProposed,
    DisputeTaken,
)
from shared.events.engagements import (
    EngagementProposed,
    EngagementReminded,
    EngagementSigned,
    FeedbackGiven,
)
from shared.events.freezes import ClocksFrozen
from shared.events.matches import MatchComputed
from shared.events.milestones import MilestoneCancelled, MilestoneProposed
from shared.events.payments import (
    PaymentHeld,
    PaymentNeedsOperator,
    PaymentRefunded,
    PaymentSending,
)
from tests.unit.notifications.samples import sample


def endings():
    """Every step that ends a record, and whose step it is."""
    for machine in MACHINES.values():
        for move in machine.moves:
            if move.to in machine.terminal:
                yield from ((move.event, who) for who in sorted(move.who))
        for timer in machine.timers:
            for step in filter(None, (timer, timer.otherwise)):
                if step.to in machine.terminal:
                    yield step.event, "timer"


def awaited():
    """Every deadline and rest of which somebody is reminded."""
    for machine in MACHINES.values():
        for timer in (timer for timer in machine.timers if timer.reminders):
            yield machine.reminded, timer.name, timer.waits_on
        for rest in (rest for rest in machine.rests if rest.reminders):
            yield machine.reminded, rest.state, rest.waits_on


@pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda machine: machine.record)
def test_every_end_of_every_record_is_told(machine):
    ends = {step.event for step in (*machine.moves, *machine.timers) if step.to in machine.terminal}

    assert ends
    assert all(AUDIENCE[event] for event in ends)


@pytest.mark.parametrize(("kind", "actor"), sorted(set(endings()), key=str))
def test_every_end_is_told_whoever_brought_it_except_to_who_threw_a_draft_away(kind, actor):
    thrown_away = actor in {"applicant", "employer"} and kind.name.endswith(".discarded.v1")

    assert bool(told(sample(kind, actor=actor))) is not thrown_away


@pytest.mark.parametrize("kind", AUDIENCE)
def test_every_notice_leads_somewhere(kind):
    assert records_of(sample(kind)).link.startswith("/#/")


@pytest.mark.parametrize(("kind", "timer", "waits_on"), list(awaited()))
def test_a_reminder_reaches_exactly_whom_the_deadline_waits_for(kind, timer, waits_on):
    assert told(sample(kind, timer=timer, waits_on=sorted(waits_on))) == {*waits_on}


def test_no_reminder_is_written_for_a_deadline_that_has_none():
    written = {(kind, timer) for kind, timers in REMINDERS.items() for timer in timers}

    assert written == {(kind, timer) for kind, timer, _ in awaited()}


def test_who_has_signed_is_not_reminded_to_sign():
    reminded = sample(EngagementReminded, timer="sign_by", waits_on=["employer"])

    assert told(reminded) == {Role.EMPLOYER}


@pytest.mark.parametrize(
    "kind",
    [
        EngagementSigned,
        FeedbackGiven,
        EngagementProposed,
        MilestoneProposed,
        DisputeOpened,
        DisputeSettlementProposed,
    ],
)
def test_one_party_acts_and_the_other_is_told(kind):
    assert told(sample(kind, party="applicant")) == {Role.EMPLOYER}
    assert told(sample(kind, party="employer")) == {Role.APPLICANT}
    assert told(sample(kind, party="school")) == {Role.APPLICANT, Role.EMPLOYER}


def test_who_throws_a_draft_away_gets_no_mail_but_who_lost_it_to_time_does():
    assert told(sample(ApplicationDiscarded, actor="person")) == set()
    assert told(sample(ApplicationDiscarded, actor="timer")) == {Role.APPLICANT}
    assert told(sample(ApplicationDiscarded, actor="system")) == {Role.APPLICANT}


def test_the_milestones_of_an_ended_engagement_are_shown_without_a_mail_for_each():
    ended = sample(MilestoneCancelled, reason="engagement_ended")

    assert told(ended) == {Role.APPLICANT, Role.EMPLOYER}
    assert not is_worth_a_mail(ended)
    assert is_worth_a_mail(sample(MilestoneCancelled, reason="other"))


def test_a_project_that_nobody_fits_is_no_news():
    assert told(sample(MatchComputed, people=0)) == set()
    assert told(sample(MatchComputed, people=3)) == {Role.EMPLOYER}


def test_a_payment_that_needs_somebody_tells_whose_money_it_is():
    unclaimed = sample(PaymentNeedsOperator, state="unclaimed")
    stuck = sample(PaymentNeedsOperator, state="refund_stuck")

    assert told(unclaimed) == {Role.APPLICANT, Role.OPERATOR}
    assert told(stuck) == {Role.EMPLOYER, Role.OPERATOR}


def test_money_on_its_way_is_no_news_until_it_has_arrived():
    assert PaymentSending not in AUDIENCE


def test_moderators_hear_of_a_dispute_that_has_no_mediator():
    assert told(sample(DisputeAnswered, party="employer")) == {Role.APPLICANT, Role.MODERATOR}
    assert Role.MODERATOR in told(sample(DisputeTaken, actor="timer"))
    assert told(sample(DisputeTaken, actor="moderator")) == {Role.APPLICANT, Role.EMPLOYER}


def test_why_one_persons_clock_stands_still_is_not_told():
    records = records_of(sample(ClocksFrozen, scope="person", place=None, reason=None))

    assert records.reason is None
    assert records.facts.place is None


@pytest.mark.parametrize("kind", [PaymentHeld, PaymentRefunded])
def test_a_posting_of_many_seats_sends_no_mail_for_each_of_them(kind):
    of_nobody = sample(kind, applicant_id=None)

    assert told(of_nobody)
    assert not is_worth_a_mail(of_nobody)
    assert is_worth_a_mail(sample(kind, applicant_id=uuid4()))
