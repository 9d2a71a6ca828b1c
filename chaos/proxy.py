"""A TCP link that can be broken: each room reaches each of its servers through one of its own."""

import asyncio
import socket
import struct
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

ADDRESS = "127.0.0.1"
NO_LINGER = struct.pack("ii", 1, 0)


class Mode(StrEnum):
    PASS = "pass"
    HALF_OPEN = "half-open"
    REFUSE = "refuse"


@dataclass
class Link:
    """`latency` in seconds each way; `slices` cuts what passes into pieces of so many bytes."""

    name: str
    target: int
    mode: Mode = Mode.PASS
    latency: float = 0
    slices: int = 0
    port: int = 0
    _pairs: set["Pair"] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Side(Pair(self)), ADDRESS, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.reset()

    def reset(self) -> None:
        """As a machine that has forgotten the connection answers: RST on both ends."""
        for pair in list(self._pairs):
            pair.reset()

    def heal(self) -> None:
        """What was swallowed is gone, so those connections cannot go on."""
        self.mode, self.latency, self.slices = Mode.PASS, 0, 0
        for pair in [pair for pair in self._pairs if pair.swallowed]:
            pair.reset()

    def add(self, pair: "Pair") -> None:
        self._pairs.add(pair)

    def drop(self, pair: "Pair") -> None:
        self._pairs.discard(pair)


class Pair:
    """The two connections of which one client sees one and one server the other."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.client: Side | None = None
        self.server: Side | None = None
        self.swallowed = False
        self._connecting: asyncio.Future[None] | None = None

    def begin(self, client: "Side") -> None:
        self.client = client
        self.link.add(self)
        if self.link.mode is Mode.REFUSE:
            self.reset()
            return
        self._connecting = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(
                lambda: Side(self, is_server=True), ADDRESS, self.link.target
            )
        except OSError:
            self.reset()

    def other(self, side: "Side") -> "Side | None":
        return self.client if side is self.server else self.server

    def reset(self) -> None:
        self.link.drop(self)
        for side in (self.client, self.server):
            if side is not None:
                side.reset()

    def ended(self, side: "Side") -> None:
        if self.link.mode is Mode.HALF_OPEN:
            self.swallowed = True
            return
        self.link.drop(self)
        other = self.other(side)
        if other is not None:
            other.finish()


class Side(asyncio.Protocol):
    def __init__(self, pair: Pair, *, is_server: bool = False) -> None:
        self._pair = pair
        self._is_server = is_server
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[bytes] = deque()
        self._due = 0.0
        self._ending = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if not self._is_server:
            self._pair.begin(self)
            return
        self._pair.server = self
        if self._pair.client is None or self._pair.client.is_closed:
            self.finish()
        else:
            self._pair.client.flush_to(self)

    @property
    def is_closed(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def data_received(self, data: bytes) -> None:
        if self._pair.link.mode is Mode.HALF_OPEN:
            self._pair.swallowed = True
        if self._pair.swallowed:
            return
        other = self._pair.other(self)
        if other is None:
            self._waiting.append(data)
        else:
            other.send(data)

    def flush_to(self, other: "Side") -> None:
        """What the client said before its server was connected."""
        while self._waiting:
            other.send(self._waiting.popleft())

    def send(self, data: bytes) -> None:
        link = self._pair.link
        if not (link.latency or link.slices or self._waiting):
            self._write(data)
            return
        size = link.slices or len(data)
        for start in range(0, len(data), size):
            self._send_later(data[start : start + size], link.latency)

    def _send_later(self, piece: bytes, latency: float) -> None:
        """In order, whatever the latency becomes meanwhile."""
        loop = asyncio.get_running_loop()
        self._waiting.append(piece)
        self._due = max(self._due, loop.time() + latency)
        loop.call_at(self._due, self._send_next)

    def _send_next(self) -> None:
        if self._waiting:
            self._write(self._waiting.popleft())
        if self._ending and not self._waiting:
            self.finish()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def finish(self) -> None:
        self._ending = True
        if self._transport is not None and not self._waiting:
            self._transport.close()

    def reset(self) -> None:
        if self._transport is None:
            return
        found = self._transport.get_extra_info("socket")
        if found is not None:
            with suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self._transport.abort()

    def pause_writing(self) -> None:
        self._other_reads(on=False)

    def resume_writing(self) -> None:
        self._other_reads(on=True)

    def _other_reads(self, *, on: bool) -> None:
        other = self._pair.other(self)
        if other is None or other._transport is None or other._transport.is_closing():
            return
        if on:
            other._transport.resume_reading()
        else:
            other._transport.pause_reading()

    def connection_lost(self, _: Exception | None) -> None:
        self._pair.ended(self)
