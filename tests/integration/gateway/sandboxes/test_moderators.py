"""A sandbox's moderator sees all of it, and nothing else, on every route that there is."""

import pytest

from services.gateway.app import ROUTES
from tests.integration.gateway.sandboxes.support import a_sandbox
from tests.integration.gateway.world import World, a_world

BY_ID = [
    route for route in ROUTES if route.method == "GET" and "_id}" in route.path and not route.open
]


@pytest.fixture(scope="module")
async def world(still) -> World:
    return await a_world(still)


async def test_a_moderator_of_a_sandbox_finds_no_record_outside(still, world):
    moderator = (await a_sandbox(still.api)).moderator
    known = {f"{record}_id": found for record, found in world.ids.items()}
    known["organization_id"] = world.life.project["organization_id"]
    found = {}
    for route in BY_ID:
        names = [part.split("}")[0] for part in route.path.split("{")[1:]]
        if not set(names) <= set(known):
            continue
        status, _, _ = await still.asked(
            "GET",
            route.path.format(**known),
            headers={"Authorization": f"Bearer {moderator.token}"},
        )
        found[route.path] = status

    assert len(found) >= 8
    assert {path: status for path, status in found.items() if status not in {403, 404}} == {}


async def test_a_moderator_of_the_world_finds_no_record_of_a_sandbox(still):
    sandbox = await a_sandbox(still.api)
    life = await sandbox.life()
    await life.post_project()
    moderator = await still.joined("Mona Diaz", duty="moderator")

    status, _, _ = await still.asked(
        "GET",
        f"/v1/projects/{life.project['id']}",
        headers={"Authorization": f"Bearer {moderator.token}"},
    )

    assert status == 404
