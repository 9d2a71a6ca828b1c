"""What an event costs on its way: consumer and relay beside other frameworks doing the same job on the
same broker and database, beside the limits of both, and how the cost grows.

    ./sibol bench backbone [--rounds N] [--events N] [--quick] [--only PART] [--out FILE]
                           [--plot docs/benchmarks-backbone.png] [--markdown]

Parts: consumers, relays, workers, rows.
"""

import asyncio
import logging
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog

from bench import _figures, _plot
from bench._drain import (
    Arena,
    Contestant,
    Draining,
    Figures,
    Publishing,
    Relaying,
    Storing,
    an_arena,
    drained,
    drained_at_last,
)
from bench._figures import Bar, Sheet, number

PARTS = ("consumers", "relays", "workers", "rows")
OURS, HEARD = "bench._ours", "sibol.matching"
CELERY = ("celery", "-A", "bench.peers.with_celery", "worker", "--loglevel", "WARNING")
# It has nothing to tell other workers here.
ALONE = ("--without-gossip", "--without-mingle", "--without-heartbeat")
FILLED = (OURS, "fill")


def _ours(name: str, work: str, **more: Any) -> Contestant:
    return Contestant(name, Draining(HEARD, FILLED), (OURS, work), is_ours=True, **more)


def _celery(name: str, *options: str) -> Contestant:
    race = Draining("bench.celery", ("bench.peers.with_celery",))
    return Contestant(name, race, (*CELERY, *ALONE, *options), is_peer=True)


def _peer(name: str, module: str, *work: str) -> Contestant:
    race = Draining(f"bench.{module}", (f"bench.peers.with_{module}",))
    return Contestant(name, race, work, is_peer=True)


def _faststream(prefetch: int) -> Contestant:
    return Contestant(
        f"FastStream, prefetch {prefetch}",
        Draining("bench.faststream", ("bench.peers.with_faststream",)),
        ("faststream", "run", "bench.peers.with_faststream:app", "--log-level", "warning"),
        is_peer=True,
        environment={"BENCH_PREFETCH": str(prefetch)},
    )


def _by_hand(name: str, work: str) -> Contestant:
    module = "bench.peers.with_aio_pika"
    return Contestant(name, Draining("bench.aio_pika", (module,)), (module, work))


BATCHED, SINGLY = "Sibol, on_many", "Sibol, on"
CONVENTIONAL, SQL_ALONE = "aio-pika, one at a time", "the SQL alone, no broker"
CONSUMERS = (
    _ours(BATCHED, "many", times=2),
    _ours(SINGLY, "each", times=2),
    _peer(
        "Dramatiq, 8 threads",
        "dramatiq",
        "dramatiq",
        "bench.peers.with_dramatiq",
        "--processes",
        "1",
        "--threads",
        "8",
    ),
    _celery("Celery, 8 threads", "--pool", "threads", "-c", "8", "--prefetch-multiplier", "16"),
    _celery("Celery, solo", "--pool", "solo", "--prefetch-multiplier", "64"),
    _celery("Celery, prefork 1", "--pool", "prefork", "-c", "1", "--prefetch-multiplier", "64"),
    _peer(
        "taskiq-aio-pika",
        "taskiq",
        "taskiq",
        "worker",
        "bench.peers.with_taskiq:broker",
        "--workers",
        "1",
        "--ack-type",
        "when_executed",
        "--log-level",
        "WARNING",
    ),
    _faststream(16),
    _faststream(100),
    _by_hand(CONVENTIONAL, "single"),
    _by_hand("aio-pika, batched by hand", "batched"),
    Contestant(SQL_ALONE, Storing(), (OURS, "sql"), told=True, times=4),
)
RELAY, GATHER, RAW = "Sibol, Relay", "aio-pika, gather 100", "raw AMQP client"
RELAYS = (
    Contestant(RELAY, Relaying(HEARD, FILLED), (OURS, "relay"), is_ours=True, times=2),
    Contestant(GATHER, Relaying(HEARD, FILLED), (OURS, "relay_gather")),
    Contestant(RAW, Relaying(HEARD, FILLED), (OURS, "relay_raw"), times=2),
    Contestant(
        "raw publishing, no database",
        Publishing(HEARD, FILLED),
        (OURS, "publish_raw"),
        told=True,
        times=4,
    ),
)
WORKERS = (1, 2, 4)
ROWS = (1_000, 10_000, 100_000, 1_000_000)
# Older than what comes, as rows are.
STORE_BEFORE = """
    WITH said AS (
        INSERT INTO gateway.events (id, name, subject, sequence, occurred_at, data, correlation_id,
                                    actor_kind, tenant)
        SELECT uuidv7(interval '-30 days'), 'application.submitted.v1', gen_random_uuid(), 1,
               now() - interval '30 days',
               jsonb_build_object('application_id', gen_random_uuid(), 'state', 'submitted'),
               gen_random_uuid(), 'person', 'ph'
          FROM generate_series(1, $1)
     RETURNING id, occurred_at
    ), marked AS (
        INSERT INTO matching.inbox (event_id, name, handled_at)
        SELECT id, 'application.submitted.v1', occurred_at FROM said
    )
    INSERT INTO bench.effects (event_id, application_id, project_id, applicant_id)
    SELECT id, id, id, id FROM said
"""
COLUMNS = (
    "contestant",
    "worker",
    "postgres",
    "broker",
    "total us",
    "per core",
    "per second",
    "RSS MB",
    "spread",
)

Rounds = dict[str, list[Figures]]


async def compared(
    arena: Arena, contestants: Sequence[Contestant], *, events: int, rounds: int
) -> Rounds:
    """All in turn, then again, so that what the machine does meanwhile falls on all."""
    found: Rounds = {contestant.name: [] for contestant in contestants}
    for each in range(rounds):
        for contestant in contestants:
            await arena.clear()
            figures = await drained_at_last(arena, contestant, events=events)
            found[contestant.name].append(figures)
            say(f"round {each + 1}: {contestant.name}: {figures.total:.0f} us")
    return found


async def with_workers(arena: Arena, *, events: int, rounds: int) -> Rounds:
    found: Rounds = {_plural(workers): [] for workers in WORKERS}
    contestant = _ours(BATCHED, "many", waits=True)
    for each in range(rounds):
        for workers in WORKERS:
            await arena.clear()
            figures = await drained_at_last(arena, contestant, events=events * 4, workers=workers)
            found[_plural(workers)].append(figures)
            say(f"round {each + 1}: {_plural(workers)}: {figures.total:.0f} us")
    return found


def _plural(workers: int) -> str:
    return f"{workers} worker{'s' if workers > 1 else ''}"


async def with_rows(arena: Arena, sizes: Sequence[int], *, events: int, rounds: int) -> Rounds:
    """Consumer and relay, while what they did before grows."""
    found: Rounds = {}
    await arena.clear()
    stored = 0
    for size in sizes:
        for start in range(stored, size, 100_000):
            await arena.look.execute(STORE_BEFORE, min(100_000, size - start), timeout=300)
        stored = size
        for contestant in (CONSUMERS[0], RELAYS[0]):
            made = [await drained(arena, contestant, events=events) for _ in range(rounds)]
            found[f"{contestant.name}, {size:,} rows"] = made
            say(f"{contestant.name}, {size:,} rows: {Figures.median(made).total:.0f} us")
    return found


def say(words: str) -> None:
    _figures.console.print(f"[dim]{words}[/]")


async def measure(options: Namespace) -> dict[str, Rounds]:
    wanted = options.only or PARTS
    events, rounds = options.events, options.rounds
    found: dict[str, Rounds] = {}
    async with an_arena() as arena:
        if "consumers" in wanted:
            found["consumers"] = await compared(arena, CONSUMERS, events=events, rounds=rounds)
        if "relays" in wanted:
            found["relays"] = await compared(arena, RELAYS, events=events, rounds=rounds)
        if "workers" in wanted:
            found["workers"] = await with_workers(arena, events=events, rounds=rounds)
        if "rows" in wanted:
            sizes = ROWS[:2] if options.quick else ROWS
            found["rows"] = await with_rows(arena, sizes, events=events, rounds=rounds)
    return found


def bars_of(medians: Mapping[str, Mapping[str, Figures]]) -> list[Bar]:
    return [*_consumer_bars(medians.get("consumers")), *_relay_bars(medians.get("relays"))]


def _consumer_bars(found: Mapping[str, Figures] | None) -> list[Bar]:
    if not found:
        return []
    ours = found[BATCHED]
    peers = {item.name: found[item.name] for item in CONSUMERS if item.is_peer}
    best = max(peers, key=lambda name: peers[name].per_core)
    memory = max(found[item.name].memory for item in CONSUMERS if item.is_ours)
    return [
        Bar(f"consumer against the best peer ({best})", ours.per_core / peers[best].per_core, 4),
        Bar("the same with on, one event at a time", found[SINGLY].per_core / peers[best].per_core),
        Bar(f"consumer against {CONVENTIONAL}", ours.per_core / found[CONVENTIONAL].per_core, 4),
        Bar(f"consumer against {SQL_ALONE}", ours.per_core / found[SQL_ALONE].per_core, 0.12),
        Bar("memory of a worker", memory, 80, at_most=True, unit=" MB"),
    ]


def _relay_bars(found: Mapping[str, Figures] | None) -> list[Bar]:
    if not found:
        return []
    ours = found[RELAY].per_core
    return [
        Bar(f"relay against a {RAW}", ours / found[RAW].per_core, 0.75),
        Bar(f"relay against {GATHER}", ours / found[GATHER].per_core, 1.5),
    ]


def sheet(title: str, rounds: Rounds) -> Sheet:
    rows = []
    for name, made in rounds.items():
        found = Figures.median(made)
        parts = [number(value) for value in (found.worker, found.postgres, found.broker)]
        rates = [f"{found.per_core:,.0f}", f"{found.rate:,.0f}", f"{found.memory:.0f}"]
        spread = f"{Figures.spread(made):.0%}"
        rows.append([name, *parts, number(found.total), *rates, spread])
    return Sheet(title, COLUMNS, rows)


TITLES = {
    "consumers": "Consumers: CPU microseconds for each event",
    "relays": "Relays: CPU microseconds for each event",
    "workers": "Consumer (on_many) with more workers",
    "rows": "With rows stored before",
}


def draw(path: Path, medians: Mapping[str, Mapping[str, Figures]]) -> None:
    groups = {
        name.capitalize(): [(label, _parts(found)) for label, found in medians[name].items()]
        for name in ("consumers", "relays")
        if name in medians
    }
    if groups:
        _plot.plot_parts(path, "What one event costs", groups)
    if "rows" in medians:
        lines: dict[str, list[tuple[int, float]]] = {}
        for label, found in medians["rows"].items():
            name, _, size = label.rpartition(", ")
            rows = int(size.removesuffix(" rows").replace(",", ""))
            lines.setdefault(name, []).append((rows, found.total))
        _plot.plot_growth(path.with_stem(f"{path.stem}-growth"), lines)


def _parts(found: Figures) -> dict[str, float]:
    return {"worker": found.worker, "postgres": found.postgres, "broker": found.broker}


def main() -> int:
    parser = _figures.arguments("backbone", events=5_000, rounds=3)
    parser.add_argument("--plot", type=Path, help="a file for the plot; another one for the growth")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.events = 1, 1_500
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    found = asyncio.run(measure(options))
    medians = {
        part: {name: Figures.median(made) for name, made in rounds.items()}
        for part, rounds in found.items()
    }
    bars = bars_of(medians)
    figures = {
        part: {name: [asdict(each) for each in made] for name, made in rounds.items()}
        for part, rounds in found.items()
    }
    _figures.tell(
        [sheet(TITLES[part], rounds) for part, rounds in found.items()],
        bars,
        {"events": options.events, "rounds": options.rounds, "parts": figures},
        out=options.out,
        as_markdown=options.markdown,
    )
    if options.plot:
        draw(options.plot, medians)
    return int(not options.quick and any(not bar.passed for bar in bars))


if __name__ == "__main__":
    sys.exit(main())
