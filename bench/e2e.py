"""From one end to the other: how long after a commit its effect is there, what the whole path costs beside
the conventional one, and the same for the real rooms.

    ./sibol bench e2e [--rounds N] [--events N] [--quick] [--only latency|path|rooms] [--out FILE]
                      [--markdown]
"""

import asyncio
import json
import logging
import statistics
import sys
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import structlog

from bench import _figures, _job
from bench._cpu import family_seconds, memory_mb
from bench._drain import MICRO, Arena, Failed, an_arena, end, last_value
from bench._figures import Bar, Sheet, number
from bench._load import Plan, Request, Seen
from bench._serving import CONNECTIONS, a_server, check, submissions
from shared import clock
from tests.support.api import Api, Life, profile_body, skill_ids
from tests.support.rooms import PROCESSES, Rooms, free_port, running

PARTS = ("latency", "path", "rooms")
RATES = (100, 600)
HEARD = "sibol.matching"
WARM_UP = 300
LOOK_SECONDS = 0.005
PATIENCE_SECONDS = 120
OURS, CONVENTIONAL = "Sibol", "conventional"
# What takes the POST and relays; what consumes.
PATHS = {
    OURS: (("bench._http", "coalesced"), "relay", ("bench._ours", "many")),
    CONVENTIONAL: (("bench._http", "cte"), "gather", ("bench._ours", "single")),
}
SLOW_RATE = 200
APPLIES_A_SECOND = 50
PEOPLE = 50
REST_SECONDS = 5
LISTENERS = {"match": "matching", "notice": "notifications"}
SUBMITTED = "application.submitted.v1"


@dataclass(frozen=True)
class Delay:
    """Milliseconds."""

    p50: float
    p95: float
    p99: float
    longest: float

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> "Delay":
        cuts = statistics.quantiles(milliseconds, n=100, method="inclusive")
        return cls(cuts[49], cuts[94], cuts[98], max(milliseconds))

    @classmethod
    def median(cls, rounds: Sequence["Delay"]) -> "Delay":
        return sorted(rounds, key=lambda found: found.p99)[(len(rounds) - 1) // 2]

    @property
    def cells(self) -> list[str]:
        return [number(value) for value in (self.p50, self.p95, self.p99, self.longest)]


@dataclass
class Found:
    latency: dict[str, list[Delay]] = field(default_factory=dict)
    path: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    rooms: list[dict[str, Any]] = field(default_factory=list)


async def commit_to_effect(arena: Arena, *, rate: float, seconds: float) -> Delay:
    """Two processes, as in operation: the one that commits and relays, and the one that hears."""
    said, heard = arena.folder / "said", arena.folder / "heard"
    listening = await arena.run(["bench._speak", "hear", str(heard)])
    try:
        await asyncio.sleep(2)
        await arena.finish(["bench._speak", "say", str(rate), str(seconds), str(said)])
        await asyncio.sleep(1)
    finally:
        await end(listening)
    before, after = await asyncio.gather(
        *(asyncio.to_thread(moments, path) for path in (said, heard))
    )
    missing = before.keys() - after.keys()
    if missing:
        raise Failed(f"{len(missing)} of {len(before)} events had no effect.")
    # The first second is for both to become warm.
    late = sorted(before, key=before.__getitem__)[int(rate) :]
    return Delay.of([(after[each] - before[each]) / 1e6 for each in late])


def moments(path: Path) -> dict[str, int]:
    return json.loads(path.read_text("ascii"))


async def whole_path(arena: Arena, name: str, *, events: int, rate: float = 0) -> dict[str, float]:
    """CPU microseconds for each event of all processes but the client, from POST to effect row."""
    (module, variant), relay, consuming = PATHS[name]
    await arena.clear()
    await arena.settle()
    await arena.finish(["bench._ours", "fill", "0"])
    port = free_port()
    consumer = await arena.run(consuming)
    try:
        async with a_server(arena, [module, variant, str(port), relay], port) as server:
            await posted(arena, port, WARM_UP)
            pids = {"server and relay": server, "consumer": consumer.pid}
            before = {part: family_seconds(pid) for part, pid in pids.items()}
            servers = arena.meter.read()
            started = time.perf_counter()
            await posted(arena, port, events, rate)
            seconds = time.perf_counter() - started
            await asyncio.sleep(0.1)
            spent = arena.meter.read() - servers
            found = {part: family_seconds(pid) - before[part] for part, pid in pids.items()}
    finally:
        await end(consumer)
    found |= {"postgres": spent.postgres, "broker": spent.broker}
    micro = {part: value * MICRO / events for part, value in found.items()}
    return micro | {"total": sum(micro.values()), "per second": events / seconds}


async def posted(arena: Arena, port: int, count: int, rate: float = 0) -> None:
    """Until each has its effect."""
    wanted = await last_value(arena, "bench.effects_id_seq") + count
    path = arena.folder / "path.json"
    await asyncio.to_thread(Plan(port, submissions(count), CONNECTIONS, rate).write, path)
    await arena.finish(["bench._load", str(path)])
    check("path", await asyncio.to_thread(Seen.read, path), count)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await last_value(arena, "bench.effects_id_seq") < wanted:
            await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def api_of(rooms: Rooms) -> AsyncIterator[Api]:
    connector = aiohttp.TCPConnector(limit=8)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        yield Api(session, rooms.url)


async def prepared(rooms: Rooms, applies: int) -> list[Request]:
    """People with profiles and postings that are open, through the API, so that every room knows them."""
    async with api_of(rooms) as api:
        skills = await skill_ids(api)
        people = await asyncio.gather(*(a_person(api, skills) for _ in range(PEOPLE)))
        projects = await asyncio.gather(*(a_posting(api) for _ in range(-(-applies // PEOPLE))))
    pairs = [(person, project) for project in projects for person in people]
    return [
        Request(
            "POST",
            f"/v1/projects/{project}/applications",
            person.token,
            {"cover_letter": _job.LETTER},
        )
        for person, project in pairs[:applies]
    ]


async def a_person(api: Api, skills: list[str]) -> Api:
    person = await api.joined()
    await person.put("/v1/me/profile", profile_body(skills))
    return person


async def a_posting(api: Api) -> str:
    life = await Life.between(api)
    await life.post_project(seats=1)
    found: str = life.project["id"]
    return found


class Watch:
    """Notes when each room's mark - written with its effect - is first seen, looking every 5 ms."""

    def __init__(self, conn: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._conn = conn
        self.seen: dict[str, dict[str, float]] = {room: {} for room in LISTENERS.values()}

    async def run(self) -> None:
        since = clock.now()
        while True:
            recent = max(since, clock.now() - timedelta(seconds=5))
            for room, seen in self.seen.items():
                rows = await self._conn.fetch(
                    f"SELECT event_id FROM {room}.inbox WHERE handled_at >= $1 AND name = $2",
                    recent,
                    SUBMITTED,
                )
                now = time.time()
                for row in rows:
                    seen.setdefault(str(row["event_id"]), now)
            await asyncio.sleep(LOOK_SECONDS)


async def real_rooms(arena: Arena, *, applies: int) -> dict[str, Any]:
    folder = arena.folder / "rooms"
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    async with running(arena.database_url, arena.broker.url, folder) as rooms:
        requests = await prepared(rooms, applies)
        await quiet(arena)
        rest = await at_rest(arena, rooms)
        watch = Watch(arena.look)
        watching = asyncio.ensure_future(watch.run())
        try:
            spent, seen = await applied(arena, rooms, requests)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
        await complete(arena, seen)
        return {
            "cpu": {name: value * MICRO / applies for name, value in spent.items()},
            "rest": rest,
            "memory": {name: memory_mb(rooms.processes[name].pid) for name in PROCESSES},
            "delay": await delays(arena, seen, watch),
        }


async def quiet(arena: Arena) -> None:
    """Until everything that the preparation said has been published, and the rooms rest."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        for room in ("gateway", "matching", "notifications"):
            while await arena.look.fetchval(f"SELECT count(*) FROM {room}.outbox"):
                await asyncio.sleep(0.2)
    await asyncio.sleep(5)


async def applied(
    arena: Arena, rooms: Rooms, requests: Sequence[Request]
) -> tuple[dict[str, float], Seen]:
    path = arena.folder / "rooms.json"
    plan = Plan(rooms.ports["gateway"], requests, CONNECTIONS, APPLIES_A_SECOND, keep=True)
    await asyncio.to_thread(plan.write, path)
    before = costs(arena, rooms)
    await arena.finish(["bench._load", str(path)])
    await asyncio.sleep(1)
    after = costs(arena, rooms)
    seen = await asyncio.to_thread(Seen.read, path)
    check("rooms", seen, len(requests))
    return {name: after[name] - before[name] for name in after}, seen


async def at_rest(arena: Arena, rooms: Rooms) -> dict[str, float]:
    """Milliseconds of CPU in each second in which nothing happens."""
    before = costs(arena, rooms)
    await asyncio.sleep(REST_SECONDS)
    after = costs(arena, rooms)
    return {name: (after[name] - before[name]) * 1000 / REST_SECONDS for name in after}


def costs(arena: Arena, rooms: Rooms) -> dict[str, float]:
    servers = arena.meter.read()
    own = {name: family_seconds(rooms.processes[name].pid) for name in PROCESSES}
    return own | {"postgres": servers.postgres, "broker": servers.broker}


async def complete(arena: Arena, seen: Seen) -> None:
    """Each application has its explained match and its notice."""
    ids = list(seen.sent_at)
    async with asyncio.timeout(PATIENCE_SECONDS):
        for statement in (
            "SELECT count(*) FROM matching.matches WHERE application_id = ANY($1::uuid[])",
            "SELECT count(DISTINCT subject) FROM notifications.notices WHERE subject = ANY($1::uuid[])",
        ):
            while await arena.look.fetchval(statement, ids) < len(ids):
                await asyncio.sleep(0.2)


async def delays(arena: Arena, seen: Seen, watch: Watch) -> dict[str, Delay]:
    rows = await arena.look.fetch(
        "SELECT id, subject FROM gateway.events WHERE name = $1 AND subject = ANY($2::uuid[])",
        SUBMITTED,
        list(seen.sent_at),
    )
    sent = {str(row["id"]): seen.sent_at[str(row["subject"])] for row in rows}
    answered = {"answer": Delay.of([seconds * 1000 for seconds in seen.latencies])}
    return answered | {
        kind: Delay.of(
            [
                (watch.seen[room][each] - at) * 1000
                for each, at in sent.items()
                if each in watch.seen[room]
            ]
        )
        for kind, room in LISTENERS.items()
    }


async def measure(options: Namespace) -> Found:
    found, wanted = Found(), options.only or PARTS
    for each in range(options.rounds):
        async with an_arena() as arena:
            if "latency" in wanted:
                await latencies(arena, found, seconds=4 if options.quick else 15)
            if "path" in wanted:
                await paths(arena, found, options)
        if "rooms" in wanted:
            # A database of its own: what the other parts left would be published here.
            async with an_arena() as arena:
                found.rooms.append(await real_rooms(arena, applies=200 if options.quick else 1_000))
        _figures.console.print(f"[dim]round {each + 1} of {options.rounds} is done[/]")
    return found


async def latencies(arena: Arena, found: Found, *, seconds: float) -> None:
    await arena.finish(["bench._ours", "fill", "0"])
    for rate in RATES:
        await arena.clear()
        delay = await commit_to_effect(arena, rate=rate, seconds=seconds)
        found.latency.setdefault(f"{rate} a second", []).append(delay)


async def paths(arena: Arena, found: Found, options: Namespace) -> None:
    for name in PATHS:
        whole = await whole_path(arena, name, events=options.events)
        found.path.setdefault(f"{name}, as fast as it can", []).append(whole)
        slow = await whole_path(
            arena, name, events=SLOW_RATE * (3 if options.quick else 10), rate=SLOW_RATE
        )
        found.path.setdefault(f"{name}, {SLOW_RATE} a second", []).append(slow)


def middle(rounds: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    return sorted(rounds, key=lambda each: each["total"])[(len(rounds) - 1) // 2]


def bars_of(found: Found) -> list[Bar]:
    bars = []
    if found.latency:
        delay = Delay.median(found.latency["100 a second"])
        bars += [
            Bar("commit to effect at 100 a second, p50", delay.p50, 10, at_most=True, unit=" ms"),
            Bar("commit to effect at 100 a second, p99", delay.p99, 50, at_most=True, unit=" ms"),
        ]
    if found.path:
        bars += [
            Bar("whole path against the conventional one", ratio(found, "as fast as it can"), 2.5),
            Bar(f"the same at {SLOW_RATE} a second", ratio(found, f"{SLOW_RATE} a second")),
        ]
    for round_ in found.rooms[:1]:
        workers = {name: size for name, size in round_["memory"].items() if name != "gateway"}
        largest = max(workers, key=lambda name: workers[name])
        size = statistics.median(each["memory"][largest] for each in found.rooms)
        bars.append(
            Bar(f"memory of the largest worker ({largest})", size, 80, at_most=True, unit=" MB")
        )
        bars += [
            Bar(
                f"POST apply to {kind}, p99",
                Delay.median([each["delay"][kind] for each in found.rooms]).p99,
                most,
                at_most=True,
                unit=" ms",
            )
            for kind, most in (("notice", 500), ("match", 1000))
        ]
    return bars


def ratio(found: Found, how: str) -> float:
    ours, theirs = (middle(found.path[f"{name}, {how}"])["total"] for name in (OURS, CONVENTIONAL))
    return theirs / ours


def sheets(found: Found) -> list[Sheet]:
    made = []
    if found.latency:
        rows = [[name, *Delay.median(each).cells] for name, each in found.latency.items()]
        made.append(
            Sheet(
                "From commit to effect", ("rate", "p50 ms", "p95 ms", "p99 ms", "longest ms"), rows
            )
        )
    if found.path:
        columns = list(next(iter(found.path.values()))[0])
        rows = [
            [name, *(number(middle(each)[column]) for column in columns)]
            for name, each in found.path.items()
        ]
        made.append(
            Sheet("From POST to effect: CPU microseconds for each event", ["path", *columns], rows)
        )
    if found.rooms:
        made += room_sheets(found.rooms)
    return made


def room_sheets(rounds: Sequence[Mapping[str, Any]]) -> list[Sheet]:
    kinds = list(rounds[0]["delay"])
    delays_ = [
        [f"POST to {kind}", *Delay.median([each["delay"][kind] for each in rounds]).cells]
        for kind in kinds
    ]
    names = list(rounds[0]["cpu"])
    cpu = {name: statistics.median(each["cpu"][name] for each in rounds) for name in names}
    memory = {
        name: statistics.median(each["memory"][name] for each in rounds) for name in PROCESSES
    }
    rest = {name: statistics.median(each["rest"][name] for each in rounds) for name in names}
    rows = [
        [name, number(value), number(rest[name]), f"{memory[name]:.0f}" if name in memory else ""]
        for name, value in cpu.items()
    ]
    rows.append(["all", number(sum(cpu.values())), number(sum(rest.values())), ""])
    return [
        Sheet(
            f"Real rooms, {APPLIES_A_SECOND} applications a second",
            ("from", "p50 ms", "p95 ms", "p99 ms", "longest ms"),
            delays_,
        ),
        Sheet(
            "Real rooms: CPU for each application",
            ("process", "us", "at rest, ms a second", "RSS MB"),
            rows,
        ),
    ]


def main() -> int:
    options = _figures.arguments("e2e", events=4_000, rounds=3).parse_args()
    if options.quick:
        options.rounds, options.events = 1, 1_000
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    found = asyncio.run(measure(options))
    bars = bars_of(found)
    _figures.tell(
        sheets(found),
        bars,
        {"events": options.events, "rounds": options.rounds, "parts": asdict(found)},
        out=options.out,
        as_markdown=options.markdown,
    )
    return int(not options.quick and any(not bar.passed for bar in bars))


if __name__ == "__main__":
    sys.exit(main())
