from dataclasses import replace
from datetime import timedelta

import pytest

from shared import clock
from shared.events.base import Envelope
from shared.events.people import PersonJoined
from shared.ids import new_id
from shared.messaging.cloud import headers_of, read

PERSON = new_id()
ENVELOPE = Envelope(
    id=new_id(),
    name=PersonJoined.name,
    source="/sibol/gateway",
    subject=PERSON,
    sequence=1,
    time=clock.now(),
    correlation_id=new_id(),
    causation_id=None,
    actor_kind="person",
    tenant="ph",
)


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(days=14, seconds=1)])
def test_how_far_a_clock_runs_ahead_travels_with_the_event(ahead):
    headers = headers_of(replace(ENVELOPE, ahead=ahead))

    heard = read(headers, f'{{"person_id": "{PERSON}"}}'.encode())

    assert heard.envelope.ahead == ahead


def test_a_real_event_says_nothing_of_it():
    assert not [name for name in headers_of(ENVELOPE) if "clockahead" in name]
