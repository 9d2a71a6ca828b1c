"""Whoever takes on work is told which applications no longer fit their week."""

from uuid import uuid4

import pytest

from tests.integration.gateway.selection.support import LETTER, Choosing, offer
from tests.support.api import profile_body

ACCEPTED = "application.accepted.v1"
CLASHING = "application.clashing.v1"


async def busy(choosing: Choosing, *, hours: int, weeks: int = 2, declared: int = 20) -> list[str]:
    """One person with two applications to work of 10 hours a week; then they accept another, of
    the hours given. Return the three ids, the accepted one last."""
    person = await choosing.still.joined()
    await person.put("/v1/me/profile", profile_body(choosing.life.skills, weekly_hours=declared))
    choosing.people.append(person)
    ids = []
    for wanted, within in ((20, 2), (20, 2), (hours, weeks)):
        await choosing.post(hours=wanted, weeks=within, fee=900_000, milestones=ONE_PART)
        ids.append(await choosing.applied(person))
    await choosing.employer.post(f"/v1/applications/{ids[2]}/offer", offer())
    await person.post(f"/v1/applications/{ids[2]}/accept")
    await choosing.hears(ids[2], ACCEPTED)
    return ids


ONE_PART = [{"title": "Salin", "description": "Buong salin", "due_days": 9, "fee": 900_000}]


async def test_what_no_longer_fits_is_proposed_for_withdrawal_once(choosing):
    ids = await busy(choosing, hours=22)

    await choosing.hears(ids[2], ACCEPTED)

    assert [await choosing.said(each, CLASHING) for each in ids] == [1, 1, 0]
    found = await choosing.people[0].get("/v1/me/clashes")
    assert (found["weekly_hours"], found["taken_hours"]) == (20, 11)
    assert [item["application_id"] for item in found["items"]] == ids[:2]
    assert {item["weekly_hours"] for item in found["items"]} == {10}


async def test_what_fits_to_the_hour_is_left_alone(choosing):
    ids = await busy(choosing, hours=20)

    assert [await choosing.said(each, CLASHING) for each in ids] == [0, 0, 0]
    assert (await choosing.people[0].get("/v1/me/clashes"))["items"] == []


async def test_an_offer_above_the_declared_hours_may_be_accepted(choosing):
    ids = await busy(choosing, hours=60, declared=20)

    found = await choosing.people[0].get(f"/v1/applications/{ids[2]}")

    assert found["state"] == "accepted"


async def test_clashing_applications_are_withdrawn_on_confirmation_each_by_itself(choosing):
    ids = await busy(choosing, hours=40)
    draft = await _draft(choosing)
    stranger = str(uuid4())

    found = await choosing.people[0].post(
        "/v1/me/clashes/withdraw", {"application_ids": [stranger, ids[1], ids[2], draft]}
    )

    assert [item["status"] for item in found["items"]] == [404, 200, 409, 200]
    assert [item["state"] for item in found["items"]] == [
        None,
        "withdrawn",
        "accepted",
        "discarded",
    ]
    left = await choosing.people[0].get("/v1/me/clashes")
    assert [item["application_id"] for item in left["items"]] == [ids[0]]
    withdrawn = await choosing.people[0].get(f"/v1/applications/{ids[1]}")
    assert withdrawn["reason"] == "hours_taken"


async def _draft(choosing: Choosing) -> str:
    await choosing.post()
    found = await choosing.people[0].post(f"{choosing.at}/applications", {**LETTER, "draft": True})
    return found["id"]


@pytest.mark.parametrize("wrong", [[], ["hindi-id"]])
async def test_a_withdrawal_of_nothing_is_refused(still, wrong):
    person = await still.joined()

    status, _, _ = await still.asked(
        "POST",
        "/v1/me/clashes/withdraw",
        json={"application_ids": wrong},
        headers={"Authorization": f"Bearer {person.token}"},
    )

    assert status == 422
