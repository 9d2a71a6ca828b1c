from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from shared import clock
from shared.events.base import Envelope
from shared.events.people import PersonJoined
from shared.ids import new_id
from shared.messaging.cloud import from_message, to_message

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
    sent = to_message(replace(ENVELOPE, ahead=ahead), {"person_id": str(PERSON)})

    heard = from_message(
        SimpleNamespace(headers=sent.headers, content_type=sent.content_type, body=sent.body)
    )

    assert heard.envelope.ahead == ahead


def test_a_real_event_says_nothing_of_it():
    sent = to_message(ENVELOPE, {"person_id": str(PERSON)})

    assert not [name for name in sent.headers if "clockahead" in name]
