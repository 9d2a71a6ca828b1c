import pytest

from tests.integration.gateway.sandboxes.support import a_sandbox
from tests.support.api import Refused


async def test_a_sandbox_comes_with_people_who_can_work_at_once(still):
    owner = await still.joined("Olivia Santos")

    made = await owner.post("/v1/sandboxes", {"name": "Pagsubok"})

    roles = sorted(person["role"] for person in made["people"])
    assert roles == ["applicant", "applicant", "employer", "moderator", "school"]
    assert {person["locale"] for person in made["people"]} == {"fil", "en"}
    assert all(person["email"].endswith("@sandbox.example") for person in made["people"])
    assert made["sandbox"]["tenant"].startswith("sandbox-")


async def test_its_people_are_equipped_for_their_parts(still):
    sandbox = await a_sandbox(still.api)

    profiles = [await person.get("/v1/me/profile") for person in sandbox.applicants]
    employers = await sandbox.employer.get("/v1/me/organizations")
    moderator = await sandbox.moderator.get("/v1/me")

    assert all(profile["skills"] and profile["headline"] for profile in profiles)
    assert len(employers["items"]) == 1
    assert moderator["duties"] == ["moderator"]


async def test_tokens_are_told_once(still):
    sandbox = await a_sandbox(still.api)

    shown = await sandbox.owner.get(f"/v1/sandboxes/{sandbox.tenant}")

    assert len(shown["people"]) == 5
    assert not any("token" in person for person in shown["people"])


async def test_nobody_has_more_than_three_sandboxes(still):
    owner = await still.joined("Olivia Santos")
    for number in range(3):
        await owner.post("/v1/sandboxes", {"name": f"Pagsubok {number}"})

    with pytest.raises(Refused, match="409"):
        await owner.post("/v1/sandboxes", {"name": "Isa pa"})


async def test_who_lives_in_a_sandbox_makes_none(still):
    sandbox = await a_sandbox(still.api)

    with pytest.raises(Refused, match="403"):
        await sandbox.employer.post("/v1/sandboxes", {"name": "Sa loob"})


async def test_at_most_fifty_people_come_later(still):
    sandbox = await a_sandbox(still.api)
    path = f"/v1/sandboxes/{sandbox.tenant}/people"

    more = await sandbox.owner.post(path, {"role": "applicant", "locale": "en", "count": 50})

    assert len({person["token"] for person in more["items"]}) == 50
    with pytest.raises(Refused, match="409"):
        await sandbox.owner.post(path, {"role": "employer"})


@pytest.mark.parametrize("path", ["", "/people"])
async def test_a_strangers_sandbox_is_not_there(still, path):
    sandbox = await a_sandbox(still.api)
    stranger = await still.joined("Sino Siya")
    address = f"/v1/sandboxes/{sandbox.tenant}{path}"

    with pytest.raises(Refused, match="404"):
        await (stranger.post(address, {"role": "applicant"}) if path else stranger.get(address))


async def test_nobody_signs_up_into_a_sandbox(still):
    sandbox = await a_sandbox(still.api)

    with pytest.raises(Refused, match="403"):
        await sandbox.employer.joined("Bagong Tao")
