"""Freezes and clocks as a front end sees them."""

from datetime import timedelta
from typing import Any

import pytest

from shared import clock
from tests.support.api import Refused, profile_body, skill_ids


def freeze_body(**changes: Any) -> dict[str, Any]:
    ends_at = clock.now() + timedelta(days=3)
    return {"scope": "person", "ends_at": ends_at.isoformat(), "reason": "exams", **changes}


async def test_a_student_stops_their_clocks_and_starts_them_again(still):
    ana = await still.joined()

    declared = await ana.post("/v1/freezes", freeze_body())
    mine = await ana.get("/v1/freezes")
    ended = await ana.post(f"/v1/freezes/{declared['freeze']['id']}/end")

    assert declared["timers"] == ended["timers"] == 0
    assert declared["freeze"]["reason"] == "exams"
    assert [freeze["id"] for freeze in mine["items"]] == [declared["freeze"]["id"]]
    assert (await ana.get("/v1/freezes"))["items"] == []


async def test_a_moderator_stops_the_clocks_of_a_region_and_its_people_see_why(still):
    moderator = await still.joined("Mona Diaz", duty="moderator")
    ana = await still.joined()
    await ana.put("/v1/me/profile", profile_body(await skill_ids(ana), region="caraga"))

    declared = await moderator.post(
        "/v1/freezes", freeze_body(scope="region", place="caraga", reason="calamity")
    )

    (seen,) = (await ana.get("/v1/freezes"))["items"]
    assert seen == declared["freeze"]
    assert (seen["place"], seen["reason"]) == ("caraga", "calamity")


async def test_a_school_stops_the_clocks_of_its_students(still):
    dean = await still.joined("Rosa Lim", duty="school")
    school = await dean.post(
        "/v1/organizations",
        {"name": "Kolehiyo ng Ilog", "kind": "school", "industry": "education", "region": "car"},
    )

    declared = await dean.post("/v1/freezes", freeze_body(scope="school", place=school["id"]))

    assert declared["freeze"]["place"] == school["id"]
    assert declared["freeze"]["school"] == "Kolehiyo ng Ilog"


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": "country"},
        {"reason": "tired"},
        {"ends_at": "2027-01-01T00:00:00"},
        {"place": "ncr"},
        {"person_id": "x"},
    ],
)
async def test_a_freeze_that_makes_no_sense_is_refused(still, changes):
    ana = await still.joined()

    with pytest.raises(Refused) as refused:
        await ana.post("/v1/freezes", freeze_body(**changes))

    assert refused.value.status == 422
    assert refused.value.problem["errors"][0]["pointer"] == f"/{next(iter(changes))}"


async def test_more_time_is_taken_by_saying_so(still):
    ana = await still.joined()

    before = await ana.get("/v1/me/clock")
    await ana.put("/v1/me/clock", {"multiplier": 1.5})

    assert before == {"multiplier": 1.0}
    assert await ana.get("/v1/me/clock") == {"multiplier": 1.5}


@pytest.mark.parametrize("multiplier", [0.5, 2.5, "2", None])
async def test_time_is_never_less_than_others_have_nor_more_than_twice(still, multiplier):
    ana = await still.joined()

    with pytest.raises(Refused) as refused:
        await ana.put("/v1/me/clock", {"multiplier": multiplier})

    assert refused.value.status == 422
