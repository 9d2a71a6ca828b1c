"""Refusals with a reason, one at a time or many at once."""

from uuid import uuid4

import pytest

from tests.integration.gateway.selection.support import Choosing, refusal


async def decide(choosing: Choosing, *items: dict, **headers: str) -> list[dict]:
    found = await choosing.employer.post(
        f"{choosing.at}/decisions", {"items": list(items)}, **headers
    )
    return found["items"]


def shortlist(application_id: str) -> dict:
    return {"application_id": application_id, "command": "shortlist"}


def not_select(application_id: str, **more: object) -> dict:
    return {
        "application_id": application_id,
        "command": "not_select",
        "reason": "experience",
        **more,
    }


async def test_many_are_answered_at_once_each_by_itself(choosing):
    await choosing.apply(4)
    await choosing.employer.post(
        f"/v1/applications/{choosing.ids[3]}/not-select", {"reason": "language"}
    )

    found = await decide(
        choosing,
        not_select(choosing.ids[2], criteria_not_met=[1]),
        shortlist(choosing.ids[1]),
        shortlist(choosing.ids[3]),
        {"application_id": choosing.ids[0], "command": "view"},
        shortlist(str(uuid4())),
    )

    assert [item["status"] for item in found] == [200, 200, 409, 200, 404]
    assert [item["state"] for item in found] == [
        "not_selected",
        "shortlisted",
        "not_selected",
        "seen",
        None,
    ]
    assert found[2]["problem"]["allowed"] == []
    told = await choosing.people[2].get(f"/v1/applications/{choosing.ids[2]}")
    assert (told["reason"], told["criteria_not_met"]) == ("experience", [1])


async def test_an_application_to_another_posting_is_not_decided_here(choosing):
    await choosing.apply(1)
    await choosing.post()

    found = await decide(choosing, shortlist(choosing.ids[0]))

    assert [item["status"] for item in found] == [404]
    assert await choosing.state(0) == "submitted"


async def test_decisions_sent_twice_under_one_key_are_made_once(choosing):
    await choosing.apply(2)
    key = {"Idempotency-Key": uuid4().hex}
    items = [shortlist(each) for each in choosing.ids]

    first = await decide(choosing, *items, **key)
    again = await decide(choosing, *items, **key)

    assert first == again
    assert [item["status"] for item in again] == [200, 200]
    assert await choosing.said(choosing.ids[0], "application.shortlisted.v1") == 1


async def test_one_refusal_under_a_key_undoes_nothing_else(choosing):
    await choosing.apply(2)

    found = await decide(
        choosing,
        shortlist(choosing.ids[0]),
        not_select(choosing.ids[1], criteria_not_met=[9]),
        **{"Idempotency-Key": uuid4().hex},
    )

    assert [item["status"] for item in found] == [200, 422]
    assert [await choosing.state(place) for place in (0, 1)] == ["shortlisted", "submitted"]


async def test_nobody_decides_for_another_employer(choosing):
    await choosing.apply(1)

    refused = await refusal(
        choosing.people[0].post(f"{choosing.at}/decisions", {"items": [shortlist(choosing.ids[0])]})
    )

    assert refused.status == 404


@pytest.mark.parametrize("reason", ["because", "engagement_ended", "", None])
async def test_a_refusal_without_a_known_reason_is_told_the_right_ones(choosing, reason):
    await choosing.apply(1)

    refused = await refusal(
        choosing.employer.post(f"/v1/applications/{choosing.ids[0]}/not-select", {"reason": reason})
    )

    assert refused.status == 422
    if reason:
        assert "skills_not_shown, experience" in refused.problem["detail"]


async def test_a_refusal_cites_criteria_of_the_posting_alone(choosing):
    await choosing.apply(1)

    refused = await refusal(
        choosing.employer.post(
            f"/v1/applications/{choosing.ids[0]}/not-select",
            {"reason": "other", "criteria_not_met": [2]},
        )
    )

    assert refused.status == 422
    assert "2 criteria" in refused.problem["detail"]


async def test_whoever_leaves_may_say_why(choosing):
    await choosing.apply(2)

    said = await choosing.people[0].post(
        f"/v1/applications/{choosing.ids[0]}/withdraw", {"reason": "exams"}
    )
    silent = await choosing.people[1].post(f"/v1/applications/{choosing.ids[1]}/withdraw")

    assert (said["state"], said["reason"]) == ("withdrawn", "exams")
    assert silent["state"] == "withdrawn"


async def test_the_reasons_are_listed_in_words(still):
    found = await still.api.get("/v1/reasons")

    codes = {(item["record"], item["command"]): item["codes"] for item in found["items"]}
    assert "skills_not_shown" in codes["application", "not_select"]
    assert set(found["words"]["skills_not_shown"]) == {"fil", "en"}
