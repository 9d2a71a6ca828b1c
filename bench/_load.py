"""A client in a process of its own: so many connections, each sending its next request when the last
one is answered - or, with a rate, when its time has come.

    python -m bench._load PLAN

PLAN is a JSON file; what was seen is written beside it, as PLAN.seen.
"""

import asyncio
import json
import re
import statistics
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import uvloop

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    token: str | None = None
    body: Any = None

    def encoded(self) -> bytes:
        body = json.dumps(self.body).encode() if self.body is not None else b""
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: localhost"]
        if self.token:
            lines.append(f"Authorization: Bearer {self.token}")
        if self.method != "GET":
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True)
class Plan:
    """`rate` requests a second, or 0: as fast as the connections can. `keep` returns each answer's `id`
    with the moment its request was sent."""

    port: int
    requests: Sequence[Request]
    connections: int = 32
    rate: float = 0
    keep: bool = False

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), "utf-8")

    @classmethod
    def read(cls, path: Path) -> "Plan":
        made = json.loads(path.read_text("utf-8"))
        made["requests"] = [Request(**item) for item in made["requests"]]
        return cls(**made)


@dataclass
class Seen:
    seconds: float = 0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    sent_at: dict[str, float] = field(default_factory=dict)
    wrong: str = ""

    @classmethod
    def read(cls, path: Path) -> "Seen":
        return cls(**json.loads(seen_beside(path).read_text("utf-8")))

    def quantile(self, percent: int) -> float:
        """Milliseconds."""
        return statistics.quantiles(self.latencies, n=100, method="inclusive")[percent - 1] * 1000


def seen_beside(plan: Path) -> Path:
    return plan.with_name(f"{plan.name}.seen")


class Client(asyncio.Protocol):
    def __init__(self, plan: Plan, queue: deque[bytes], seen: Seen) -> None:
        self._plan = plan
        self._queue = queue
        self._seen = seen
        self._buffer = b""
        self._ready: asyncio.Future[None] | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(f"The server closed the connection: {exc}"))

    def next(self) -> None:
        if self._queue:
            self.send(self._queue.popleft())
        elif not self.done.done():
            self.done.set_result(None)

    async def send_and_wait(self, raw: bytes) -> None:
        self._ready = asyncio.get_running_loop().create_future()
        self.send(raw)
        await self._ready

    def send(self, raw: bytes) -> None:
        self._wall, self._sent = time.time(), time.perf_counter()
        self._transport.write(raw)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        found = LENGTH.search(self._buffer, 0, head)
        end = head + 4 + (int(found[1]) if found else 0)
        if len(self._buffer) >= end:
            self._answered(self._buffer[head + 4 : end])

    def _answered(self, body: bytes) -> None:
        self._seen.latencies.append(time.perf_counter() - self._sent)
        status = self._buffer[9:12].decode()
        self._seen.statuses[status] += 1
        self._buffer = b""
        if status >= "400":
            self._seen.wrong = body.decode("utf-8", "replace")[:500]
        elif self._plan.keep:
            self._seen.sent_at[json.loads(body)["id"]] = self._wall
        if self._ready is not None:
            self._ready.set_result(None)
        else:
            self.next()

    def close(self) -> None:
        self.done.cancel()
        self._transport.close()


async def carry_out(plan: Plan) -> Seen:
    seen, queue = Seen(), deque(request.encoded() for request in plan.requests)
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(lambda: Client(plan, queue, seen), "127.0.0.1", plan.port))[1]
        for _ in range(plan.connections)
    ]
    started = time.perf_counter()
    if plan.rate:
        await at_rate(plan, queue, clients)
    else:
        for client in clients:
            client.next()
        await asyncio.gather(*(client.done for client in clients))
    seen.seconds = time.perf_counter() - started
    for client in clients:
        client.close()
    return seen


async def at_rate(plan: Plan, queue: deque[bytes], clients: Sequence[Client]) -> None:
    """Each at its own moment, whatever became of those before it."""
    free: asyncio.Queue[Client] = asyncio.Queue()
    for client in clients:
        free.put_nowait(client)
    started = time.perf_counter()

    async def one(raw: bytes) -> None:
        client = await free.get()
        await client.send_and_wait(raw)
        free.put_nowait(client)

    async with asyncio.TaskGroup() as tasks:
        for place, raw in enumerate(list(queue)):
            wait = started + place / plan.rate - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            tasks.create_task(one(raw))


if __name__ == "__main__":
    where = Path(sys.argv[1])
    outcome = uvloop.run(carry_out(Plan.read(where)))
    seen_beside(where).write_text(json.dumps(vars(outcome)), "utf-8")
