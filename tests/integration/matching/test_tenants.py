"""A sandbox and the world are never matched with each other."""

import pytest

from services.matching import queries
from tests.integration.matching.support import changed, opened

SANDBOX = "sandbox-01"


@pytest.fixture
def moved_inside(gateway):
    """Whatever there is by now belongs to the sandbox."""

    async def move() -> None:
        for table in ("people", "profiles", "organizations", "projects"):
            await gateway.execute(f"UPDATE {table} SET tenant = $1", SANDBOX)

    return move


async def test_a_project_finds_the_people_of_its_tenant_alone(world, room, moved_inside):
    inside, trial = await world.person("translate"), await world.project("translate")
    await moved_inside()
    outside, real = await world.person("translate"), await world.project("translate")

    await room.hears(opened(trial), opened(real))

    assert await room.list_of(trial) == [inside]
    assert await room.list_of(real) == [outside]


async def test_a_person_finds_the_projects_of_their_tenant_alone(world, room, moved_inside):
    trial = await world.project("translate")
    await room.hears(opened(trial))
    inside = await world.person("translate")
    await moved_inside()
    real, outside = await world.project("translate"), await world.person("translate")
    await room.hears(opened(real))

    await room.hears(changed(inside), changed(outside))

    assert await room.list_of(trial) == [inside]
    assert await room.list_of(real) == [outside]


async def test_a_sandbox_makes_no_skill_rare_or_common(world, room, matching, moved_inside):
    people = [await world.person("translate") for _ in range(3)]
    trial = await world.project("count")
    await moved_inside()
    await room.hears(opened(trial), *map(changed, people))

    real = await world.person("translate")
    await room.hears(changed(real))

    async with matching.acquire() as conn:
        assert await queries.count_skills(conn) == {"translate": 1}
        assert await queries.count_lists(conn) == 1
