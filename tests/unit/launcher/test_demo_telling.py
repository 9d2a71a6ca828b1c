from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from launcher.demo.measuring import MATCH, NOTICE, Latencies, percentile, table
from launcher.demo.playing import first_name, next_monday, numbered, one_more
from launcher.demo.telling import Teller, plain, shortened
from launcher.demo.watching import FACTS, collected, listeners

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def row(**changes: object) -> dict[str, object]:
    ids = {name: uuid4() for name in ("id", "subject", "correlation_id")}
    said = {"room": "gateway", "name": "project.opened.v1", "occurred_at": NOW}
    return {**ids, **said, "hearer": None, "handled_at": None, **changes}


def test_a_long_text_is_cut_between_words():
    assert shortened("Magandang araw po,\n\nBb. Agcaoili.", 25) == "Magandang araw po, Bb..."
    assert shortened("Salamat!", 25) == "Salamat!"


def test_an_event_is_told_without_its_version():
    assert plain("application.submitted.v1") == "application.submitted"


def test_only_changed_states_are_told(capsys):
    teller = Teller(states={"project": "open", "application": "submitted"})

    teller.moved({"project": "open", "application": "not_selected"})

    told = capsys.readouterr().out
    assert "application  submitted -> not selected" in told
    assert "project" not in told


def test_a_percentile_is_a_value_that_was_measured():
    values = [0.4, 0.1, 0.3, 0.2]

    assert percentile(values, 0.5) == 0.2
    assert percentile(values, 0.99) == 0.4


def test_a_missed_bar_is_shown_as_missed():
    latencies = Latencies({NOTICE: [0.7], MATCH: [0.7]})

    marks = list(table(latencies).columns[-1].cells)

    assert marks == ["[red]✗ missed[/]", "[green]✓[/]"]


def test_marks_of_several_rooms_are_gathered_into_one_event():
    said = row()
    rows = [{**said, "hearer": room, "handled_at": NOW} for room in ("matching", "notifications")]

    events = collected(rows, {said["subject"]})

    assert [set(event.heard) for event in events] == [{"matching", "notifications"}]
    assert events[0].waits_for == []


def test_what_an_event_sets_off_elsewhere_belongs_to_it_and_strangers_events_do_not():
    cause, stranger = row(), row()
    effect = row(correlation_id=cause["correlation_id"], room="matching")

    events = collected([cause, effect, stranger], {cause["subject"]})

    assert [event.id for event in events] == [cause["id"], effect["id"]]


def test_an_event_waits_for_each_room_that_listens_to_it():
    event = collected([said := row(hearer="matching", handled_at=NOW)], {said["subject"]})[0]

    assert listeners()["project.opened.v1"] == {"matching", "notifications"}
    assert event.waits_for == ["notifications"]
    assert set(FACTS) < set(said)


def test_every_play_has_its_own_title_and_address():
    assert numbered("Salin", ["Salin", "Salin (#2)"]) == "Salin (#3)"
    assert one_more("ana@liham.example") != one_more("ana@liham.example")
    assert one_more("ana@liham.example").startswith("ana+")


def test_the_work_begins_on_a_monday_to_come():
    for day in range(7):
        today = date(2026, 11, 23) + timedelta(days=day)

        assert next_monday(today) == date(2026, 11, 30)


def test_people_are_called_by_their_first_names():
    assert first_name("Ana Liza Timbol") == "Ana Liza"
    assert first_name("Edring") == "Edring"
