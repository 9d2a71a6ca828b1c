"""Whole micro-internships in a sandbox, from the posting to the badge, against the real rooms.

    ./sibol bench sandbox

Three lives: everybody falls silent once the offer is accepted; the intern works and the employer is
silent; everybody acts. Each stays under 5 seconds of real time, and no mail leaves.
"""

import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from bench._servers import a_broker, a_database
from services.gateway.timers.calendar import MANILA
from tests.support.api import Api, Life, skill_ids
from tests.support.rooms import Rooms, running

LONGEST_SECONDS = 5
ENDED = {"completed", "terminated", "not_agreed", "not_started"}


@dataclass
class Play:
    """One life in a sandbox of its own."""

    owner: Api
    tenant: str
    life: Life
    fired: list[Any] = field(default_factory=list)
    moves: int = 0

    @classmethod
    async def begin(cls, api: Api) -> "Play":
        owner = await api.joined("Olivia Santos", "en")
        made = await owner.post("/v1/sandboxes", {"name": "Bench"})
        people: dict[str, Api] = {}
        for person in made["people"]:
            them = Api(api.session, api.base, person["token"], person)
            people.setdefault(person["role"], them)
        life = Life(people["employer"], people["applicant"], await skill_ids(api))
        play = cls(owner, made["sandbox"]["tenant"], life)
        life.employer.settle = partial(play.advance, "PT1S")
        return play

    async def advance(self, how_long: str) -> None:
        moved = await self.owner.post(
            "/v1/sandbox/clock", {"tenant": self.tenant, "advance": how_long}
        )
        assert moved["reached"], moved
        self.fired += moved["fired"]
        self.moves += 1

    async def engage(self) -> None:
        await self.life.apply()
        now = (await self.life.employer.get("/v1/sandbox/clock"))["now"]
        today = datetime.fromisoformat(now).astimezone(MANILA).date()
        await self.life.command(
            self.life.employer,
            "offer",
            {"message": "Tuloy tayo!", "starts_on": today.isoformat()},
        )
        await self.life.command(self.life.applicant, "accept")
        self.life.engagement = (await self.life.applicant.get("/v1/me/engagements"))["items"][0]

    async def sign(self) -> None:
        for party in (self.life.applicant, self.life.employer):
            self.life.engagement = await party.post(
                f"{self.life.at}/sign",
                {"agreement_hash": self.life.engagement["agreement_hash"]},
            )
        await self.advance("PT1M")

    async def check_in(self) -> None:
        await self.life.applicant.post(f"{self.life.at}/check-in", {"mood": "fine"})

    async def hand_in(self) -> None:
        for milestone in await self.life.milestones():
            file = await self.life.applicant.call(
                "POST", "/v1/files?name=salin.txt", f"Salin {milestone['position']}".encode()
            )
            await self.life.applicant.post(
                f"/v1/milestones/{milestone['id']}/submit",
                {"note": "Narito na.", "criteria_met": [0, 1], "file_ids": [file["id"]]},
            )

    async def engagement(self) -> Any:
        return await self.life.applicant.get(self.life.at)

    async def credential(self) -> Any:
        found = await self.life.applicant.get("/v1/me/credentials")
        return found["items"][0] if found["items"] else None


async def silence(play: Play) -> str:
    await play.life.post_project()
    await play.engage()
    await play.advance("P120D")
    engagement = await play.engagement()
    assert engagement["state"] in ENDED, engagement
    return str(engagement["state"])


async def silent_employer(play: Play) -> str:
    await play.life.post_project()
    await play.engage()
    await play.sign()
    await play.check_in()
    await play.hand_in()
    await play.advance("P120D")
    credential = await play.credential()
    assert credential is not None, await play.engagement()
    assert credential["state"] == "issued", credential
    return f"{(await play.engagement())['state']}, badge {credential['state']}"


async def everybody(play: Play) -> str:
    await play.life.post_project()
    await play.advance("P2D")
    await play.engage()
    await play.sign()
    await play.check_in()
    await play.advance("P3D")
    await play.hand_in()
    for milestone in await play.life.milestones():
        await play.life.employer.post(
            f"/v1/milestones/{milestone['id']}/accept", {"review": "Maganda."}
        )
    await play.advance("P1D")
    credential = await play.life.wrap_up()
    await play.advance("P30D")
    return f"{(await play.engagement())['state']}, badge {credential['state']}"


LIVES = {
    "all silent after acceptance": silence,
    "intern works, employer silent": silent_employer,
    "everybody acts": everybody,
}


async def main() -> None:
    async with a_database() as database_url, a_broker() as broker:
        with tempfile.TemporaryDirectory() as folder:
            async with running(database_url, broker.url, Path(folder)) as rooms:
                timers = await rooms.run("gateway", "timers")
                try:
                    await measure(rooms, database_url)
                finally:
                    timers.terminate()
                    await timers.wait()


async def measure(rooms: Rooms, database_url: str) -> None:
    conn = await asyncpg.connect(database_url)
    async with aiohttp.ClientSession() as session:
        for name, play_life in LIVES.items():
            play = await Play.begin(Api(session, rooms.url))
            began = time.perf_counter()
            end = await play_life(play)
            seconds = time.perf_counter() - began
            deadlines = sum(item["kind"] == "deadline" for item in play.fired)
            suppressed = await suppressed_mails(conn, play.tenant)
            print(
                f"{name}: {seconds:.2f} s, {play.moves} moves of the clock, "
                f"{len(play.fired)} timers fired ({deadlines} deadlines), "
                f"{suppressed} mails suppressed; {end}"
            )
            assert seconds < LONGEST_SECONDS, f"{seconds:.1f} s"
    await conn.close()
    left = [mail for mail in rooms.sink.mails if "sandbox.example" in (mail["To"] or "")]
    assert not left, f"{len(left)} mails left a sandbox"
    print("mails that left a sandbox: 0")


async def suppressed_mails(conn: asyncpg.Connection, tenant: str) -> int:
    found: int = await conn.fetchval(
        """SELECT count(*) FROM notifications.deliveries
            WHERE tenant = $1 AND state = 'suppressed'""",
        tenant,
    )
    return found


if __name__ == "__main__":
    asyncio.run(main())
