"""Each kind of harm is found, and what is sound is not accused."""

from collections import Counter
from dataclasses import replace
from uuid import uuid4

import pytest

from chaos.checker import Injected, check, longest_gap
from chaos.ledger import Ledger
from chaos.state import Buried, Said, State

PERSON, APPLICATION = str(uuid4()), uuid4()
ROOM = "notifications"
NAMES = ("application.submitted.v1", "application.withdrawn.v1")


@pytest.fixture
def ledger(tmp_path):
    """Somebody applied, and withdrew."""
    found = Ledger(tmp_path / "ledger.jsonl")
    applied = a_command(found, "apply", "/v1/projects/1/applications")
    found.answered(applied, 201, {"id": str(APPLICATION)})
    withdrawn = a_command(found, "withdraw", f"/v1/applications/{APPLICATION}/withdraw")
    found.answered(withdrawn, 200, {"id": str(APPLICATION)})
    yield found
    found.close()


def a_command(ledger, kind, path):
    return ledger.begin(
        person_id=PERSON, kind=kind, method="POST", path=path, key=f"key-{kind}", body={}
    )


@pytest.fixture
def state():
    """As it must be after that."""
    events = [
        Said(uuid4(), "gateway", name, APPLICATION, sequence)
        for sequence, name in enumerate(NAMES, start=1)
    ]
    ids = {event.id for event in events}
    return State(
        events=events,
        outbox={ROOM: 0},
        hears={ROOM: frozenset(NAMES)},
        inbox={ROOM: ids},
        setbacks={ROOM: {}},
        effects={ROOM: Counter(ids)},
        applications={str(APPLICATION): "withdrawn"},
        answers={
            (PERSON, "key-apply"): (201, str(APPLICATION)),
            (PERSON, "key-withdraw"): (200, str(APPLICATION)),
        },
    )


def found_in(ledger, state, *, injected=None, mails=(), tries=()):
    return check(
        ledger,
        state,
        injected or Injected(),
        mails=Counter(mails),
        tries=Counter(tries),
        tallied=frozenset({ROOM}),
    )


def test_nothing_is_found_where_all_is_well(ledger, state):
    assert found_in(ledger, state).all() == []


def test_an_answered_command_without_a_trace_is_lost(ledger, state):
    del state.answers[PERSON, "key-withdraw"]

    assert len(found_in(ledger, state).lost) == 1


def test_an_application_that_stands_where_nobody_left_it_is_lost(ledger, state):
    state.applications[str(APPLICATION)] = "submitted"

    assert "is submitted, not withdrawn" in found_in(ledger, state).lost[0]


def test_a_command_without_an_answer_may_have_been_carried_out_or_not(ledger, state):
    ledger.entries[1].status = None

    for standing in ("submitted", "withdrawn"):
        state.applications[str(APPLICATION)] = standing
        assert found_in(ledger, state).all() == []


def test_a_command_that_was_never_answered_is_not_carried_out_twice(ledger, state):
    ledger.entries[1].status = None
    again = Said(uuid4(), "gateway", NAMES[1], APPLICATION, 3)
    state.events.append(again)
    state.inbox[ROOM].add(again.id)
    state.effects[ROOM][again.id] = 1

    assert len(found_in(ledger, state).doubled) == 1


def test_an_application_that_nobody_asked_for_is_found(ledger, state):
    state.applications[str(uuid4())] = "submitted"

    assert "nobody asked for" in found_in(ledger, state).wrong[0]


def test_a_gap_in_a_records_sequence_is_found(ledger, state):
    state.events[1] = replace(state.events[1], sequence=3)

    assert len(found_in(ledger, state).gaps) == 1


def test_an_event_that_a_room_never_handled_is_lost(ledger, state):
    state.inbox[ROOM].remove(state.events[0].id)

    assert "never handled" in found_in(ledger, state).lost[0]


def test_a_healthy_event_that_was_given_up_is_found(ledger, state):
    state.inbox[ROOM].remove(state.events[0].id)
    state.setbacks[ROOM][state.events[0].id] = "dead"

    assert "gave up a healthy event" in found_in(ledger, state).wrong[0]


def test_an_event_that_nobody_said_is_found(ledger, state):
    phantom = uuid4()
    state.inbox[ROOM].add(phantom)
    state.effects[ROOM][phantom] = 1

    assert "nobody ever said" in found_in(ledger, state).wrong[0]


def test_an_effect_that_happened_twice_is_found(ledger, state):
    state.effects[ROOM][state.events[0].id] = 2

    assert "2 times" in found_in(ledger, state).doubled[0]


def test_a_mark_without_its_effect_is_lost(ledger, state):
    del state.effects[ROOM][state.events[0].id]

    assert "without its effect" in found_in(ledger, state).lost[0]


def test_what_waits_in_an_outbox_is_found(ledger, state):
    state.outbox[ROOM] = 2

    assert "2 events still wait" in found_in(ledger, state).wrong[0]


def test_another_answer_to_the_same_key_is_found(ledger, state):
    ledger.repeated(ledger.entries[0], 201, {"id": str(uuid4())})

    assert "answers differ" in found_in(ledger, state).wrong[0]


def test_a_mail_may_come_again_only_with_another_attempt(ledger, state):
    state.sent = Counter({"mail-1": 1, "mail-2": 2, "mail-3": 1})

    found = found_in(ledger, state, mails={"<mail-1@x>": 2, "<mail-2@x>": 2})

    assert [line.split()[1] for line in found.doubled] == ["mail-1"]
    assert [line.split()[1] for line in found.lost] == ["mail-3"]


def test_poison_is_among_the_dead_with_its_reason_and_nothing_else_is(ledger, state):
    injected = Injected(poison=[(ROOM, "poison-1"), (ROOM, "poison-2")])
    state.buried = [Buried(ROOM, "poison-1", "not JSON"), Buried(ROOM, "event-5", "Bug")]

    found = found_in(ledger, state, injected=injected)

    assert "poison-2 is not among the dead" in found.lost[0]
    assert "a healthy message is dead" in found.wrong[0]


def test_an_event_that_is_tried_without_end_is_found(ledger, state):
    found = found_in(ledger, state, tries={"event-1": 40, "event-2": 4})

    assert len(found.wrong) == 1


def test_money_and_badges_are_counted(ledger, state):
    state.money = {"uneven": 1, "surprises": 0}
    state.completed, state.badges = 2, 1

    found = found_in(ledger, state)

    assert found.wrong == ["money: uneven is 1"]
    assert len(found.lost) == 1


def test_the_longest_gap_leaves_out_the_time_in_which_a_server_was_down():
    gap = longest_gap([1.0, 2.0, 12.0, 13.0], [(3.0, 9.0), (5.0, 11.0)], 0.0, 14.0)

    assert gap == pytest.approx(2.0)
