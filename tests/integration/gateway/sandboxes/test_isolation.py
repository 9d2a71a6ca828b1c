"""Nothing of a sandbox is seen outside it, and nothing of the world inside."""

from uuid import uuid4

import pytest

from tests.integration.gateway.sandboxes.support import a_sandbox
from tests.support.api import PASSWORD, Life, Refused, profile_body


@pytest.fixture
async def sandbox(still):
    return await a_sandbox(still.api)


@pytest.fixture
async def inside(sandbox) -> Life:
    life = await sandbox.life()
    await life.post_project()
    return life


@pytest.fixture
async def outside(still) -> Life:
    life = await Life.between(still.api)
    await life.post_project()
    await life.applicant.put("/v1/me/profile", profile_body(life.skills))
    return life


async def ids(who) -> set[str]:
    return {item["id"] for item in (await who.get("/v1/projects?limit=100"))["items"]}


async def test_open_projects_are_listed_to_their_own_tenant(still, inside, outside):
    real, trial = outside.project["id"], inside.project["id"]

    assert trial not in await ids(outside.applicant) | await ids(still.api)
    assert await ids(inside.applicant) == {trial}
    assert real in await ids(still.api)


async def test_a_project_of_another_tenant_is_not_there(inside, outside):
    for who, project in ((outside.applicant, inside.project), (inside.applicant, outside.project)):
        with pytest.raises(Refused, match="404"):
            await who.get(f"/v1/projects/{project['id']}")
        with pytest.raises(Refused, match="404"):
            await who.post(
                f"/v1/projects/{project['id']}/applications",
                {"cover_letter": "Matagal na po akong nagsasalin ng mga gabay."},
            )


async def test_an_organization_of_another_tenant_is_not_there(still, inside, outside):
    own, theirs = inside.project["organization_id"], outside.project["organization_id"]

    for who, organization in (
        (still.api, own),
        (outside.applicant, own),
        (inside.applicant, theirs),
    ):
        with pytest.raises(Refused, match="404"):
            await who.get(f"/v1/organizations/{organization}")
    assert await inside.applicant.get(f"/v1/organizations/{own}")


async def test_a_moderator_of_a_sandbox_judges_nothing_outside(sandbox, outside):
    await outside.apply()

    for address in (
        f"/v1/projects/{outside.project['id']}",
        f"/v1/applications/{outside.application['id']}",
    ):
        with pytest.raises(Refused, match="404"):
            await sandbox.moderator.get(address)
    with pytest.raises(Refused, match="404"):
        await sandbox.moderator.post(
            f"/v1/projects/{outside.project['id']}/suspend", {"reason": "fraud"}
        )


async def test_nobody_of_the_world_joins_an_organization_of_a_sandbox(inside, outside):
    with pytest.raises(Refused, match="404"):
        await inside.employer.post(
            f"/v1/organizations/{inside.project['organization_id']}/members",
            {"email": outside.applicant.person["email"]},
        )


async def test_an_application_in_a_sandbox_is_seen_in_it_alone(still, inside):
    moderator = await still.joined("Mona Diaz", duty="moderator")

    await inside.apply()

    address = f"/v1/applications/{inside.application['id']}"
    assert (await inside.employer.get(address))["state"] == "submitted"
    with pytest.raises(Refused, match="404"):
        await moderator.get(address)


async def test_events_carry_the_tenant_and_its_time(still, sandbox, inside):
    await still.database.execute(
        "UPDATE gateway.sandboxes SET ahead = '3 days' WHERE tenant = $1", sandbox.tenant
    )

    await inside.apply()

    row = await still.database.fetchrow(
        """SELECT tenant, ahead, occurred_at - now() > interval '2 days 23 hours' AS is_ahead
             FROM gateway.events WHERE name = 'application.submitted.v1' AND tenant = $1""",
        sandbox.tenant,
    )
    assert row["tenant"] == sandbox.tenant
    assert row["ahead"].days == 3
    assert row["is_ahead"]


async def test_a_connection_is_clean_again_after_a_sandboxs_request(still, inside, outside):
    for _ in range(20):
        await inside.applicant.get("/v1/projects")

    assert inside.project["id"] not in await ids(still.api)


async def test_an_idempotent_command_works_in_its_tenant(inside):
    again = await inside.employer.post(
        f"/v1/projects/{inside.project['id']}/pause", **{"Idempotency-Key": str(uuid4())}
    )

    assert again["state"] == "paused"


async def test_nobody_of_a_sandbox_signs_in_with_a_password(still, sandbox):
    with pytest.raises(Refused, match="401"):
        await still.api.post(
            "/v1/sessions", {"email": sandbox.employer.person["email"], "password": PASSWORD}
        )
