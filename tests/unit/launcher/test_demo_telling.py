from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from launcher.demo.measuring import MATCH, NOTICE, Latencies, percentile, table
from launcher.demo.playing import clauses, first_name, next_monday, numbered, one_more
from launcher.demo.telling import Teller, day, next_due, paid_by, pesos, plain, shortened
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

    teller.moved({"project": {"state": "open"}, "application": {"state": "not_selected"}})

    told = capsys.readouterr().out
    assert "application  submitted -> not selected" in told
    assert "project" not in told


def deadline(**changes: object) -> dict[str, object]:
    own = {"name": "review_by", "due_at": "2026-11-28T23:30:00Z", "waits_on": ["employer"]}
    return {**own, "then": "accepted", **changes}


def test_a_state_is_told_with_what_silence_makes_of_it(capsys):
    Teller().moved({"milestone 1": {"state": "submitted", "due": [deadline()]}})

    told = capsys.readouterr().out
    assert "until    29 Nov 2026, the employer's turn; silence makes it accepted" in told


def test_a_clock_that_changes_nothing_is_not_told():
    alarm = deadline(name="quiet", then=None)

    assert next_due({"due": [alarm]}) is None
    assert next_due({}) is None
    both = next_due({"due": [alarm, deadline(waits_on=["applicant", "employer"], then="stalled")]})
    assert both == "29 Nov 2026, the applicant's or the employer's turn; silence makes it stalled"


def test_a_payment_says_when_it_arrives_instead():
    payment = {"net": 159_600, "pay_by": "2026-11-25T18:00:00Z", "due": [deadline()]}

    assert paid_by(payment) == "₱1,596 with the intern by 26 Nov 2026 at the latest"
    assert next_due(payment) is None
    assert paid_by({"net": 159_600, "pay_by": None}) is None


def test_money_and_days_are_written_as_people_read_them():
    assert pesos(456_000) == "₱4,560"
    assert pesos(456_005) == "₱4,560.05"
    assert day("2026-11-23T17:00:00Z") == "24 Nov 2026"


def test_an_agreement_is_told_by_its_clauses():
    text = "KASUNDUAN\n\nBayad: Nakatabi na.\nPay: It is held.\n"

    assert clauses(text, ("Bayad:", "Pay:")) == ["Bayad: Nakatabi na.", "Pay: It is held."]


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
    for days in range(7):
        today = date(2026, 11, 23) + timedelta(days=days)

        assert next_monday(today) == date(2026, 11, 30)


def test_people_are_called_by_their_first_names():
    assert first_name("Ana Liza Timbol") == "Ana Liza"
    assert first_name("Edring") == "Edring"
