"""How soon the rooms work again after each trouble alone, under a steady load; and that nothing is lost
by it. The bars are those of docs/operating.md.
"""

import asyncio
import re
import signal
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import aiohttp
import asyncpg

from chaos import people
from chaos.faults import AWAY, Scene
from chaos.hearing import heard_by_rooms
from chaos.ledger import Ledger
from chaos.load import Client, Load
from chaos.proxy import ADDRESS
from chaos.rooms import TIMERS, Room
from chaos.running import Outcome, Say, a_stage, judge, waiting
from chaos.servers import Servers
from launcher.running import Run
from shared.database import connect
from shared.messaging.progress import LATE_SECONDS
from shared.messaging.reconciling import Reconciling
from shared.messaging.topology import queue_of

CAST = (
    ("gateway", 1),
    (TIMERS, 1),
    ("matching", 1),
    ("matching", 2),
    ("notifications", 1),
    ("credentialing", 1),
)
# These hear of applications all the time.
BUSY = ("matching", "notifications")
APPLICANTS, POSTINGS = 90, 28
WORKERS, PAUSE_SECONDS = 4, 0.4
OUTAGE_SECONDS = 60
PATIENCE = 90
SETTLE_SECONDS = 3
LOOK_SECONDS = 0.1
OLDEST = re.compile(r'sibol_oldest_unhandled_seconds\{room="matching"\} (\S+)')


@dataclass(frozen=True)
class Finding:
    """In seconds."""

    promise: str
    value: float
    most: float

    @property
    def is_good(self) -> bool:
        return self.value <= self.most


@dataclass
class Recovery:
    findings: list[Finding] = field(default_factory=list)
    accepted: int = 0
    repaired: int = 0
    outcome: Outcome = field(default_factory=lambda: Outcome(0))

    @property
    def is_good(self) -> bool:
        return self.outcome.is_good and all(finding.is_good for finding in self.findings)


class Steady(Load):
    async def _one_application(self, person: people.Person, posting: people.Posting) -> None:
        await super()._one_application(person, posting)
        await asyncio.sleep(PAUSE_SECONDS)


@dataclass
class Watch:
    """What is looked at while the clients work."""

    scene: Scene
    ledger: Ledger
    found: Recovery
    say: Say

    def note(self, promise: str, seconds: float, most: float) -> None:
        self.found.findings.append(Finding(promise, seconds, most))
        self.say(f"{promise}: {seconds:.1f} s")

    async def handled_since(self, room: str, moment: float) -> bool:
        """An event that was said after the moment was handled."""
        found = await self.ask(
            f"""SELECT EXISTS (SELECT FROM {room}.inbox JOIN gateway.events ON id = event_id
                                WHERE occurred_at > to_timestamp($1))""",
            moment,
        )
        return bool(found)

    async def ask(self, question: str, *arguments: Any) -> Any:
        conn = await asyncpg.connect(self.scene.database_url, timeout=5)
        try:
            return await conn.fetchval(question, *arguments)
        finally:
            await conn.close(timeout=5)

    async def until_handled(self, rooms: Iterable[str], moment: float) -> float:
        """Seconds from the moment until each room has handled something that is younger."""
        for room in rooms:
            await _until(partial(self.handled_since, room, moment))
        return time.time() - moment

    async def until_quiet(self) -> None:
        await _until(self._is_quiet)

    async def _is_quiet(self) -> bool:
        """What is waiting is no more than what the load has just made."""
        return sum((await waiting(self.scene)).values()) < 20


async def _until(is_so: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(*AWAY):
            if await is_so():
                return
        await asyncio.sleep(LOOK_SECONDS)
    raise TimeoutError(f"not so after {PATIENCE} s")


async def measured(run: Run, servers: Servers, say: Say) -> Recovery:
    found = Recovery()
    folder = run.places.logs / "recovery"
    async with a_stage(run, servers, "recovery", folder, hears=heard_by_rooms()) as scene:
        async with asyncio.TaskGroup() as tasks:
            keepers = []
            for role, number in CAST:
                room = await scene.house.add(role, number)
                await scene.house.launch(room)
                keepers.append(tasks.create_task(scene.house.keep(room)))
            await scene.house.all_ready()
            await _under_load(scene, found, say)
            await scene.house.stop()
            for keeper in keepers:
                keeper.cancel()
        await servers.forget(scene.database_url, scene.broker)
    return found


async def _under_load(scene: Scene, found: Recovery, say: Say) -> None:
    town = await people.settle(
        scene.database_url,
        scene.house.gateways[0],
        applicants=APPLICANTS,
        postings=POSTINGS,
        spare=0,
    )
    ledger = Ledger(scene.house.folder / "ledger.jsonl")
    watch = Watch(scene, ledger, found, say)
    async with aiohttp.ClientSession() as session:
        load = Steady(town, Client(session, scene.house.gateways, ledger, scene.dice), scene.dice)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WORKERS):
                tasks.create_task(load.apply_again_and_again())
            for trouble in (queue_deleted, room_frozen, twin_frozen, broker_away):
                await trouble(watch)
                await watch.until_quiet()
            load.ending.set()
    await watch.until_quiet()
    await _repair(watch)
    ledger.close()
    found.outcome.folder = scene.house.folder
    await judge(scene, ledger, found.outcome)


async def queue_deleted(watch: Watch) -> None:
    """What lay in it is gone, and is said again at the end."""
    since = time.time()
    await asyncio.to_thread(watch.scene.broker.delete_queue, queue_of("matching"))
    seconds = await watch.until_handled(["matching"], since)
    watch.note("consuming again after the queue was deleted", seconds, 15)


async def room_frozen(watch: Watch) -> None:
    """Every process of the room: only others can tell."""
    house = watch.scene.house
    frozen = [room for room in house.rooms.values() if room.role == "matching"]
    since = time.time()
    for room in frozen:
        room.signal(signal.SIGSTOP)
    try:
        await _until(partial(_is_late, house.rooms[f"{TIMERS}-1"]))
        watch.note("a frozen room is flagged", time.time() - since, 60)
    finally:
        for room in frozen:
            room.signal(signal.SIGCONT)
    woken = time.time()
    await watch.until_quiet()
    watch.note("has caught up after it was woken", time.time() - woken, 15)


async def _is_late(timers: Room) -> bool:
    text = await asyncio.to_thread(_metrics, timers.port)
    found = OLDEST.search(text)
    return found is not None and float(found[1]) > LATE_SECONDS


def _metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://{ADDRESS}:{port}/metrics", timeout=5) as answer:
        return str(answer.read(), "utf-8")


async def twin_frozen(watch: Watch) -> None:
    """The broker gives what it holds to the other one."""
    room = watch.scene.house.rooms["matching-1"]
    since = time.time()
    room.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(1)
        await _until(partial(_nothing_from_before, watch, since + 1))
        watch.note("a frozen twin's work is done by the other", time.time() - since, 60)
    finally:
        room.signal(signal.SIGCONT)


async def _nothing_from_before(watch: Watch, moment: float) -> bool:
    left = await watch.ask(
        """SELECT count(*) FROM gateway.events
            WHERE name = ANY($1) AND occurred_at < to_timestamp($2)
              AND NOT EXISTS (SELECT FROM matching.inbox WHERE event_id = id)""",
        list(watch.scene.hears["matching"]),
        moment,
    )
    return bool(left == 0)


async def broker_away(watch: Watch) -> None:
    server = watch.scene.servers.broker
    since = time.time()
    await server.kill()
    await asyncio.sleep(OUTAGE_SECONDS)
    await server.start_until_ready()
    back = time.time()
    watch.found.accepted = sum(since < at < back for at in watch.ledger.successes)
    gap = _longest_gap(watch.ledger.successes, since, back)
    watch.note(f"between answers while the broker was away for {back - since:.0f} s", gap, 1)
    seconds = await watch.until_handled(BUSY, back)
    watch.note("consuming again after the broker's return", seconds, 5)
    await watch.until_quiet()
    watch.note("all of the outage published and handled", time.time() - back, 15)


def _longest_gap(successes: Iterable[float], since: float, until: float) -> float:
    times = [since, *(at for at in successes if since < at < until), until]
    return max(later - earlier for earlier, later in pairwise(times))


async def _repair(watch: Watch) -> None:
    """As every room does each ten minutes, without its patience."""
    scene = watch.scene
    async with connect(scene.database_url, "gateway") as database:
        found = await Reconciling(
            database, scene.broker.url, "gateway", patience=timedelta(seconds=1)
        ).reconcile()
    watch.found.repaired = sum(found.values())
    await asyncio.sleep(SETTLE_SECONDS)
    await watch.until_quiet()
