"""The payment loop as a process of its own, killed like the kernel would, again and again."""

import asyncio
import random
import sys
from datetime import timedelta

from services.gateway.payments import actions
from tests.integration.gateway.payments.house import FEES, a_house
from tests.support.places import ROOT

SEATS = 12
KILLS = 5
LOOP = """
import asyncio, sys
from services.gateway.payments import paying
from shared.database import connect

async def main():
    async with connect(sys.argv[1], "gateway") as database:
        await database.fetchval("SELECT 1")
        print("ready", flush=True)
        await paying.run(asyncio.Event(), database, lambda: None)

asyncio.run(main())
"""


async def killed_soon(url: str, chance: random.Random) -> None:
    loop = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LOOP, url, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    await loop.stdout.readline()
    await asyncio.sleep(chance.uniform(0, 0.08))
    loop.kill()
    await loop.wait()


async def test_a_loop_that_is_killed_at_any_instant_holds_each_fee_once(own_url):
    chance = random.Random(7)
    async with a_house(own_url, seats=SEATS) as house:
        async with house.database.acquire() as conn:
            await actions.fund_project(
                conn, project_id=house.project_id, viewer=house.employer, expected=None
            )

        for _ in range(KILLS):
            await killed_soon(own_url, chance)
            await house.database.execute("UPDATE gateway.payment_orders SET taken_until = NULL")
        house.ahead += timedelta(minutes=10)
        await house.settle()

        whole = SEATS * sum(FEES)
        assert set(await house.states()) == {"held"}
        assert await house.moved("hold") == whole
        assert await house.balance() == {"world": -whole, "held": whole}
        assert await house.state_of("projects", house.project_id) == "open"
