import re

import pytest

from services.credentialing.handlers import HEARS as CREDENTIALING
from services.gateway.handlers import SUBSCRIPTIONS as GATEWAY
from services.gateway.lifecycles import MACHINES
from services.matching.handlers import SUBSCRIPTIONS as MATCHING
from services.notifications.handlers import SUBSCRIPTIONS as NOTIFICATIONS
from shared.events import CATALOGUE

HEARD = {item.event for item in (*GATEWAY, *MATCHING, *NOTIFICATIONS)} | set(CREDENTIALING)
PERSONAL = {"name", "email", "address", "phone", "letter", "text", "words", "note", "title"}


@pytest.mark.parametrize("event", CATALOGUE.values(), ids=lambda event: event.name)
def test_every_event_is_named_explained_and_says_nothing_personal(event):
    assert re.fullmatch(r"[a-z]+\.[a-z_]+\.v[1-9]\d*", event.name)
    assert event.__doc__
    assert event.__doc__.strip().endswith(".")
    assert event.subject_field in event.model_fields
    assert not PERSONAL & set(event.model_fields)


@pytest.mark.parametrize("event", CATALOGUE.values(), ids=lambda event: event.name)
def test_every_event_is_public_or_heard(event):
    assert event.public or event in HEARD


def test_every_heard_event_is_in_the_catalogue():
    assert set(CATALOGUE.values()) >= HEARD


def test_every_command_and_timer_says_an_event_of_the_catalogue():
    said = {
        step.event for machine in MACHINES.values() for step in (*machine.moves, *machine.timers)
    }

    assert said <= set(CATALOGUE.values())


@pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda machine: machine.record)
def test_one_event_name_has_one_class(machine):
    names = {step.event.name: step.event for step in (*machine.moves, *machine.timers)}

    assert all(CATALOGUE[name] is event for name, event in names.items())
