"""What a request costs: from a bare greeting over the smallest POST that stores something, in each of
the usual forms, to the real gateway's hot commands.

    ./sibol bench gateway [--rounds N] [--events N] [--quick] [--only minimal|real]
                          [--out FILE] [--plot FILE] [--markdown]
"""

import asyncio
import logging
import math
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from uuid import UUID

import structlog

from bench import _figures, _job, _plot
from bench._cast import Cast, Signed, a_cast
from bench._cpu import memory_mb
from bench._drain import MICRO, Arena, an_arena
from bench._figures import Bar, Sheet, number
from bench._load import Plan, Request, Seen
from bench._serving import CONNECTIONS, a_server, check, ready, submissions
from tests.support.rooms import free_port

WARM_UP = 200
HELLO = "POST hello"
COALESCED, CTE, TWO = "POST, coalesced commit", "POST, one CTE each", "POST, two statements"
MINIMAL = {
    HELLO: "hello",
    "POST, parsed only": "parsed",
    TWO: "two",
    CTE: "cte",
    COALESCED: "coalesced",
}
APPLY, VIEW, CHECK_IN, READ = (
    "gateway: POST apply",
    "gateway: POST view",
    "gateway: POST check-in",
    "gateway: GET application",
)
COLUMNS = (
    "request",
    "server",
    "postgres",
    "broker",
    "total us",
    "to hello",
    "p50 ms",
    "p99 ms",
    "per second",
    "RSS MB",
)


@dataclass(frozen=True)
class Cost:
    """CPU microseconds for each request, and milliseconds to the answer."""

    worker: float
    postgres: float
    broker: float
    rate: float
    p50: float
    p99: float
    memory: float

    @property
    def total(self) -> float:
        """The broker's part is the relay's business and is told apart."""
        return self.worker + self.postgres


async def loaded(
    arena: Arena, pid: int, plan: Plan, *, name: str = "load", at_end: float = 0.05
) -> tuple[Cost, Seen]:
    path = arena.folder / f"{name}.json"
    await asyncio.to_thread(plan.write, path)
    before = arena.meter.read(pid)
    await arena.finish(["bench._load", str(path)])
    await asyncio.sleep(at_end)
    spent = arena.meter.read(pid) - before
    seen = await asyncio.to_thread(Seen.read, path)
    check(name, seen, len(plan.requests))
    micro = MICRO / len(plan.requests)
    cost = Cost(
        spent.workers * micro,
        spent.postgres * micro,
        spent.broker * micro,
        len(plan.requests) / seen.seconds,
        seen.quantile(50),
        seen.quantile(99),
        memory_mb(pid),
    )
    return cost, seen


async def minimal(arena: Arena, *, requests: int) -> dict[str, Cost]:
    found = {}
    for name, variant in MINIMAL.items():
        await arena.clear()
        await arena.settle()
        port = free_port()
        async with a_server(arena, ["bench._http", variant, str(port)], port) as pid:

            def plan(count: int, variant: str = variant, port: int = port) -> Plan:
                path = "/hello" if variant == "hello" else "/submissions"
                return Plan(port, submissions(count, path), CONNECTIONS)

            await loaded(arena, pid, plan(WARM_UP))
            found[name], _ = await loaded(arena, pid, plan(requests))
    return found


async def real(arena: Arena, cast: Cast, *, requests: int) -> dict[str, Cost]:
    """The gateway as it is started, its relay included; the rooms behind it are not running."""
    await arena.look.execute("DELETE FROM gateway.timers WHERE record = 'application'")
    await arena.look.execute(
        "DELETE FROM gateway.applications WHERE project_id = ANY($1)", cast.project_ids
    )
    await arena.settle()
    port = free_port()
    environment = {
        "SIBOL_DATABASE_URL": arena.database_url,
        "SIBOL_AMQP_URL": arena.broker.url,
        "SIBOL_FILES_URL": (arena.folder / "files").as_uri(),
        "SIBOL_HTTP_PORT": str(port),
    }
    async with a_server(arena, ["services.gateway"], port, environment) as pid:
        await ready(port)
        return await commands(arena, pid, port, cast, requests)


async def commands(arena: Arena, pid: int, port: int, cast: Cast, requests: int) -> dict[str, Cost]:
    found: dict[str, Cost] = {}

    async def both(name: str, asked: Sequence[Request]) -> None:
        await arena.settle()
        await loaded(arena, pid, Plan(port, asked[:WARM_UP], CONNECTIONS), name="warm")
        plan = Plan(port, asked[WARM_UP : WARM_UP + requests], CONNECTIONS)
        found[name], _ = await loaded(arena, pid, plan, name="real", at_end=0.3)

    await both(APPLY, applying(cast.pairs()))
    rows = await arena.look.fetch(
        "SELECT id FROM gateway.applications WHERE project_id = ANY($1) ORDER BY id",
        cast.project_ids,
    )
    ids = [row["id"] for row in rows]
    await both(VIEW, viewing(cast, ids))
    await both(
        READ,
        [
            Request("GET", item.path.removesuffix("/view"), item.token)
            for item in viewing(cast, ids)
        ],
    )
    await both(CHECK_IN, checking_in(cast, WARM_UP + requests))
    return found


def applying(pairs: Sequence[tuple[Signed, UUID]]) -> list[Request]:
    return [
        Request(
            "POST", f"/v1/projects/{project}/applications", who.token, {"cover_letter": _job.LETTER}
        )
        for who, project in pairs
    ]


def viewing(cast: Cast, ids: Sequence[UUID]) -> list[Request]:
    return [
        Request(
            "POST",
            f"/v1/applications/{each}/view",
            cast.readers[place % len(cast.readers)].token,
            {},
        )
        for place, each in enumerate(ids)
    ]


def checking_in(cast: Cast, count: int) -> list[Request]:
    pairs = list(zip(cast.applicants, cast.engagement_ids, strict=True))
    return [
        Request("POST", f"/v1/engagements/{where}/check-in", who.token, {"mood": "fine"})
        for who, where in (pairs[place % len(pairs)] for place in range(count))
    ]


def middle(rounds: Sequence[Cost]) -> Cost:
    """Each figure's own median."""
    return Cost(
        *(
            median(column)
            for column in zip(*(asdict(each).values() for each in rounds), strict=True)
        )
    )


async def measure(options: Namespace) -> dict[str, list[Cost]]:
    found: dict[str, list[Cost]] = {}
    wanted = options.only or ("minimal", "real")
    async with an_arena() as arena:
        cast = None
        if "real" in wanted:
            await arena.finish(["bench._ours", "fill", "0"])
            cast = await a_cast(arena.database_url, pairs=options.events + WARM_UP)
        for each in range(options.rounds):
            made: dict[str, Cost] = {}
            if "minimal" in wanted:
                made |= await minimal(arena, requests=options.events)
            if cast:
                made |= await real(arena, cast, requests=options.events)
            for name, cost in made.items():
                found.setdefault(name, []).append(cost)
            _figures.console.print(f"[dim]round {each + 1} of {options.rounds} is done[/]")
    return found


def bars_of(found: Mapping[str, Cost]) -> list[Bar]:
    if HELLO not in found:
        return []
    hello = found[HELLO].worker
    real_ones = [name for name in (APPLY, VIEW, CHECK_IN, READ) if name in found]
    return [
        Bar("POST, coalesced, against hello", found[COALESCED].total / hello, 3, at_most=True),
        Bar(
            "coalesced POSTs per core against one CTE each",
            found[CTE].total / found[COALESCED].total,
            2.5,
        ),
        *(Bar(f"{name} against hello", found[name].total / hello) for name in real_ones),
    ]


def sheet(found: Mapping[str, Cost]) -> Sheet:
    hello = found[HELLO].worker if HELLO in found else math.nan
    rows = []
    for name, cost in found.items():
        parts = [number(value) for value in (cost.worker, cost.postgres, cost.broker, cost.total)]
        times = [number(cost.total / hello), number(cost.p50), number(cost.p99)]
        rows.append([name, *parts, *times, f"{cost.rate:,.0f}", f"{cost.memory:.0f}"])
    return Sheet("Requests: CPU microseconds for each (total: server and postgres)", COLUMNS, rows)


def main() -> int:
    parser = _figures.arguments("gateway", events=4_000, rounds=3)
    parser.add_argument("--plot", type=Path, help="a file for the plot")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.events = 1, 1_000
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    found = asyncio.run(measure(options))
    medians = {name: middle(rounds) for name, rounds in found.items()}
    bars = bars_of(medians)
    figures = {name: [asdict(each) for each in rounds] for name, rounds in found.items()}
    _figures.tell(
        [sheet(medians)],
        bars,
        {"requests": options.events, "rounds": options.rounds, "parts": figures},
        out=options.out,
        as_markdown=options.markdown,
    )
    if options.plot:
        rows = [(name, parts_of(cost)) for name, cost in medians.items()]
        _plot.plot_parts(options.plot, "What one request costs", {"Requests": rows})
    return int(not options.quick and any(not bar.passed for bar in bars))


def parts_of(cost: Cost) -> dict[str, float]:
    return {"worker": cost.worker, "postgres": cost.postgres, "broker": cost.broker}


if __name__ == "__main__":
    sys.exit(main())
