"""Many at once: seats, applications, answers under a key."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from services.gateway.applications.rules import LIVE_APPLICATIONS
from tests.integration.gateway.support import Gateway
from tests.support.api import Api, Life, Refused, profile_body, project_body, today

OFFER = {"message": "Tuloy tayo!", "starts_on": today()}
LETTER = {"cover_letter": "Matagal na akong nagsasalin ng mga gabay para sa aming barangay."}


async def outcomes(*asked: Any) -> list[Any]:
    """Each answer, or the status of its refusal."""
    found = await asyncio.gather(*asked, return_exceptions=True)
    for item in found:
        if isinstance(item, BaseException) and not isinstance(item, Refused):
            raise item
    return [item.status if isinstance(item, Refused) else item for item in found]


async def applied(still: Gateway, life: Life, project: Any) -> tuple[Api, str]:
    person = await still.joined()
    await person.put("/v1/me/profile", profile_body(life.skills))
    application = await person.post(f"/v1/projects/{project['id']}/applications", LETTER)
    return person, application["id"]


@pytest.fixture
async def life(still) -> Life:
    return await Life.between(still.api)


async def seats_in(still: Gateway, project_id: str) -> int:
    return await still.database.fetchval(
        "SELECT count(*) FROM gateway.applications WHERE project_id = $1 "
        "AND state IN ('offered', 'accepted')",
        project_id,
    )


async def test_twenty_offers_at_once_never_exceed_the_seats(still, life):
    await life.post_project(seats=3)
    people = [await applied(still, life, life.project) for _ in range(20)]

    found = await outcomes(
        *(life.employer.post(f"/v1/applications/{each}/offer", OFFER) for _, each in people)
    )

    assert sum(isinstance(answer, dict) for answer in found) == 3
    assert found.count(409) == 17
    assert await seats_in(still, life.project["id"]) == 3


async def test_all_offers_accepted_at_once_fill_the_project_once(still, life):
    await life.post_project(seats=3)
    people = [await applied(still, life, life.project) for _ in range(3)]
    for _, each in people:
        await life.employer.post(f"/v1/applications/{each}/offer", OFFER)

    found = await outcomes(
        *(
            person.post(f"/v1/applications/{each}/accept")
            for person, each in people
            for _ in range(5)
        )
    )

    assert sum(isinstance(answer, dict) for answer in found) == 3
    assert found.count(409) == 12
    project = await life.employer.get(f"/v1/projects/{life.project['id']}")
    assert project["state"] == "filled"
    filled = await still.database.fetchval(
        "SELECT count(*) FROM gateway.events WHERE subject = $1 AND name = 'project.filled.v1'",
        project["id"],
    )
    assert filled == 1


async def test_a_seat_that_fell_through_is_offered_again(gateway):
    life = await Life.between(gateway.api)
    await life.post_project(seats=1)
    people = [await applied(gateway, life, life.project) for _ in range(2)]
    await life.employer.post(f"/v1/applications/{people[0][1]}/offer", OFFER)
    await gateway.database.execute(
        "UPDATE gateway.projects SET seats = 2 WHERE id = $1", life.project["id"]
    )
    await people[0][0].post(f"/v1/applications/{people[0][1]}/accept")
    await gateway.database.execute(
        "UPDATE gateway.projects SET seats = 1 WHERE id = $1", life.project["id"]
    )
    engagement = (await people[0][0].get("/v1/me/engagements"))["items"][0]
    await people[0][0].post(f"/v1/engagements/{engagement['id']}/decline", {"reason": "no_time"})

    runner_up = await life.employer.post(f"/v1/applications/{people[1][1]}/offer", OFFER)

    assert runner_up["state"] == "offered"


async def test_a_seat_under_a_posting_that_ended_is_neither_offered_nor_taken(still, life):
    await life.post_project(seats=3)
    (first, offered), (_, waiting) = [await applied(still, life, life.project) for _ in range(2)]
    await life.employer.post(f"/v1/applications/{offered}/offer", OFFER)
    await life.employer.post(f"/v1/projects/{life.project['id']}/cancel", {"reason": "no_budget"})

    found = await outcomes(
        first.post(f"/v1/applications/{offered}/accept"),
        life.employer.post(f"/v1/applications/{waiting}/offer", OFFER),
    )

    assert found == [409, 409]


async def test_applying_twice_at_once_makes_one_application(still, life):
    await life.post_project()
    await life.applicant.put("/v1/me/profile", profile_body(life.skills))
    path = f"/v1/projects/{life.project['id']}/applications"

    found = await outcomes(*(life.applicant.post(path, LETTER) for _ in range(10)))

    assert sum(isinstance(answer, dict) for answer in found) == 1
    assert found.count(409) == 9


async def test_nobody_applies_to_a_project_of_their_own(still, life):
    await life.post_project()
    await life.employer.put("/v1/me/profile", profile_body(life.skills))

    found = await outcomes(
        life.employer.post(f"/v1/projects/{life.project['id']}/applications", LETTER)
    )

    assert found == [403]


async def test_whoever_joins_the_employer_later_stays_the_applicant(still, life):
    await life.post_project()
    await life.apply()
    await life.employer.post(
        f"/v1/organizations/{life.project['organization_id']}/members",
        {"email": life.applicant.person["email"]},
    )

    found = await outcomes(
        life.applicant.post(f"/v1/applications/{life.application['id']}/offer", OFFER)
    )

    assert found == [403]


async def test_nobody_has_more_applications_waiting_than_allowed(still, life):
    await life.post_project()
    await life.applicant.put("/v1/me/profile", profile_body(life.skills))
    await still.database.execute(
        """INSERT INTO gateway.projects
           SELECT (jsonb_populate_record(projects,
                   jsonb_build_object('id', gen_random_uuid()))).*
             FROM gateway.projects, generate_series(1, 25) WHERE id = $1""",
        life.project["id"],
    )
    found = await still.database.fetch(
        "SELECT id FROM gateway.projects WHERE organization_id = $1",
        life.project["organization_id"],
    )

    answers = await outcomes(
        *(life.applicant.post(f"/v1/projects/{row['id']}/applications", LETTER) for row in found)
    )

    assert sum(isinstance(answer, dict) for answer in answers) == LIVE_APPLICATIONS
    assert answers.count(409) == len(found) - LIVE_APPLICATIONS


async def test_members_added_at_once_are_all_added(still, life):
    await life.post_project()
    people = [await still.joined() for _ in range(8)]
    path = f"/v1/organizations/{life.project['organization_id']}/members"

    found = await outcomes(
        *(life.employer.post(path, {"email": person.person["email"]}) for person in people)
    )

    assert all(isinstance(answer, dict) for answer in found)


async def test_money_is_held_once_however_often_it_is_sent(still, life):
    organization = await life.employer.post(
        "/v1/organizations", {"name": "Aklatan", "industry": "education", "region": "ncr"}
    )
    project = await life.employer.post(
        f"/v1/organizations/{organization['id']}/projects", project_body(life.skills)
    )
    path = f"/v1/projects/{project['id']}"
    await life.employer.post(f"{path}/submit")

    found = await outcomes(*(life.employer.post(f"{path}/fund") for _ in range(10)))
    await life.employer.settled()

    (answer,) = [each for each in found if isinstance(each, dict)]
    assert found.count(409) == 9
    assert {item["state"] for item in answer["items"]} == {"holding"}
    asked = await still.database.fetchval(
        """SELECT count(*) FROM gateway.payment_orders
            WHERE payment_id IN (SELECT id FROM gateway.payments WHERE project_id = $1)""",
        project["id"],
    )
    assert asked == len(project["milestones"])
    assert (await life.employer.get(path))["state"] == "open"


@pytest.mark.parametrize("at_once", [False, True])
async def test_one_key_has_one_effect_and_one_answer(still, life, at_once):
    await life.post_project()
    await life.applicant.put("/v1/me/profile", profile_body(life.skills))
    path, key = f"/v1/projects/{life.project['id']}/applications", uuid4().hex

    asked = [life.applicant.post(path, LETTER, **{"Idempotency-Key": key}) for _ in range(10)]
    found = await outcomes(*asked) if at_once else [await each for each in asked]

    assert all(answer == found[0] for answer in found)
    count = await still.database.fetchval(
        "SELECT count(*) FROM gateway.applications WHERE project_id = $1", life.project["id"]
    )
    assert count == 1


async def test_the_answer_of_a_key_carries_its_etag_again(still, life):
    await life.post_project()
    headers = {"Authorization": f"Bearer {life.employer.token}", "Idempotency-Key": uuid4().hex}
    path = f"/v1/projects/{life.project['id']}/pause"

    first = await still.asked("POST", path, json={}, headers=headers)
    again = await still.asked("POST", path, json={}, headers=headers)

    assert again[0] == first[0] == 200
    assert again[1]["ETag"] == first[1]["ETag"]
    assert again[1]["Idempotent-Replayed"] == "true"
    assert again[2] == first[2]


async def test_a_key_used_for_another_request_is_refused(still, life):
    await life.post_project()
    key = {"Idempotency-Key": uuid4().hex}
    organization = {"name": "Aklatan", "industry": "education", "region": "ncr"}
    await life.employer.post("/v1/organizations", organization, **key)

    found = await outcomes(
        life.employer.post("/v1/organizations", {**organization, "name": "Iba"}, **key),
        life.employer.post(f"/v1/projects/{life.project['id']}/pause", organization, **key),
    )

    assert found == [422, 422]


async def test_the_key_of_one_person_is_free_for_another(still, life):
    key = {"Idempotency-Key": uuid4().hex}
    organization = {"name": "Aklatan", "industry": "education", "region": "ncr"}

    first = await life.employer.post("/v1/organizations", organization, **key)
    second = await life.applicant.post("/v1/organizations", organization, **key)

    assert first["id"] != second["id"]


async def test_a_refused_request_leaves_its_key_free(still, life):
    key = {"Idempotency-Key": uuid4().hex}
    organization = {"name": "Aklatan", "industry": "education", "region": "ncr"}
    refused = await outcomes(
        life.employer.post("/v1/organizations", {"name": ""}, **key),
        life.employer.call(
            "POST", "/v1/organizations", b"{", **key, **{"Content-Type": "text/json"}
        ),
    )

    made = await life.employer.post("/v1/organizations", organization, **key)

    assert refused[0] == 422
    assert refused[1] == 415
    assert made["name"] == "Aklatan"


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb"])
async def test_a_key_is_plain_and_short(still, life, key):
    found = await outcomes(
        life.employer.post("/v1/organizations", {"name": "A"}, **{"Idempotency-Key": key})
    )

    assert found == [422]


@pytest.mark.parametrize("tag", ['"0"', '"99"', "0", '"x"', "garbage", 'W/"0"', '"0", "99"'])
async def test_a_stale_or_unreadable_version_is_refused(still, life, tag):
    await life.post_project()

    found = await outcomes(
        life.employer.post(f"/v1/projects/{life.project['id']}/pause", **{"If-Match": tag})
    )

    assert found == [412]


async def test_two_who_change_the_same_version_do_not_overwrite_each_other(still, life):
    await life.post_project()
    await life.applicant.put("/v1/me/profile", profile_body(life.skills))
    draft = await life.applicant.post(
        f"/v1/projects/{life.project['id']}/applications", {**LETTER, "draft": True}
    )
    tag = {"If-Match": f'"{draft["version"]}"'}
    changes = [{"cover_letter": f"{number}: isang liham na sapat ang haba."} for number in range(5)]

    found = await outcomes(
        *(life.applicant.put(f"/v1/applications/{draft['id']}", each, **tag) for each in changes)
    )

    assert sum(isinstance(answer, dict) for answer in found) == 1
    assert found.count(412) == 4


async def test_a_posting_that_closes_while_people_apply_leaves_nobody_waiting(gateway):
    life = await Life.between(gateway.api)
    await life.post_project(seats=5)
    people = [await gateway.joined() for _ in range(8)]
    for person in people:
        await person.put("/v1/me/profile", profile_body(life.skills))
    path = f"/v1/projects/{life.project['id']}"

    await outcomes(
        *(person.post(f"{path}/applications", LETTER) for person in people[:4]),
        life.employer.post(f"{path}/cancel", {"reason": "no_budget"}),
        *(person.post(f"{path}/applications", LETTER) for person in people[4:]),
    )

    for _ in range(100):
        waiting = await gateway.database.fetchval(
            "SELECT count(*) FROM gateway.applications WHERE project_id = $1 AND state <> 'closed'",
            life.project["id"],
        )
        if not waiting:
            break
        await asyncio.sleep(0.05)
    assert waiting == 0


async def test_whoever_applies_in_the_moment_of_closing_is_refused(still, life):
    await life.post_project()
    await life.applicant.put("/v1/me/profile", profile_body(life.skills))
    path = f"/v1/projects/{life.project['id']}/applications"
    async with (
        asyncio.TaskGroup() as tasks,
        still.database.acquire() as conn,
        conn.transaction(),
    ):
        await conn.execute(
            "UPDATE gateway.projects SET state = 'cancelled' WHERE id = $1", life.project["id"]
        )
        applying = tasks.create_task(outcomes(life.applicant.post(path, LETTER)))
        await asyncio.sleep(0.2)

    assert applying.result() == [409]


async def test_pages_show_everything_once(still, life):
    await life.post_project(seats=5)
    everybody = {(await applied(still, life, life.project))[1] for _ in range(7)}
    path, seen, cursor = f"/v1/projects/{life.project['id']}/applications?limit=2", [], ""

    while cursor is not None:
        page = await life.employer.get(path + (f"&cursor={cursor}" if cursor else ""))
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]

    assert seen == sorted(everybody, reverse=True)
