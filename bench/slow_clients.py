"""Clients that are slow, silent or gone, all at once, and what the others feel of it.

    ./sibol bench slow_clients

500 half-sent heads, 100 half-sent bodies, 100 silent connections and 100 that do not read their
answers, arriving within four seconds: each is to be closed within 15 seconds, the gateway's memory to grow by 50 MB at most, and
p99 of an ordinary client's requests to double at most.
"""

import asyncio
import random
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench._servers import a_broker, a_database, a_process
from tests.support.api import Api
from tests.support.rooms import free_port, ready_at

CLOSED_SECONDS = 15
GROWN_MB = 50
SLOWER = 2.0
LONGEST_SECONDS = 40
CALM_SECONDS = 10
LOOK_SECONDS = 0.2
# Apart, so that a short pause of the whole machine is one slow request and not many.
PACE_SECONDS = 0.01
ORDINARY = "/v1/projects"
ANSWERS = 20
# As the kernel writes them: established, and left by the client alone.
OPEN = ("01", "08")
# Nobody is slow in arriving: all within one instant would measure how long 800 requests take.
ARRIVE_SECONDS = 4
SMALL_BUFFER = 4096
FILE_BYTES = 200_000


@dataclass(frozen=True)
class Slow:
    name: str
    count: int
    sends: bytes


def head(method: str, path: str, token: str, *more: str) -> bytes:
    lines = (f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", *more)
    return "\r\n".join((*lines, "", "")).encode()


def crowd(token: str, file_id: str) -> list[Slow]:
    body = ("Content-Type: application/json", "Content-Length: 1000")
    return [
        Slow("half a head", 500, b"GET /v1/projects HTTP/1.1\r\nHost: x\r\nX-Sl"),
        Slow("half a body", 100, head("POST", "/v1/organizations", token, *body) + b'{"name"'),
        Slow("silent", 100, b""),
        Slow("does not read", 100, head("GET", f"/v1/files/{file_id}", token) * ANSWERS),
    ]


@dataclass(frozen=True)
class Opened:
    socket: socket.socket
    slow: Slow
    at: float

    @property
    def port(self) -> int:
        port: int = self.socket.getsockname()[1]
        return port


async def open_one(slow: Slow, port: int, *, after: float) -> Opened:
    await asyncio.sleep(after)
    loop = asyncio.get_running_loop()
    mine = socket.socket()
    mine.setblocking(False)
    mine.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    await loop.sock_connect(mine, ("127.0.0.1", port))
    opened = Opened(mine, slow, time.monotonic())
    # Who does not read may not even get rid of all the questions.
    with suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(1):
            await loop.sock_sendall(mine, slow.sends)
    return opened


def held_by(port: int) -> set[int]:
    """The ports of the clients whose connections the gateway has not closed, taken up or not."""
    held = set()
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        fields = line.split()
        (_, mine), (_, other) = (fields[each].split(":") for each in (1, 2))
        if int(mine, 16) == port and fields[3] in OPEN:
            held.add(int(other, 16))
    return held


async def bear(slow_ones: Sequence[Slow], port: int) -> dict[str, list[float | None]]:
    """All held at once; return for each how many seconds it was, None for those that still are."""
    order = [slow for slow in slow_ones for _ in range(slow.count)]
    random.Random(1).shuffle(order)
    pace = ARRIVE_SECONDS / len(order)
    opening = (open_one(slow, port, after=place * pace) for place, slow in enumerate(order))
    waiting = {each.port: each for each in await asyncio.gather(*opening)}
    sockets = [each.socket for each in waiting.values()]
    closed: dict[str, list[float | None]] = {slow.name: [] for slow in slow_ones}
    until = time.monotonic() + LONGEST_SECONDS
    while waiting and time.monotonic() < until:
        await asyncio.sleep(LOOK_SECONDS)
        held = await asyncio.to_thread(held_by, port)
        for gone in waiting.keys() - held:
            each = waiting.pop(gone)
            closed[each.slow.name].append(time.monotonic() - each.at)
    for each in waiting.values():
        closed[each.slow.name].append(None)
    for mine in sockets:
        mine.close()
    return closed


async def ask(session: aiohttp.ClientSession, stopping: asyncio.Event) -> list[float]:
    """As an ordinary client; return the seconds of each answer."""
    taken = []
    while not stopping.is_set():
        started = time.perf_counter()
        async with session.get(ORDINARY) as answer:
            await answer.read()
            assert answer.status == 200
        taken.append(time.perf_counter() - started)
        await asyncio.sleep(PACE_SECONDS)
    return taken


async def ask_for(session: aiohttp.ClientSession, seconds: float) -> list[float]:
    stopping = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stopping.set)
    return await ask(session, stopping)


def p99(taken: Sequence[float]) -> float:
    return sorted(taken)[int(len(taken) * 0.99)] * 1000


def memory_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


async def watch_memory(pid: int, stopping: asyncio.Event) -> float:
    """The most it was."""
    most = memory_mb(pid)
    while not stopping.is_set():
        most = max(most, memory_mb(pid))
        await asyncio.sleep(0.1)
    return most


@dataclass(frozen=True)
class Found:
    closed: dict[str, list[float | None]]
    grown_mb: float
    before_ms: float
    during_ms: float


async def measure(session: aiohttp.ClientSession, port: int, pid: int) -> Found:
    person = await Api(session, "").joined()
    file = await person.call("POST", "/v1/files?name=a.bin", b"x" * FILE_BYTES)
    slow_ones = crowd(str(person.token), file["id"])
    before = await ask_for(session, CALM_SECONDS)
    memory, stopping = memory_mb(pid), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(ask(session, stopping))
        watching = tasks.create_task(watch_memory(pid, stopping))
        closed = await bear(slow_ones, port)
        stopping.set()
    return Found(
        closed,
        watching.result() - memory,
        p99(before),
        p99(asking.result()),
    )


@asynccontextmanager
async def a_gateway(folder: Path) -> AsyncIterator[tuple[int, int]]:
    """Its port and its process."""
    port = free_port()
    (folder / "files").mkdir()
    async with a_database() as database_url, a_broker() as broker:
        settings = {
            "SIBOL_DATABASE_URL": database_url,
            "SIBOL_AMQP_URL": broker.url,
            "SIBOL_HTTP_PORT": str(port),
            "SIBOL_FILES_URL": (folder / "files").as_uri(),
        }
        log = folder / "gateway.log"
        migrating = await a_process(["services.gateway", "migrate"], settings, log)
        assert await migrating.wait() == 0, log.read_text("utf-8")[-2000:]
        process = await a_process(["services.gateway"], settings, log)
        try:
            await ready_at(port)
            yield port, process.pid
        finally:
            process.terminate()
            await process.wait()


def table(found: Found) -> list[str]:
    rows = [("what", "measured", "bar", "")]
    for name, seconds in found.closed.items():
        over = [each for each in seconds if each is not None]
        told = f"{len(over)} of {len(seconds)}, the last after {max(over, default=0):.1f} s"
        is_met = len(over) == len(seconds) and max(over) <= CLOSED_SECONDS
        rows.append((f"closed: {name}", told, f"all in {CLOSED_SECONDS} s", _met(is_met=is_met)))
    grown, ratio = found.grown_mb, found.during_ms / found.before_ms
    rows.append(("memory", f"+{grown:.1f} MB", f"+{GROWN_MB} MB", _met(is_met=grown <= GROWN_MB)))
    told = f"{found.before_ms:.1f} -> {found.during_ms:.1f} ms, {ratio:.2f}x"
    rows.append(("p99 of others", told, f"{SLOWER:.0f}x", _met(is_met=ratio <= SLOWER)))
    return [f"{what:24}{measured:36}{bar:16}{met}" for what, measured, bar, met in rows]


def _met(*, is_met: bool) -> str:
    return "met" if is_met else "MISSED"


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            a_gateway(Path(folder)) as (port, pid),
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        ):
            found = await measure(session, port, pid)
    print(*table(found), sep="\n")


asyncio.run(main())
