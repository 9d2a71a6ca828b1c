"""Put messages into a queue, let worker processes drain it, and read what that has cost."""

import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aio_pika
import asyncpg

from bench import _job
from bench._cpu import Meter, Spent, memory_mb
from bench._servers import a_broker, a_database
from tests.support.broker import Broker
from tests.support.places import ROOT

LOOK_SECONDS = 0.005
LONGEST_SECONDS = 240
STOP_SECONDS = 15
MICRO = 1_000_000


class Failed(Exception):
    """A contestant did not do the job."""


@dataclass(frozen=True)
class Figures:
    """CPU microseconds for each event; `rate` is events per second of the clock."""

    worker: float
    postgres: float
    broker: float
    rate: float
    memory: float

    @property
    def total(self) -> float:
        return self.worker + self.postgres + self.broker

    @property
    def per_core(self) -> float:
        """Events per second if all processes shared one core."""
        return MICRO / self.total

    @classmethod
    def of(cls, spent: Spent, events: int, seconds: float, memory: float) -> "Figures":
        micro = MICRO / events
        return cls(
            spent.workers * micro,
            spent.postgres * micro,
            spent.broker * micro,
            events / seconds,
            memory,
        )

    @classmethod
    def median(cls, rounds: Sequence["Figures"]) -> "Figures":
        """The round whose total is in the middle, so that its parts belong together."""
        return sorted(rounds, key=lambda found: found.total)[(len(rounds) - 1) // 2]

    @staticmethod
    def spread(rounds: Sequence["Figures"]) -> float:
        """How far the rounds lie apart, as a share of their median."""
        totals = [found.total for found in rounds]
        return (max(totals) - min(totals)) / statistics.median(totals)


@dataclass
class Arena:
    """`look` is the connection of the one who only counts; its cost is nobody's."""

    database_url: str
    broker: Broker
    folder: Path
    look: "asyncpg.Connection[asyncpg.Record]"
    meter: Meter

    @property
    def log(self) -> Path:
        return self.folder / "workers.log"

    @property
    def progress(self) -> Path:
        return self.folder / "progress"

    def environment(self) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("SIBOL_")}
        return kept | {
            "BENCH_DATABASE_URL": self.database_url,
            "BENCH_AMQP_URL": self.broker.url,
            "BENCH_PROGRESS": str(self.progress),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    async def run(
        self, arguments: Sequence[str], more: Mapping[str, str] | None = None
    ) -> asyncio.subprocess.Process:
        with self.log.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *arguments,
                cwd=self.folder,
                env=self.environment() | dict(more or {}),
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
            )

    async def finish(self, arguments: Sequence[str]) -> None:
        process = await self.run(arguments)
        if await process.wait():
            raise Failed(f"{' '.join(arguments)} failed:\n{self.tail()}")

    def tail(self) -> str:
        return self.log.read_text("utf-8", "replace")[-3000:]

    async def waiting(self, queue: str) -> int:
        connection = await aio_pika.connect(self.broker.url)
        async with connection:
            channel = await connection.channel()
            found = await channel.declare_queue(queue, passive=True)
            return found.declaration_result.message_count or 0

    async def purge(self, queue: str) -> None:
        connection = await aio_pika.connect(self.broker.url)
        async with connection:
            channel = await connection.channel()
            await (await channel.declare_queue(queue, passive=True)).purge()

    async def clear(self) -> None:
        """As if nothing had ever been handled."""
        await self.look.execute("TRUNCATE bench.effects, bench.submissions RESTART IDENTITY")
        for room in ("matching", "gateway"):
            await self.look.execute(
                f"TRUNCATE {room}.outbox, {room}.events, {room}.inbox RESTART IDENTITY CASCADE"
            )

    async def settle(self) -> None:
        """So that neither a vacuum nor a checkpoint falls into somebody's time. An empty table is not
        analysed: a plan made for it would not suit what it holds a second later."""
        if await self.look.fetchval("SELECT EXISTS (SELECT FROM gateway.events)"):
            await self.look.execute("VACUUM ANALYZE")
        with suppress(asyncpg.PostgresError):
            await self.look.execute("CHECKPOINT")


@asynccontextmanager
async def an_arena() -> AsyncIterator[Arena]:
    async with a_database() as url, a_broker() as broker:
        look = await asyncpg.connect(url)
        try:
            await look.execute(_job.TABLES)
            with tempfile.TemporaryDirectory() as folder:
                meter = await Meter.of(broker.url, look)
                yield Arena(url, broker, Path(folder), look, meter)
        finally:
            await look.close()


async def end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


@dataclass(frozen=True)
class Race(ABC):
    """How a contestant is given its work, and how far it is."""

    queue: str
    module: tuple[str, ...]

    @abstractmethod
    async def fill(self, arena: Arena, count: int) -> None: ...

    @abstractmethod
    async def position(self, arena: Arena) -> int:
        """Grows by one with each event, from wherever it stands; it costs next to nothing to read."""

    @abstractmethod
    async def check(self, arena: Arena, base: int, count: int) -> None:
        """Raise Failed unless each event was done, exactly once."""


@dataclass(frozen=True)
class Draining(Race):
    """A queue filled by a module of its own; each message becomes a row."""

    async def fill(self, arena: Arena, count: int) -> None:
        await arena.finish([*self.module, str(count)])
        async with asyncio.timeout(20):
            while (found := await arena.waiting(self.queue)) < count:
                await asyncio.sleep(0.1)
        if found != count:
            raise Failed(f"{self.queue} holds {found} messages instead of {count}.")

    async def position(self, arena: Arena) -> int:
        return await last_value(arena, "bench.effects_id_seq")

    async def check(self, arena: Arena, base: int, count: int) -> None:
        left = await arena.waiting(self.queue)
        row = await arena.look.fetchrow(
            "SELECT count(*) AS rows, count(DISTINCT event_id) AS events FROM bench.effects WHERE id > $1",
            base,
        )
        assert row is not None
        if left or row["rows"] != count or row["events"] != count:
            raise Failed(
                f"{left} messages are left of {count}; {row['rows']} rows of {row['events']} events."
            )


@dataclass(frozen=True)
class Storing(Draining):
    """The same rows without any message."""

    queue: str = ""
    module: tuple[str, ...] = ()

    async def fill(self, arena: Arena, count: int) -> None:
        """The worker is told the count."""

    async def check(self, arena: Arena, base: int, count: int) -> None:
        """Nothing can be doubled or left."""


@dataclass(frozen=True)
class Relaying(Race):
    """An outbox filled by SQL; each row becomes a message in the queue of the room that listens."""

    async def fill(self, arena: Arena, count: int) -> None:
        await arena.finish([*self.module, "0"])
        await arena.look.execute(_job.SAY_MANY, count)

    async def position(self, arena: Arena) -> int:
        first = await arena.look.fetchval(
            "SELECT position FROM gateway.outbox ORDER BY position LIMIT 1"
        )
        return (
            await last_value(arena, "gateway.outbox_position_seq") if first is None else first - 1
        )

    async def check(self, arena: Arena, base: int, count: int) -> None:
        found = await arena.waiting(self.queue)
        await arena.purge(self.queue)
        left = await arena.look.fetchval("SELECT count(*) FROM gateway.outbox")
        if found != count or left:
            raise Failed(f"{found} of {count} messages came, after {base}; {left} rows are left.")


@dataclass(frozen=True)
class Publishing(Relaying):
    """Messages alone; the worker, who is told the count, writes how far it is into a file."""

    async def fill(self, arena: Arena, count: int) -> None:
        await arena.finish([*self.module, "0"])
        await asyncio.to_thread(arena.progress.write_text, "0", "ascii")
        assert count > 0

    async def position(self, arena: Arena) -> int:
        try:
            return int(await asyncio.to_thread(arena.progress.read_text, "ascii") or 0)
        except FileNotFoundError:
            return 0


async def last_value(arena: Arena, sequence: str) -> int:
    found: int = await arena.look.fetchval(
        f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"
    )
    return found


@dataclass(frozen=True)
class Contestant:
    """`work` is a Python module with its arguments. One that `waits` is given the path of a file to
    wait for; one that is `told` learns the count from its standard input. `times` as many events make
    the span of a fast one long enough to be measured."""

    name: str
    race: Race
    work: tuple[str, ...]
    is_ours: bool = False
    is_peer: bool = False
    waits: bool = False
    told: bool = False
    times: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)


async def drained(
    arena: Arena, contestant: Contestant, *, events: int, workers: int = 1
) -> Figures:
    """From the moment when a fifth more than `events` is done, so that starting is in nobody's figures."""
    events *= contestant.times
    warm_up, race = events // 5, contestant.race
    total = events + warm_up
    base = await race.position(arena)
    await race.fill(arena, total)
    await arena.settle()
    processes = await begin(arena, contestant, total, workers)
    try:
        pids = [process.pid for process in processes]
        first, started = await _reached(arena, contestant, base + warm_up, processes)
        before = arena.meter.read(*pids)
        _, ended = await _reached(arena, contestant, base + total, processes)
        # The last commit and its acknowledgement.
        await asyncio.sleep(0.05)
        spent = arena.meter.read(*pids) - before
        memory = max(memory_mb(pid) for pid in pids)
    finally:
        await asyncio.gather(*(end(process) for process in processes))
    await race.check(arena, base, total)
    return Figures.of(spent, base + total - first, ended - started, memory)


async def drained_at_last(
    arena: Arena, contestant: Contestant, *, events: int, workers: int = 1
) -> Figures:
    """Once more when it failed: a long run is not lost to one stumble."""
    try:
        return await drained(arena, contestant, events=events, workers=workers)
    except (Failed, TimeoutError) as error:
        sys.stderr.write(f"{contestant.name}, tried again: {error or type(error).__name__}\n")
    if contestant.race.queue:
        await arena.purge(contestant.race.queue)
    await arena.clear()
    return await drained(arena, contestant, events=events, workers=workers)


async def begin(
    arena: Arena, contestant: Contestant, total: int, workers: int
) -> list[asyncio.subprocess.Process]:
    go = arena.folder / "go"
    go.unlink(missing_ok=True)
    arguments = [*contestant.work, *([str(go)] if contestant.waits else [])]
    processes = [await arena.run(arguments, contestant.environment) for _ in range(workers)]
    for process in processes:
        if contestant.told and process.stdin:
            process.stdin.write(f"{total}\n".encode())
    if contestant.waits:
        await asyncio.sleep(1.5 + workers)
        go.touch()
    return processes


async def _reached(
    arena: Arena,
    contestant: Contestant,
    wanted: int,
    processes: Sequence[asyncio.subprocess.Process],
) -> tuple[int, float]:
    async with asyncio.timeout(LONGEST_SECONDS):
        while (found := await contestant.race.position(arena)) < wanted:
            if any(process.returncode is not None for process in processes):
                raise Failed(f"{contestant.name} ended early:\n{arena.tail()}")
            await asyncio.sleep(LOOK_SECONDS)
    return found, time.perf_counter()
