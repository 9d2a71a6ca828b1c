from uuid import UUID, uuid4

import pytest

from services.gateway.lifecycles import MACHINES
from services.notifications.audience import AUDIENCE, Role, is_worth_a_mail, told
from services.notifications.records import records_of
from shared import clock
from shared.events import CATALOGUE
from shared.events.applications import ApplicationDiscarded
from shared.events.base import Envelope, Event
from shared.events.engagements import EngagementSigned, FeedbackGiven
from shared.events.matches import MatchComputed
from shared.events.milestones import MilestoneCancelled


def sample(kind: type[Event], actor: str = "system", **facts) -> Event:
    values = {
        name: uuid4() if field.annotation is UUID else "x" if field.annotation is str else 1
        for name, field in kind.model_fields.items()
        if field.is_required()
    }
    event = kind.model_validate(values | facts)
    return event.received(
        Envelope(
            id=uuid4(),
            name=event.name,
            source="/sibol/gateway",
            subject=event.subject,
            sequence=1,
            time=clock.now(),
            correlation_id=uuid4(),
            causation_id=None,
            actor_kind=actor,
            tenant="ph",
        )
    )


def endings():
    for machine in MACHINES.values():
        for move in (*machine.moves, *machine.timers):
            if move.to in machine.terminal:
                yield move.event.name


@pytest.mark.parametrize("name", sorted(set(endings())))
def test_every_end_of_every_record_is_told(name):
    assert AUDIENCE[CATALOGUE[name]]


@pytest.mark.parametrize("kind", AUDIENCE)
def test_every_notice_leads_somewhere(kind):
    assert records_of(sample(kind)).link.startswith("/#/")


@pytest.mark.parametrize("kind", [EngagementSigned, FeedbackGiven])
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
