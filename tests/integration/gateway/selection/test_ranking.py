"""A seat that falls free goes to the next whom the employer ranked."""

from uuid import uuid4

import pytest

from tests.integration.gateway.selection.support import Choosing, day, offer, refusal


async def ranked(choosing: Choosing, *places: int, ahead: int = 20) -> None:
    ids = [choosing.ids[place] for place in places]
    await choosing.employer.put(
        f"{choosing.at}/ranking",
        {"application_ids": ids, "message": "Ikaw ang susunod.", "starts_on": day(ahead)},
    )


async def offer_of(choosing: Choosing, place: int) -> dict:
    return (await choosing.people[place].get(f"/v1/applications/{choosing.ids[place]}"))["offer"]


async def test_a_declined_offer_goes_to_the_next_in_the_order(choosing):
    await choosing.apply(3)
    await choosing.offered(0)
    await ranked(choosing, 2, 1)

    await choosing.people[0].post(f"/v1/applications/{choosing.ids[0]}/decline")
    await choosing.hears(choosing.ids[0], "application.declined.v1")

    assert [await choosing.state(place) for place in (1, 2)] == ["submitted", "offered"]
    assert (await offer_of(choosing, 2))["message"] == "Ikaw ang susunod."
    assert (await offer_of(choosing, 2))["starts_on"] == day(20)


async def test_an_offer_that_lapsed_goes_on_and_on_down_the_order(choosing):
    await choosing.apply(3)
    await choosing.offered(0)
    await ranked(choosing, 1, 2)

    for place in (0, 1):
        await choosing.fires(choosing.ids[place], "accept_by")
        await choosing.hears(choosing.ids[place], "application.offer_lapsed.v1")

    assert [await choosing.state(place) for place in range(3)] == [
        "offer_lapsed",
        "offer_lapsed",
        "offered",
    ]


async def test_a_seat_is_offered_on_once_however_often_it_is_heard(choosing):
    await choosing.post(seats=3)
    await choosing.apply(3)
    await choosing.offered(0)
    await ranked(choosing, 1, 2)
    await choosing.people[0].post(f"/v1/applications/{choosing.ids[0]}/decline")

    for _ in range(3):
        await choosing.hears(choosing.ids[0], "application.declined.v1")

    assert [await choosing.state(place) for place in (1, 2)] == ["offered", "submitted"]


async def test_whoever_no_longer_waits_is_passed_over(choosing):
    await choosing.apply(3)
    await choosing.offered(0)
    await ranked(choosing, 1, 2)
    await choosing.people[1].post(f"/v1/applications/{choosing.ids[1]}/withdraw")

    await choosing.people[0].post(f"/v1/applications/{choosing.ids[0]}/decline")
    await choosing.hears(choosing.ids[0], "application.declined.v1")

    assert await choosing.state(2) == "offered"


async def test_a_start_too_near_is_put_three_days_away(choosing):
    await choosing.apply(2)
    await choosing.offered(0)
    await ranked(choosing, 1, ahead=0)

    await choosing.people[0].post(f"/v1/applications/{choosing.ids[0]}/decline")
    await choosing.hears(choosing.ids[0], "application.declined.v1")

    assert (await offer_of(choosing, 1))["starts_on"] == day(3)


async def test_an_agreement_that_fails_frees_the_seat_for_the_next(choosing):
    await choosing.apply(2)
    await choosing.offered(0)
    await ranked(choosing, 1)
    engagement = await choosing.accepted(0)
    await choosing.people[0].post(
        f"/v1/engagements/{engagement['id']}/decline", {"reason": "no_time"}
    )

    await choosing.hears(engagement["id"], "engagement.not_agreed.v1")

    assert await choosing.state(1) == "offered"


async def test_nobody_is_asked_while_the_seat_is_taken(choosing):
    await choosing.post(seats=2)
    await choosing.apply(4)
    await choosing.offered(0)
    await ranked(choosing, 2, 3)
    await choosing.people[0].post(f"/v1/applications/{choosing.ids[0]}/decline")
    for place in (1, 2):
        await choosing.offered(place)

    await choosing.hears(choosing.ids[0], "application.declined.v1")

    assert await choosing.state(3) == "submitted"


async def test_without_an_order_a_free_seat_stays_free(choosing):
    await choosing.apply(2)
    await choosing.offered(0)
    await choosing.people[0].post(f"/v1/applications/{choosing.ids[0]}/decline")

    await choosing.hears(choosing.ids[0], "application.declined.v1")

    assert await choosing.state(1) == "submitted"


async def test_the_reserve_is_released_when_the_work_begins(choosing):
    await choosing.apply(2)
    await ranked(choosing, 1)
    await choosing.offered(0)
    engagement = await choosing.accepted(0)
    for party in (choosing.people[0], choosing.employer):
        await party.post(
            f"/v1/engagements/{engagement['id']}/sign",
            {"agreement_hash": engagement["agreement_hash"]},
        )
    for party in (choosing.people[0], choosing.employer):
        await party.post(f"/v1/engagements/{engagement['id']}/check-in", {"mood": "fine"})
    await choosing.hears(engagement["id"], "engagement.started.v1")

    await choosing.hears(choosing.project_id, "project.started.v1")

    found = await choosing.people[1].get(f"/v1/applications/{choosing.ids[1]}")
    assert (found["state"], found["reason"]) == ("closed", "project_filled")


async def test_the_order_is_shown_to_the_employer_alone(choosing):
    await choosing.apply(2)
    await ranked(choosing, 1, 0)

    found = await choosing.employer.get(f"{choosing.at}/ranking")
    refused = await refusal(choosing.people[0].get(f"{choosing.at}/ranking"))

    assert [item["application_id"] for item in found["items"]] == choosing.ids[::-1]
    assert refused.status == 404


@pytest.mark.parametrize("wrong", ["stranger", "twice", "past", "far"])
async def test_an_order_that_makes_no_sense_is_refused(choosing, wrong):
    await choosing.apply(1)
    ids = {"stranger": [str(uuid4())], "twice": choosing.ids * 2}.get(wrong, choosing.ids)
    starts_on = {"past": day(-1), "far": day(61)}.get(wrong, day(5))
    body = {"application_ids": ids, "message": "Susunod", "starts_on": starts_on}

    refused = await refusal(choosing.employer.put(f"{choosing.at}/ranking", body))

    assert refused.status == 422


async def test_the_same_seat_is_never_offered_twice(choosing):
    await choosing.apply(2)
    await choosing.offered(0)

    refused = await refusal(
        choosing.employer.post(f"/v1/applications/{choosing.ids[1]}/offer", offer())
    )

    assert refused.status == 409


@pytest.mark.parametrize("ahead", [-1, 61])
async def test_an_offer_starts_within_sixty_days(choosing, ahead):
    await choosing.apply(1)

    refused = await refusal(
        choosing.employer.post(f"/v1/applications/{choosing.ids[0]}/offer", offer(ahead))
    )

    assert refused.status == 422
    assert day(60) in refused.problem["detail"]


async def test_the_ranked_are_kept_in_reserve_when_every_seat_is_taken(choosing):
    await choosing.apply(3)
    await choosing.offered(0)
    await ranked(choosing, 1)
    engagement = await choosing.accepted(0)
    await choosing.hears(choosing.project_id, "project.filled.v1")
    kept = [await choosing.state(place) for place in (1, 2)]
    await choosing.people[0].post(
        f"/v1/engagements/{engagement['id']}/decline", {"reason": "no_time"}
    )

    await choosing.hears(engagement["id"], "engagement.not_agreed.v1")

    assert kept == ["submitted", "closed"]
    assert await choosing.state(1) == "offered"
