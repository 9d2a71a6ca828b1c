from typing import Any
from uuid import UUID

import pytest

from services.gateway.history import actions
from services.gateway.history.schemas import HistoryView
from services.gateway.lifecycles import Who
from services.gateway.viewer import Viewer
from shared.errors import NotFound
from shared.events import applications as say
from shared.ids import new_id


async def read(
    place: Any,
    viewer: Viewer | None,
    *,
    record: str = "application",
    limit: int = 25,
    **changes: Any,
) -> HistoryView:
    asked = {"accept_language": "", "after": None, **changes}
    record_id = place.application_id if record == "application" else place.project_id
    found = await actions.read_history(
        place.conn, record, record_id, viewer=viewer, limit=limit, **asked
    )
    return HistoryView.of(found, limit)


async def test_the_steps_come_in_order_and_say_which_were_my_own(place):
    await place.say(say.ApplicationSubmitted, "applicant")
    await place.say(say.ApplicationNotSelected, "employer", state="not_selected", reason="pay")

    found = await read(place, place.applicant)

    first, last = found.items
    assert (first.sequence, first.actor.kind, first.actor.you) == (1, "applicant", True)
    assert (last.state, last.reason, last.actor.you) == ("not_selected", "pay", False)


async def test_the_words_are_in_the_language_asked_for_or_in_ones_own(place):
    await place.say(say.ApplicationSeen, "employer")

    own = await read(place, place.applicant)
    asked = await read(place, place.applicant, accept_language="en-US,en;q=0.9")

    assert own.items[0].what == "Binuksan ng employer ang aplikasyon."
    assert asked.items[0].what == "The employer opened the application."


async def test_nobody_finds_what_others_were_told(place):
    event_id = await place.say(say.ApplicationSubmitted, "applicant")
    await place.tell(event_id, place.applicant)

    mine = (await read(place, place.applicant)).items[0].told
    theirs = (await read(place, place.employer)).items[0].told

    assert {(told.channel, told.state, told.reason) for told in mine} == {
        ("inbox", "shown", None),
        ("email", "failed", "mailbox_full"),
    }
    assert theirs == []


async def test_an_employer_is_not_told_of_the_other_offers_of_an_applicant(place):
    await place.say(say.ApplicationClashing, "system")

    assert [step.event for step in (await read(place, place.applicant)).items] == [
        "application.clashing.v1"
    ]
    assert (await read(place, place.employer)).items == []


async def test_a_history_of_many_steps_has_pages(place):
    for _ in range(5):
        await place.say(say.ApplicationSeen, "employer")

    first = await read(place, place.employer, limit=3)
    rest = await read(place, place.employer, limit=3, after=first.items[-1].id)

    assert [step.sequence for step in first.items + rest.items] == [1, 2, 3, 4, 5]
    assert first.next
    assert rest.next is None


@pytest.mark.parametrize("record", ["application", "engagement", "payment", "dispute"])
async def test_who_may_not_see_a_record_finds_no_history_of_it(place, record):
    with pytest.raises(NotFound):
        await actions.read_history(
            place.conn,
            record,
            place.application_id,
            viewer=place.stranger,
            accept_language="",
            after=None,
            limit=25,
        )


async def test_everybody_may_see_where_an_open_posting_is(place):
    found = await read(place, None, record="project")

    assert found.items == []


@pytest.mark.parametrize("role", [Who.APPLICANT, Who.EMPLOYER, Who.MODERATOR])
async def test_the_clocks_of_now_say_what_comes_next(place, role):
    await place.conn.execute(
        """INSERT INTO gateway.timers
           SELECT * FROM jsonb_populate_record(NULL::gateway.timers, $1)""",
        timer(place.application_id),
    )

    found = await read(place, getattr(place, role))

    assert [(due.name, due.waits_on, due.then) for due in found.due] == [
        ("close_by", ["employer"], "no_response")
    ]


def timer(record_id: UUID) -> dict[str, Any]:
    at = "2099-01-01T00:00:00Z"
    return {
        "id": str(new_id()),
        "record": "application",
        "record_id": str(record_id),
        "state": "submitted",
        "name": "close_by",
        "is_reminder": False,
        "waits_on": ["employer"],
        "starts_at": at,
        "days": 14,
        "rings_after": 14,
        "days_before": 0,
        "working": False,
        "due_at": at,
        "ends_at": at,
        "correlation_id": str(new_id()),
        "tenant": "ph",
    }
