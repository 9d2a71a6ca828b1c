"""Times to talk: offered by the employer, chosen by the applicant."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from icalendar import Calendar

from shared import clock
from tests.integration.gateway.selection.support import Choosing, refusal
from tests.support.api import Refused


def times(*days: float) -> list[str]:
    now = clock.now().replace(microsecond=0)
    return [(now + timedelta(days=ahead)).isoformat() for ahead in days]


def wanted(*days: float) -> dict:
    return {"slots": times(*days), "minutes": 30, "where": "https://meet.example/sibol"}


async def offered(choosing: Choosing, *days: float) -> list[dict]:
    await choosing.apply(1)
    found = await choosing.employer.post(
        f"/v1/applications/{choosing.ids[0]}/interview-slots", wanted(*days)
    )
    return found["items"]


async def test_the_applicant_chooses_one_of_the_times(choosing):
    slots = await offered(choosing, 1, 2)

    booked = await choosing.people[0].post(f"/v1/interview-slots/{slots[1]['id']}/book")

    assert booked["booked_at"]
    for party in (choosing.employer, choosing.people[0]):
        found = await party.get(f"/v1/applications/{choosing.ids[0]}/interview-slots")
        assert [bool(slot["booked_at"]) for slot in found["items"]] == [False, True]
    assert await choosing.said(choosing.ids[0], "interview.offered.v1") == 1
    assert await choosing.said(choosing.ids[0], "interview.booked.v1") == 1


async def test_of_two_choices_at_once_one_counts(choosing):
    slots = await offered(choosing, 1, 2)

    found = await asyncio.gather(
        *(choosing.people[0].post(f"/v1/interview-slots/{slot['id']}/book") for slot in slots),
        return_exceptions=True,
    )

    refused = [each for each in found if isinstance(each, Refused)]
    assert [each.status for each in refused] == [409]
    assert await choosing.said(choosing.ids[0], "interview.booked.v1") == 1


async def test_the_talk_is_a_calendar_file(choosing):
    slots = await offered(choosing, 3)
    await choosing.people[0].post(f"/v1/interview-slots/{slots[0]['id']}/book")

    status, headers, file = await choosing.still.asked(
        "GET",
        f"/v1/applications/{choosing.ids[0]}/interview.ics",
        headers={"Authorization": f"Bearer {choosing.people[0].token}"},
    )

    assert status == 200
    assert headers["Content-Type"].startswith("text/calendar")
    event = Calendar.from_ical(file).walk("VEVENT")[0]
    assert event.start == datetime.fromisoformat(slots[0]["starts_at"]).astimezone(UTC)
    assert event.end - event.start == timedelta(minutes=30)
    assert event["LOCATION"] == "https://meet.example/sibol"
    assert event["SUMMARY"].startswith("Aklatan ng Bayan: ")


@pytest.mark.parametrize(("days", "status"), [((-1,), 422), ((61,), 422), ((1, 1), 422)])
async def test_a_time_that_makes_no_sense_is_refused(choosing, days, status):
    await choosing.apply(1)

    refused = await refusal(
        choosing.employer.post(f"/v1/applications/{choosing.ids[0]}/interview-slots", wanted(*days))
    )

    assert refused.status == status


async def test_ten_times_are_the_most(choosing):
    await offered(choosing, *range(1, 8))

    refused = await refusal(
        choosing.employer.post(
            f"/v1/applications/{choosing.ids[0]}/interview-slots", wanted(11, 12, 13, 14)
        )
    )

    assert refused.status == 409


async def test_each_side_has_its_own_part(choosing):
    slots = await offered(choosing, 1)
    stranger = await choosing.still.joined()
    at = f"/v1/applications/{choosing.ids[0]}"

    refused = [
        await refusal(choosing.people[0].post(f"{at}/interview-slots", wanted(2))),
        await refusal(choosing.employer.post(f"/v1/interview-slots/{slots[0]['id']}/book")),
        await refusal(stranger.post(f"/v1/interview-slots/{slots[0]['id']}/book")),
        await refusal(stranger.get(f"{at}/interview-slots")),
        await refusal(choosing.employer.get(f"{at}/interview.ics")),
    ]

    assert [each.status for each in refused] == [403, 403, 404, 404, 404]


async def test_nobody_talks_after_the_decision(choosing):
    slots = await offered(choosing, 1)
    await choosing.employer.post(
        f"/v1/applications/{choosing.ids[0]}/not-select", {"reason": "schedule"}
    )

    refused = await refusal(choosing.people[0].post(f"/v1/interview-slots/{slots[0]['id']}/book"))

    assert refused.status == 409
    assert refused.problem["state"] == "not_selected"
