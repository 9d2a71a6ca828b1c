"""One run: start the rooms, work, break things, heal, wait until it is quiet, compare."""

import asyncio
import random
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import aiohttp
import asyncpg

from chaos import checker, faults, people, state
from chaos.checker import Findings, longest_gap
from chaos.faults import Scene, plan_of
from chaos.hearing import heard_by_rooms
from chaos.ledger import Ledger
from chaos.load import Client, Load
from chaos.mail import Sink, controller_of
from chaos.marks import EFFECTS
from chaos.rooms import ROLES, House
from chaos.servers import Servers
from launcher.running import Run
from shared.database.migrate import ROOMS

WORKERS, LIVES = 16, 2
APPLICANTS, POSTINGS, SPARE = 90, 28, 120
# A life takes this long while everything is well.
LIFE_SECONDS = 10
DRAIN_SECONDS = 120
# The lease of a mail or a payment in the hands of one who was killed, and what has piled up.
LEASE_SECONDS = 90
# Clients and lives that are under way may end.
CLOSING_SECONDS = 45
Say = Callable[[str], None]


@dataclass(frozen=True)
class Wishes:
    """`patient`: wait for the mails and payments that a killed room has in hand until its lease ends.
    `keep` the database and the queues afterwards."""

    seed: int
    seconds: float
    only: frozenset[str] = frozenset()
    patient: bool = True
    workers: int = WORKERS
    keep: bool = False


@dataclass
class Outcome:
    seed: int
    acknowledged: int = 0
    repeats: int = 0
    unknown: int = 0
    lives: int = 0
    lives_broken: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    counts: Counter[str] = field(default_factory=Counter)
    gap: float = 0
    gap_with_broker_down: float = 0
    drained: float = 0
    mails: int = 0
    mails_in_hand: int = 0
    resends: int = 0
    events: int = 0
    deaths: int = 0
    folder: Path = Path()

    @property
    def is_good(self) -> bool:
        return not self.findings.all()


async def a_run(run: Run, servers: Servers, say: Say, wishes: Wishes) -> Outcome:
    folder = run.places.logs / f"seed-{wishes.seed}"
    async with a_stage(run, servers, f"seed{wishes.seed}", folder, hears=heard_by_rooms()) as scene:
        async with asyncio.TaskGroup() as tasks:
            keepers = await _enter(scene.house, tasks)
            say("rooms are ready")
            outcome = await _worked(scene, say, wishes)
            await scene.house.stop()
            for keeper in keepers:
                keeper.cancel()
        if wishes.keep:
            say(f"kept: {scene.database_url} and {scene.broker.url}")
        else:
            await servers.forget(scene.database_url, scene.broker)
    return outcome


@asynccontextmanager
async def a_stage(
    run: Run, servers: Servers, name: str, folder: Path, *, hears: Mapping[str, frozenset[str]]
) -> AsyncIterator[Scene]:
    """A database, a virtual host and a mail server of its own, and an empty house."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "keys").mkdir(mode=0o700, parents=True)
    database_url = await servers.database_for(name)
    broker = await servers.host_for(name)
    await execute(database_url, EFFECTS)
    sink = Sink()
    controller = controller_of(sink)
    controller.start()
    dice = random.Random(name)
    house = House(run, database_url, broker.url, controller.port, folder, dice)
    try:
        yield Scene(house, servers, broker, database_url, sink, dice, hears)
    finally:
        await house.stop()
        controller.stop()


async def _enter(house: House, tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
    keepers = []
    for role, number in product(ROLES, faults.INSTANCES):
        room = await house.add(role, number)
        await house.launch(room)
        keepers.append(tasks.create_task(house.keep(room)))
    await house.all_ready()
    return keepers


async def execute(url: str, text: str) -> None:
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(text)
    finally:
        await conn.close()


async def _worked(scene: Scene, say: Say, wishes: Wishes) -> Outcome:
    town = await people.settle(
        scene.database_url,
        scene.house.gateways[0],
        applicants=APPLICANTS,
        postings=POSTINGS,
        spare=SPARE,
    )
    say(f"{len(town.applicants)} people, {len(town.postings)} postings")
    ledger = Ledger(scene.house.folder / "ledger.jsonl")
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=5)
    async with aiohttp.ClientSession(connector=connector) as session:
        client = Client(session, scene.house.gateways, ledger, scene.dice)
        load = Load(town, client, scene.dice)
        async with asyncio.TaskGroup() as tasks:
            _begin(load, tasks, wishes)
            progress = tasks.create_task(_tell(scene, ledger, say))
            outcome = await _broken(scene, ledger, wishes, say)
            load.ending.set()
            client.closing_at = time.monotonic() + CLOSING_SECONDS
            outcome.drained = await _drained(scene) - scene.last_at
            say(f"drained {outcome.drained:.1f} s after the last fault")
            progress.cancel()
    await _drained(scene)
    say("waiting for the mails")
    await _mails_sent(scene, patient=wishes.patient)
    outcome.lives, outcome.lives_broken = load.lives_done, load.lives_broken
    outcome.deaths = sum(room.starts - 1 for room in scene.house.rooms.values())
    ledger.close()
    await judge(scene, ledger, outcome)
    return outcome


def _begin(load: Load, tasks: asyncio.TaskGroup, wishes: Wishes) -> None:
    for _ in range(wishes.workers):
        tasks.create_task(load.apply_again_and_again())
    until = time.monotonic() + max(wishes.seconds - LIFE_SECONDS, wishes.seconds / 2)
    for _ in range(LIVES):
        tasks.create_task(load.live_again_and_again(until))


async def _broken(scene: Scene, ledger: Ledger, wishes: Wishes, say: Say) -> Outcome:
    """From the first operation until the last fault has ended."""
    started, end_at = time.time(), time.monotonic() + wishes.seconds
    plan = plan_of(wishes.seed, wishes.seconds, wishes.only)
    await scene.carry_out(plan, wishes.seconds)
    await asyncio.sleep(max(0, end_at - time.monotonic()))
    scene.heal()
    healed = time.time()
    say("healed; waiting until it is quiet")
    outcome = Outcome(
        wishes.seed, counts=scene.counts, missed=scene.missed, folder=scene.house.folder
    )
    down = [*scene.broker_down, *scene.database_down]
    outcome.gap = longest_gap(ledger.successes, down, started, healed)
    outcome.gap_with_broker_down = longest_gap(
        ledger.successes, scene.database_down, started, healed
    )
    return outcome


async def judge(
    scene: Scene,
    ledger: Ledger,
    outcome: Outcome,
    *,
    tries: Counter[str] | None = None,
    tallied: frozenset[str] = frozenset(faults.WATCHED),
) -> None:
    conn = await asyncpg.connect(scene.database_url)
    try:
        found = await state.read(conn, scene.broker, scene.hears)
    finally:
        await conn.close()
    outcome.acknowledged = len(ledger.acknowledged())
    outcome.repeats = ledger.repeats
    outcome.unknown = sum(entry.status is None for entry in ledger.entries)
    outcome.events = len(found.events)
    outcome.mails = sum(scene.sink.taken.values())
    outcome.mails_in_hand = len(found.in_hand)
    outcome.resends = outcome.mails - len(scene.sink.taken)
    outcome.findings = checker.check(
        ledger,
        found,
        scene.injected,
        mails=scene.sink.taken,
        tries=tries or Counter(),
        tallied=tallied,
    )
    outcome.findings.wrong += scene.house.trouble


async def _tell(scene: Scene, ledger: Ledger, say: Say) -> None:
    before = 0
    while True:
        await asyncio.sleep(2)
        done = len(ledger.successes)
        now = "; ".join(scene.now.values()) or "-"
        say(f"{(done - before) / 2:5.0f} operations/s  {now}")
        before = done


async def _drained(scene: Scene) -> float:
    """When nothing waits any more: no outbox, and nothing said that was not handled."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            left = await waiting(scene)
            scene.now = {room: f"{room}: {count} wait" for room, count in left.items() if count}
            if not scene.now:
                return time.time()
        await asyncio.sleep(0.3)
    return time.time()


async def waiting(scene: Scene) -> dict[str, int]:
    """In each room: what it has said and not published, and what it has not handled."""
    conn = await asyncpg.connect(scene.database_url)
    try:
        return {room: await _waiting_in(conn, scene, room) for room in scene.hears}
    finally:
        await conn.close()


async def _waiting_in(conn: asyncpg.Connection, scene: Scene, room: str) -> int:
    said = " UNION ALL ".join(f"SELECT id, name FROM {source}.events" for source in ROOMS)
    found: int = await conn.fetchval(
        f"""SELECT (SELECT count(*) FROM {room}.outbox)
                 + (SELECT count(*) FROM {room}.public_setbacks WHERE state = 'trying')
                 + (SELECT count(*) FROM ({said}) AS said
                     WHERE name = ANY($1)
                       AND NOT EXISTS (SELECT FROM {room}.inbox WHERE event_id = said.id)
                       AND NOT EXISTS (SELECT FROM {room}.setbacks WHERE event_id = said.id))""",
        list(scene.hears[room]),
    )
    return found


async def _mails_sent(scene: Scene, *, patient: bool) -> None:
    """With patience also those in the hands of a sender that was killed, until their lease ends."""
    deadline = time.monotonic() + LEASE_SECONDS
    conn = await asyncpg.connect(scene.database_url)
    try:
        while time.monotonic() < deadline:
            due = await conn.fetchval(
                """SELECT count(*) FROM notifications.deliveries
                    WHERE state = 'due' AND ($1 OR next_try_at <= now())""",
                patient,
            )
            if not due and not any((await waiting(scene)).values()):
                return
            await asyncio.sleep(0.5)
    finally:
        await conn.close()
