"""The faults by name, and a plan of them that follows from the seed alone."""

import asyncio
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aio_pika
import asyncpg
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from chaos import messages
from chaos.checker import Injected
from chaos.mail import Sink
from chaos.marks import DEADLY
from chaos.proxy import Link, Mode
from chaos.rooms import BROKER, DATABASE, MAIL, ROLES, House, Room
from chaos.servers import Servers
from launcher.commands import CommandFailed
from shared.database.migrate import ROOMS
from tests.support.broker import Broker

AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    AMQPError,
    ChannelInvalidStateError,
    CommandFailed,
)
BURIED_SECONDS = 40
# Longer than any room needs to start on a busy machine.
BACK_SECONDS = 15
WATCHED = ("matching", "notifications", "credentialing")
# These hear of applications, which the deadly event is about.
MORTAL = ("matching", "notifications")
INSTANCES = (1, 2)
FIRST_AT = 1.0
# A broker that was killed is back after some 10 s.
BROKER_SECONDS, DATABASE_SECONDS, DEADLY_SECONDS = 11.0, 5.0, 14.0


@dataclass(frozen=True)
class Fault:
    """`claims` is what no two faults may hold at once; `role` stands for the role it hits."""

    weight: float
    shortest: float
    longest: float
    claims: str
    often: bool = True


FAULTS: dict[str, Fault] = {
    "kill": Fault(5, 3, 3, "role"),
    "freeze": Fault(3, 2, 8, "role"),
    "end": Fault(3, 5, 5, "role"),
    "broker-crash": Fault(0.5, BROKER_SECONDS, BROKER_SECONDS, "broker", often=False),
    "database-crash": Fault(0.5, DATABASE_SECONDS, DATABASE_SECONDS, "database", often=False),
    "reset": Fault(2, 0.1, 0.1, "role"),
    "half-open": Fault(2, 2, 6, "role"),
    "refuse": Fault(1, 1, 4, "role"),
    "latency": Fault(1, 2, 5, "links"),
    "slices": Fault(1, 1, 3, "links"),
    "memory-alarm": Fault(0.4, 4, 6, "broker", often=False),
    "disk-alarm": Fault(0.4, 4, 6, "broker", often=False),
    "poison": Fault(1, 1, 1, "broker"),
    "deadly": Fault(0, DEADLY_SECONDS, DEADLY_SECONDS, "role", often=False),
    "duplicates": Fault(1.5, 1, 1, "broker"),
    "reorder": Fault(1.5, 1, 1, "broker"),
    "mute-mail": Fault(1, 2, 4, "mail"),
}
# Each of these once in every run that is long enough.
ALWAYS = (
    "deadly",
    "broker-crash",
    "database-crash",
    "poison",
    "half-open",
    "kill",
    "freeze",
    "end",
    "duplicates",
    "reorder",
)
ALARMS = ("memory-alarm", "disk-alarm")


@dataclass(frozen=True)
class Planned:
    at: float
    name: str
    role: str
    number: int
    seconds: float

    @property
    def claims(self) -> str:
        claimed = FAULTS[self.name].claims
        return self.role if claimed == "role" else claimed

    def __str__(self) -> str:
        hit = f" {self.role}-{self.number}" if FAULTS[self.name].claims == "role" else ""
        return f"{self.name}{hit} for {self.seconds:.1f} s"


def plan_of(seed: int, seconds: float, only: Collection[str] = ()) -> list[Planned]:
    dice = random.Random(seed)
    due = _due(dice, only)
    names = [name for name in FAULTS if not only or name in only]
    planned: list[Planned] = []
    at, spent = FIRST_AT, Counter[str]()
    while at < seconds:
        wanted = _wanted(dice, due, names, spent)
        for name in wanted:
            found = _drawn(dice, name, at)
            if _fits(found, planned, seconds):
                planned.append(found)
                spent[name] += 1
                if name in due:
                    due.remove(name)
                break
        at += dice.uniform(0.4, 1.2)
    return planned


def _due(dice: random.Random, only: Collection[str]) -> list[str]:
    rest = [*ALWAYS[3:], dice.choice(ALARMS)]
    dice.shuffle(rest)
    # The longest first, else they no longer fit.
    return [name for name in (*ALWAYS[:3], *rest) if not only or name in only]


def _wanted(
    dice: random.Random, due: list[str], names: list[str], spent: Counter[str]
) -> list[str]:
    weights = [FAULTS[name].weight for name in names]
    free = dice.choices(names, weights, k=3) if any(weights) else []
    drawn = [name for name in free if FAULTS[name].often or not spent[name]]
    return [*due, *drawn] if dice.random() < 0.7 else [*drawn, *due]


def _drawn(dice: random.Random, name: str, at: float) -> Planned:
    fault = FAULTS[name]
    role = dice.choice(MORTAL if name == "deadly" else ROLES)
    if name in {"poison", "duplicates", "reorder"}:
        role = dice.choice(ROOMS)
    seconds = dice.uniform(fault.shortest, fault.longest)
    return Planned(at, name, role, dice.choice(INSTANCES), seconds)


def _fits(found: Planned, planned: list[Planned], seconds: float) -> bool:
    if found.at + found.seconds > seconds:
        return False
    return all(
        each.claims != found.claims or each.at + each.seconds + 0.5 <= found.at for each in planned
    )


@dataclass
class Scene:
    """All that can be broken."""

    house: House
    servers: Servers
    broker: Broker
    database_url: str
    sink: Sink
    dice: random.Random
    hears: Mapping[str, frozenset[str]]
    injected: Injected = field(default_factory=Injected)
    broker_down: list[tuple[float, float]] = field(default_factory=list)
    database_down: list[tuple[float, float]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    now: dict[str, str] = field(default_factory=dict)
    last_at: float = 0
    ends_at: float = 0
    missed: list[str] = field(default_factory=list)
    _locks: defaultdict[str, asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )

    async def carry_out(self, plan: list[Planned], seconds: float) -> None:
        started = time.monotonic()
        self.ends_at = started + seconds
        async with asyncio.TaskGroup() as tasks:
            for planned in plan:
                await asyncio.sleep(max(0, started + planned.at - time.monotonic()))
                tasks.create_task(self._one(planned))

    async def _one(self, planned: Planned) -> None:
        async with self._locks[planned.claims]:
            if time.monotonic() > self.ends_at:
                self.missed.append(f"{planned}: those before it took too long")
                return
            self.now[planned.claims] = str(planned)
            self.counts[planned.name] += 1
            try:
                await CARRIED_OUT[planned.name](self, planned)
            except AWAY as error:
                # Another fault was in the way of this one.
                self.missed.append(f"{planned}: {type(error).__name__}")
            finally:
                self.now.pop(planned.claims, None)
                self.last_at = time.time()

    def room(self, planned: Planned) -> Room:
        return self.house.rooms[f"{planned.role}-{planned.number}"]

    def links(self, kind: str) -> list[Link]:
        return [room.links[kind] for room in self.house.rooms.values()]

    def heal(self) -> None:
        for room in self.house.rooms.values():
            room.signal(signal.SIGCONT)
            for link in room.links.values():
                link.heal()
        self.sink.drops_answers = False

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[AbstractChannel]:
        connection = await aio_pika.connect(self.broker.url, timeout=10)
        async with connection:
            yield await connection.channel(publisher_confirms=True, on_return_raises=True)


async def kill(scene: Scene, planned: Planned) -> None:
    room = scene.room(planned)
    room.signal(signal.SIGKILL)
    await _again(scene, room)


async def _again(scene: Scene, room: Room) -> None:
    """Until it is back, so that its twin is not hit meanwhile."""
    await asyncio.sleep(0.2)
    await scene.house.back(room, seconds=BACK_SECONDS)


async def freeze(scene: Scene, planned: Planned) -> None:
    room = scene.room(planned)
    room.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(planned.seconds)
    finally:
        room.signal(signal.SIGCONT)


async def end(scene: Scene, planned: Planned) -> None:
    """Only one that is at work can be asked to end well."""
    room = scene.room(planned)
    if await scene.house.back(room, seconds=5):
        await scene.house.end(room)
        await _again(scene, room)


async def crash_broker(scene: Scene, _: Planned) -> None:
    since = time.time()
    await scene.servers.broker.kill()
    await scene.servers.broker.start_until_ready()
    scene.broker_down.append((since, time.time()))


async def crash_database(scene: Scene, _: Planned) -> None:
    since = time.time()
    await scene.servers.database.kill()
    await asyncio.sleep(scene.dice.uniform(0, 1))
    await scene.servers.database.start_until_ready()
    scene.database_down.append((since, time.time()))


def _kind_of(scene: Scene, planned: Planned) -> str:
    kinds = [DATABASE, BROKER]
    return scene.dice.choice([*kinds, MAIL] if planned.role == "notifications" else kinds)


async def reset(scene: Scene, planned: Planned) -> None:
    for link in scene.room(planned).links.values():
        link.reset()


async def break_half(scene: Scene, planned: Planned) -> None:
    await _broken(scene, planned, Mode.HALF_OPEN)


async def refuse(scene: Scene, planned: Planned) -> None:
    await _broken(scene, planned, Mode.REFUSE)


async def _broken(scene: Scene, planned: Planned, mode: Mode) -> None:
    link = scene.room(planned).links[_kind_of(scene, planned)]
    link.mode = mode
    if mode is Mode.REFUSE:
        link.reset()
    try:
        await asyncio.sleep(planned.seconds)
    finally:
        link.heal()


async def slow(scene: Scene, planned: Planned) -> None:
    links = scene.links(scene.dice.choice([DATABASE, BROKER]))
    for link in links:
        link.latency = scene.dice.uniform(0.1, 0.2)
    await asyncio.sleep(planned.seconds)
    for link in links:
        link.latency = 0


async def slice_up(scene: Scene, planned: Planned) -> None:
    links = scene.links(scene.dice.choice([DATABASE, BROKER]))
    for link in links:
        link.slices = scene.dice.randint(20, 200)
    await asyncio.sleep(planned.seconds)
    for link in links:
        link.slices = 0


async def alarm_memory(scene: Scene, planned: Planned) -> None:
    limit = "vm_memory_monitor:set_vm_memory_high_watermark"
    await _alarm(scene, planned, f"{limit}(0.0000001)", f"{limit}(0.4)")


async def alarm_disk(scene: Scene, planned: Planned) -> None:
    limit = "rabbit_disk_monitor:set_disk_free_limit"
    await _alarm(scene, planned, f'{limit}("1000TB")', f"{limit}(100000000)")


async def _alarm(scene: Scene, planned: Planned, on: str, off: str) -> None:
    """In one call, so that the alarm always ends: each start of the tool takes seconds."""
    milliseconds = int(planned.seconds * 1000)
    await scene.servers.control(f"{on}, timer:sleep({milliseconds}), {off}.")


async def poison(scene: Scene, planned: Planned) -> None:
    async with scene.channel() as channel:
        for kind in messages.POISON:
            message = messages.poison(kind)
            await messages.publish(channel, planned.role, message)
            scene.injected.poison.append((planned.role, str(message.message_id)))


async def kill_by_message(scene: Scene, planned: Planned) -> None:
    message = messages.an_application(DEADLY)
    async with scene._locks["broker"], scene.channel() as channel:
        await messages.publish(channel, planned.role, message)
    scene.injected.poison.append((planned.role, str(message.message_id)))
    await _buried(scene, planned.role, str(message.message_id))
    await _again(scene, scene.room(planned))


async def _buried(scene: Scene, room: str, event_id: str) -> None:
    deadline = time.monotonic() + BURIED_SECONDS
    while time.monotonic() < deadline:
        with suppress(*AWAY):
            if await _is_buried(scene, room, event_id):
                return
        await asyncio.sleep(0.3)


async def _is_buried(scene: Scene, room: str, event_id: str) -> bool:
    conn = await asyncpg.connect(scene.database_url, timeout=5)
    try:
        state = await conn.fetchval(
            f"SELECT state FROM {room}.public_setbacks WHERE event_id = $1", event_id
        )
    finally:
        await conn.close(timeout=5)
    return bool(state == "dead")


async def duplicate(scene: Scene, planned: Planned) -> None:
    conn = await asyncpg.connect(scene.database_url, timeout=5)
    try:
        async with scene.channel() as channel:
            names = scene.hears[planned.role]
            await messages.second_copies(conn, channel, planned.role, names, 30)
    finally:
        await conn.close()


async def reorder(scene: Scene, planned: Planned) -> None:
    async with scene.channel() as channel:
        for _ in range(5):
            await messages.shuffle(channel, planned.role, scene.dice)
            await asyncio.sleep(0.2)


async def mute_mail(scene: Scene, planned: Planned) -> None:
    """It takes the mail, and is gone before it says so."""
    scene.sink.drops_answers = True
    await asyncio.sleep(planned.seconds)
    scene.sink.drops_answers = False


CARRIED_OUT: dict[str, Callable[[Scene, Planned], Awaitable[None]]] = {
    "kill": kill,
    "freeze": freeze,
    "end": end,
    "broker-crash": crash_broker,
    "database-crash": crash_database,
    "reset": reset,
    "half-open": break_half,
    "refuse": refuse,
    "latency": slow,
    "slices": slice_up,
    "memory-alarm": alarm_memory,
    "disk-alarm": alarm_disk,
    "poison": poison,
    "deadly": kill_by_message,
    "duplicates": duplicate,
    "reorder": reorder,
    "mute-mail": mute_mail,
}
