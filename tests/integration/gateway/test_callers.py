"""Who may call what, and see what."""

import asyncio
from uuid import uuid4

import pytest

from services.gateway.app import ROUTES
from services.gateway.payments.routes import SIGNATURE
from tests.integration.gateway.test_input import (
    LETTER,
    address,
    check_problem,
    headers_of,
    named,
    right_body,
)
from tests.integration.gateway.world import World, a_world
from tests.support.api import Refused, profile_body

OPEN = {
    "POST /v1/people",
    "POST /v1/sessions",
    "GET /v1/skills",
    "GET /v1/projects",
    "GET /v1/projects/{project_id}",
    "GET /v1/projects/{project_id}/history",
    "GET /v1/organizations/{organization_id}",
    "GET /v1/organizations/{organization_id}/record",
    "GET /v1/pay-floors",
    "GET /v1/reasons",
    # Signed by the provider.
    "POST /v1/provider/{provider}/callbacks",
}


@pytest.fixture(scope="module")
async def world(still) -> World:
    return await a_world(still)


async def refused(asked) -> int:
    with pytest.raises(Refused) as caught:
        await asked
    return caught.value.status


def test_only_these_routes_of_the_api_are_open_to_everybody():
    found = {named(route) for route in ROUTES if route.open and route.path.startswith("/v1/")}

    assert found == OPEN


def test_whatever_is_no_part_of_the_api_is_open_and_only_read():
    found = {(route.method, route.open) for route in ROUTES if not route.path.startswith("/v1/")}

    assert found == {("GET", True)}


async def test_what_is_for_a_duty_is_refused_to_everybody_without_it(world):
    before = await world.gateway.counts()
    for route in (route for route in ROUTES if route.duties):
        for person in set(world.people) - route.duties:
            found = await world.gateway.asked(
                route.method,
                address(world, route),
                json=right_body(world, route) if route.takes else None,
                headers=headers_of(world, route, person),
            )
            check_problem(*found, {403})

    assert await world.gateway.counts() == before


async def test_only_operators_and_owners_tell_the_sandboxs_provider(world):
    path, told = "/v1/sandbox/provider", {"behaviour": "ok", "kind": "refund"}

    for person in set(world.people) - {"operator"}:
        assert await refused(world.people[person].post(path, told)) == 403
    assert (await world.people["operator"].post(path, told))["behaviour"] == "ok"


@pytest.mark.parametrize("signature", [None, "", "sha256=", "sha256=" + "0" * 64])
async def test_a_provider_that_does_not_sign_is_not_heard(world, signature):
    found = await world.gateway.asked(
        "POST",
        "/v1/provider/sandbox/callbacks",
        json={"order_id": str(uuid4()), "result": "done"},
        headers={SIGNATURE: signature} if signature is not None else {},
    )

    check_problem(*found, {401})


@pytest.mark.parametrize(
    "token", [None, "Bearer sibol_unknown", "Bearer x", "Basic eDp5", "Bearer", "\udcff"]
)
async def test_nothing_else_answers_without_a_token_of_ours(world, token):
    before = await world.gateway.counts()
    for route in (route for route in ROUTES if not route.open):
        found = await world.gateway.asked(
            route.method,
            address(world, route),
            json=right_body(world, route) if route.takes else None,
            headers={"Authorization": token} if token else {},
        )
        check_problem(*found, {401})
        assert found[1]["WWW-Authenticate"].startswith("Bearer")

    assert await world.gateway.counts() == before


async def test_a_stranger_finds_no_record_of_others(world):
    for route in ROUTES:
        if route.open or "{" not in route.path or route.path.endswith("}/applications"):
            continue
        if route.path.startswith("/v1/projects/") and route.method != "GET":
            continue
        found = await world.gateway.asked(
            route.method,
            address(world, route),
            json=right_body(world, route) if route.takes else None,
            headers=headers_of(world, route, "stranger"),
        )
        check_problem(*found, {403} if route.duties else {404})


async def test_a_session_that_was_ended_or_has_expired_opens_nothing(still):
    ended, expired = await still.joined(), await still.joined()
    await ended.call("DELETE", "/v1/sessions/current")
    await still.database.execute(
        "UPDATE gateway.sessions SET expires_at = now() WHERE person_id = $1", expired.person["id"]
    )

    assert await refused(ended.get("/v1/me")) == 401
    assert await refused(expired.get("/v1/me")) == 401


async def test_a_draft_is_seen_by_its_writer_alone(world):
    life = world.life
    await life.post_project()
    draft = await life.applicant.post(
        f"/v1/projects/{life.project['id']}/applications", {**LETTER, "draft": True}
    )
    path = f"/v1/applications/{draft['id']}"

    assert (await life.applicant.get(path))["state"] == "draft"
    for person in ("employer", "moderator", "stranger"):
        assert await refused(world.people[person].get(path)) == 404
    listed = await life.employer.get(f"/v1/projects/{life.project['id']}/applications")
    assert listed["items"] == []


async def test_a_suspended_posting_is_hidden_from_applicants(world):
    await world.put("project", "suspended")
    path = world.address("project")

    assert await refused(world.people["applicant"].get(path)) == 404
    assert (await world.people["employer"].get(path))["state"] == "suspended"
    assert (await world.people["moderator"].get(path))["allowed"] == ["reinstate", "remove"]


async def test_a_file_is_for_its_owner_and_those_it_was_handed_to(world):
    applicant, employer = world.people["applicant"], world.people["employer"]
    await world.put("milestone", "ready")
    file = await applicant.call("POST", "/v1/files?name=salin.txt", b"Salin")
    path = f"/v1/files/{file['id']}"
    headers = {"Authorization": f"Bearer {employer.token}"}
    early = await world.gateway.asked("GET", path, headers=headers)
    await applicant.post(
        world.address("milestone", "submit"),
        {"note": "Narito.", "criteria_met": [], "file_ids": [file["id"]]},
    )

    status, _, text = await world.gateway.asked("GET", path, headers=headers)

    assert early[0] == 404
    assert (status, text) == (200, b"Salin")
    for person in ("rival", "stranger"):
        assert await refused(world.people[person].get(path)) == 404


async def test_nobody_hands_in_the_file_of_somebody_else(world):
    stolen = await world.people["stranger"].call("POST", "/v1/files?name=akin.txt", b"Akin")
    await world.put("milestone", "ready")

    status = await refused(
        world.people["applicant"].post(
            world.address("milestone", "submit"),
            {"note": "Narito.", "criteria_met": [], "file_ids": [stolen["id"]]},
        )
    )

    assert status == 404
    assert (await world.facts("milestone"))[0] == "ready"


async def test_feedback_is_sealed_until_both_sides_have_spoken(world):
    await world.put("engagement", "wrapping_up")
    path = world.address("engagement", "feedback")
    words = {"rating": 2, "words": "Lihim muna ito."}
    mine = await world.people["applicant"].post(path, words)

    for person in ("applicant", "employer", "moderator"):
        assert await refused(world.people[person].get(path)) == 409
        shown = await world.people[person].get(world.address("engagement"))
        assert "Lihim" not in str(shown)
    assert "feedback" not in mine["allowed"]
    assert await refused(world.people["applicant"].post(path, words)) == 409
    await world.people["employer"].post(path, {"rating": 5, "words": "Salamat"})
    shown = await world.people["applicant"].get(path)
    assert {item["party"] for item in shown["items"]} == {"applicant", "employer"}


async def test_only_an_owner_adds_members(world):
    organization = world.life.project["organization_id"]
    member = await world.gateway.joined()
    path = f"/v1/organizations/{organization}/members"
    await world.people["employer"].post(path, {"email": member.person["email"]})
    other = await world.gateway.joined()

    assert await refused(member.post(path, {"email": other.person["email"]})) == 403
    assert await refused(other.post(path, {"email": other.person["email"]})) == 404


async def test_an_address_of_an_employer_does_not_come_from_the_asker(world):
    organization = world.life.project["organization_id"]

    _, _, found = await world.gateway.asked(
        "GET", f"/employers/{organization}", headers={"Host": "evil.example"}
    )

    assert found["id"] == f"http://localhost:8080/employers/{organization}"


async def test_a_person_cannot_sign_up_twice_however_the_address_is_written(still):
    email = f"{uuid4().hex[:10]}@halimbawa.example"
    wanted = {"email": email, "password": "isang mahabang parirala", "name": "Ana"}
    await still.api.post("/v1/people", wanted)

    assert await refused(still.api.post("/v1/people", {**wanted, "email": email.upper()})) == 409


async def test_profile_of_mine_is_not_that_of_others(still, world):
    person = await still.joined()
    await person.put("/v1/me/profile", profile_body(world.life.skills, headline="Ako ito"))

    other = await world.people["stranger"].get("/v1/me/profile")

    assert other["headline"] != "Ako ito"


async def test_whoever_guesses_a_password_is_stopped(still):
    person = await still.joined()
    guess = {"email": person.person["email"], "password": "hindi ko alam ang sagot"}

    found = [await refused(still.api.post("/v1/sessions", guess)) for _ in range(22)]

    assert set(found[:20]) == {401}
    assert found[20:] == [429, 429]


async def test_people_who_sign_up_do_not_hold_the_others_up(still):
    person = await still.joined()
    joining = [asyncio.ensure_future(still.joined()) for _ in range(60)]
    await asyncio.sleep(0.05)

    await person.get("/v1/me/engagements")

    assert sum(each.done() for each in joining) < 30
    await asyncio.gather(*joining)
