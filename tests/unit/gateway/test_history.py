import pytest

from services.gateway.history.rules import PUBLIC_STEPS, shows_reason, visible
from services.gateway.history.sentences import LOCALES, preferred, sentence
from services.gateway.lifecycles import APPLICATION, CREDENTIAL, MACHINES, PAYMENT, PROJECT, Who

EVERYBODY = frozenset({Who.MODERATOR})
NOBODY: frozenset[Who] = frozenset()


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda machine: machine.record)
def test_every_step_has_a_sentence_in_each_language(machine, locale):
    sentences = [sentence(name, locale) for name in visible(machine, EVERYBODY)]

    assert all(text.endswith(".") and len(text) <= 100 for text in sentences)


def test_every_event_of_a_lifecycle_is_a_step_of_its_record():
    for machine in MACHINES.values():
        told = {step.event.name for step in (*machine.moves, *machine.timers)}
        assert told <= set(visible(machine, EVERYBODY))


def test_a_stranger_sees_public_steps_of_a_posting_alone_and_no_reasons():
    seen = visible(PROJECT, NOBODY)

    assert set(seen) == {event.name for event in PUBLIC_STEPS}
    assert not any(shows_reason(name, NOBODY) for name in seen)


@pytest.mark.parametrize(
    ("machine", "name", "hidden_from"),
    [
        (APPLICATION, "application.clashing.v1", Who.EMPLOYER),
        (CREDENTIAL, "credential.visibility_changed.v1", Who.EMPLOYER),
        (PAYMENT, "payment.hold_failed.v1", Who.APPLICANT),
    ],
)
def test_one_side_does_not_see_the_own_affairs_of_the_other(machine, name, hidden_from):
    other = {Who.EMPLOYER: Who.APPLICANT, Who.APPLICANT: Who.EMPLOYER}[hidden_from]

    assert name not in visible(machine, {hidden_from})
    assert name in visible(machine, {other})


def test_why_an_intern_could_not_be_paid_is_the_interns_affair():
    assert shows_reason("payment.send_failed.v1", {Who.APPLICANT})
    assert not shows_reason("payment.send_failed.v1", {Who.EMPLOYER})


@pytest.mark.parametrize(
    ("header", "own", "locale"),
    [
        ("", "fil", "fil"),
        ("en", "fil", "en"),
        ("tl-PH", "en", "fil"),
        ("de-DE,fil;q=0.8,en;q=0.9", "fil", "en"),
        ("de", "fil", "fil"),
        ("*", "en", "en"),
        ("en;q=0", "fil", "fil"),
        ("en;q=soon,;;;,", "fil", "fil"),
    ],
)
def test_the_language_is_the_first_asked_for_that_there_is(header, own, locale):
    assert preferred(header, own) == locale
