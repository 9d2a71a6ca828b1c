"""Short scenes, each made for one known defect: chance alone does not meet every one of them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

import aiohttp
import asyncpg

from chaos import messages, people
from chaos.faults import Scene
from chaos.hearing import heard_by_rooms
from chaos.ledger import Ledger
from chaos.load import LETTER, Client
from chaos.marks import FAULTY, TRIES_FILE
from chaos.people import Town
from chaos.proxy import Mode
from chaos.rooms import BROKER, CRASH_AT, House
from chaos.running import Outcome, a_stage, judge, waiting
from chaos.servers import Servers
from launcher.running import Run

APPLICANTS = 24
QUIET_SECONDS = 12
# What a defect leaves undone will never be done; what is only slow is done by then.
DEFECTIVE_SECONDS = 5
FIRST_BATCH = {CRASH_AT: "consumer.before_commit"}
# Each room on the stage, with its settings.
Cast = dict[str, dict[str, str]]


@dataclass
class Stage:
    scene: Scene
    client: Client
    town: Town
    _applied: int = 0

    async def apply(self, count: int) -> None:
        """Different people, to one posting."""
        posting = self.town.postings[0]
        chosen = self.town.applicants[self._applied : self._applied + count]
        self._applied += count
        path = f"/v1/projects/{posting.id}/applications"
        await asyncio.gather(
            *(self.client.command(person, "apply", path, LETTER) for person in chosen)
        )

    async def quiet(self, seconds: float = QUIET_SECONDS) -> None:
        for _ in range(int(seconds / 0.2)):
            if not any((await waiting(self.scene)).values()):
                return
            await asyncio.sleep(0.2)


@dataclass(frozen=True)
class Scenario:
    """`room` has the defect, and is told to die as `settings` say, at its first two starts; `finds` is
    what is to be found then."""

    room: str
    play: Callable[[Stage], Awaitable[None]]
    finds: str
    settings: dict[str, str] = field(default_factory=dict)


async def lose_the_link(stage: Stage) -> None:
    """Nothing says that what the relay writes is swallowed."""
    await stage.apply(2)
    link = stage.scene.house.rooms["gateway-1"].links[BROKER]
    link.mode = Mode.HALF_OPEN
    await stage.apply(6)
    await asyncio.sleep(1)
    link.heal()


async def die_before_commit(stage: Stage) -> None:
    await stage.apply(6)


async def hear_again(stage: Stage) -> None:
    await stage.apply(4)
    await stage.quiet(4)
    scene = stage.scene
    conn = await asyncpg.connect(scene.database_url)
    try:
        async with scene.channel() as channel:
            names = scene.hears["notifications"]
            await messages.second_copies(conn, channel, "notifications", names, 20)
    finally:
        await conn.close()
    await asyncio.sleep(1.5)


async def raise_always(stage: Stage) -> None:
    message = messages.an_application(FAULTY)
    stage.scene.injected.faulty.add(UUID(message.message_id))
    async with stage.scene.channel() as channel:
        await messages.publish(channel, "notifications", message)
    await stage.apply(2)
    await asyncio.sleep(2)


SCENARIOS: dict[str, Scenario] = {
    "no-confirms": Scenario("gateway", lose_the_link, "never handled event"),
    "ack-first": Scenario("notifications", die_before_commit, "never handled event", FIRST_BATCH),
    "no-inbox": Scenario("notifications", hear_again, "2 times"),
    "publish-first": Scenario("matching", die_before_commit, "nobody ever said", FIRST_BATCH),
    "endless-requeue": Scenario("notifications", raise_always, "tried without end"),
}


async def defective(run: Run, servers: Servers, name: str) -> Outcome:
    """The scene made for this defect, with it."""
    scenario = SCENARIOS[name]
    other = "notifications" if scenario.room == "gateway" else "gateway"
    cast: Cast = {other: {}, scenario.room: scenario.settings}
    return await _played(run, servers, name, cast, [scenario], defect=name)


async def sound(run: Run, servers: Servers) -> Outcome:
    """All scenes, one after the other, without a defect."""
    cast: Cast = {"gateway": {}}
    for scenario in SCENARIOS.values():
        cast.setdefault(scenario.room, {}).update(scenario.settings)
    return await _played(run, servers, "sound", cast, list(SCENARIOS.values()))


async def _played(
    run: Run,
    servers: Servers,
    name: str,
    cast: Cast,
    scenarios: list[Scenario],
    *,
    defect: str | None = None,
) -> Outcome:
    folder = run.places.logs / f"scene-{name}"
    hears = {room: names for room, names in heard_by_rooms().items() if room in cast}
    async with a_stage(run, servers, name.replace("-", "_"), folder, hears=hears) as scene:
        async with asyncio.TaskGroup() as tasks:
            keepers = await _enter(scene.house, tasks, cast, scenarios[0].room, defect)
            outcome = await _play(scene, scenarios, is_defective=defect is not None)
            await scene.house.stop()
            for keeper in keepers:
                keeper.cancel()
        await servers.forget(scene.database_url, scene.broker)
    return outcome


async def _enter(
    house: House, tasks: asyncio.TaskGroup, cast: Cast, guilty: str, defect: str | None
) -> list[asyncio.Task[None]]:
    keepers = []
    for role, settings in cast.items():
        arguments: list[str] = []
        if defect and role == guilty:
            arguments = ["chaos.defective", defect, f"services.{role}"]
        tries = {TRIES_FILE: str(house.folder / "tries")}
        room = await house.add(role, settings=settings | tries, arguments=arguments)
        await house.launch(room)
        keepers.append(tasks.create_task(house.keep(room)))
    await house.all_ready()
    return keepers


async def _play(scene: Scene, scenarios: list[Scenario], *, is_defective: bool) -> Outcome:
    house = scene.house
    town = await people.settle(
        scene.database_url, house.gateways[0], applicants=APPLICANTS, postings=1, spare=0
    )
    ledger = Ledger(house.folder / "ledger.jsonl")
    tries = house.folder / "tries"
    async with aiohttp.ClientSession() as session:
        client = Client(session, house.gateways, ledger, house.dice)
        stage = Stage(scene, client, town)
        for scenario in scenarios:
            await scenario.play(stage)
        await stage.quiet(DEFECTIVE_SECONDS if is_defective else QUIET_SECONDS)
    ledger.close()
    outcome = Outcome(0, folder=house.folder)
    counted = Counter(tries.read_text().split() if tries.exists() else [])
    tallied = frozenset(scene.hears) - {"gateway"}
    await judge(scene, ledger, outcome, tries=counted, tallied=tallied)
    return outcome
