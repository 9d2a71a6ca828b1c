"""`/livez`, `/readyz` and `/metrics` of a process. Ready means: its neighbours answer and its work
moves on; a frozen consumer is not ready although its process still answers."""

import asyncio
from collections.abc import Awaitable, Callable

from shared import metrics
from shared.wire import encode

Check = Callable[[], Awaitable[str | None]]
CHECK_SECONDS = 2
REQUEST_SECONDS = 5
REQUEST_BYTES = 8192
REASONS = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}

Answer = tuple[int, str, bytes]


class Health:
    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._vital: set[str] = set()

    def add(self, name: str, check: Check, *, vital: bool = True) -> None:
        """`check` returns what is wrong, or None. Without what is not vital the process still does its
        work: it is shown, and ready."""
        self._checks[name] = check
        if vital:
            self._vital.add(name)

    def add_now(self, name: str, trouble: Callable[[], str | None], *, vital: bool = True) -> None:
        async def check() -> str | None:
            return trouble()

        self.add(name, check, vital=vital)

    async def troubles(self) -> dict[str, str]:
        names = list(self._checks)
        found = await asyncio.gather(*(_asked(self._checks[name]) for name in names))
        return {name: trouble for name, trouble in zip(names, found, strict=True) if trouble}

    async def answer(self, path: str) -> Answer:
        if path == "/livez":
            return 200, "application/json", encode({"status": "alive"})
        if path == "/readyz":
            troubles = await self.troubles()
            is_ready = not self._vital & troubles.keys()
            status = "ready" if is_ready else "not ready"
            body = encode({"status": status, "troubles": troubles})
            return 200 if is_ready else 503, "application/json", body
        if path == "/metrics":
            return 200, "text/plain; version=0.0.4; charset=utf-8", metrics.exposition()
        return 404, "application/json", encode({"paths": ["/livez", "/readyz", "/metrics"]})


async def _asked(check: Check) -> str | None:
    try:
        return await asyncio.wait_for(check(), CHECK_SECONDS)
    except TimeoutError:
        return "no answer in time"
    except Exception as error:  # a check that fails is an answer
        return type(error).__name__


async def serve(stopping: asyncio.Event, health: Health, *, host: str, port: int) -> None:
    """Plain HTTP/1.0 for probes; workers need no web framework for three addresses."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode("ascii", "replace").partition("?")[0]
                writer.write(_response(await health.answer(path)))
                await writer.drain()
        except (TimeoutError, OSError, IndexError, asyncio.IncompleteReadError, ValueError):
            pass
        except asyncio.LimitOverrunError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(reply, host, port, limit=REQUEST_BYTES)
    async with server:
        await stopping.wait()


def _response(answer: Answer) -> bytes:
    status, media_type, body = answer
    head = (
        f"HTTP/1.0 {status} {REASONS[status]}\r\nContent-Type: {media_type}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
