"""A sandbox as its owner and its people use it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.api import Api, Life, skill_ids


@dataclass
class Sandbox:
    tenant: str
    owner: Api
    employer: Api
    applicants: list[Api]
    moderator: Api
    school: Api

    async def life(self) -> Life:
        return Life(self.employer, self.applicants[0], await skill_ids(self.employer))

    async def advance(self, how_long: str) -> Any:
        return await self.employer.post("/v1/sandbox/clock", {"advance": how_long})

    async def settle(self) -> None:
        """Its clock moves on only when what happened has had its effects."""
        await self.advance("PT1S")

    async def now(self) -> str:
        return (await self.employer.get("/v1/sandbox/clock"))["now"]


async def a_sandbox(api: Api) -> Sandbox:
    owner = await api.joined("Olivia Santos", "en")
    made = await owner.post("/v1/sandboxes", {"name": "Pagsubok"})
    by_role: dict[str, list[Api]] = {}
    for person in made["people"]:
        them = Api(api.session, api.base, person["token"], person, api.settle)
        by_role.setdefault(person["role"], []).append(them)
    sandbox = Sandbox(
        made["sandbox"]["tenant"],
        owner,
        by_role["employer"][0],
        by_role["applicant"],
        by_role["moderator"][0],
        by_role["school"][0],
    )
    if api.settle is None:
        sandbox.employer.settle = sandbox.settle
    return sandbox


@asynccontextmanager
async def claimed(database: Any, tenant: str) -> AsyncIterator[None]:
    """As if another request were moving the clock."""
    moving = "UPDATE gateway.sandboxes SET moving_until = {} WHERE tenant = $1"
    await database.execute(moving.format("now() + interval '30 s'"), tenant)
    yield
    await database.execute(moving.format("NULL"), tenant)
