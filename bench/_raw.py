"""The least that can be paid for a confirmed message from Python: an AMQP 0-9-1 publisher that writes
whole windows at once and counts the confirms. For comparison only; it knows no trouble."""

import asyncio
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from pamqp import commands, frame, header

WINDOW = 500
CHANNEL = 1
LONG, LONGLONG, START = struct.Struct(">I"), struct.Struct(">Q"), struct.Struct(">BHI")
END = b"\xce"
METHOD, CONTENT_HEADER, BODY = 1, 2, 3
BASIC_ACK, BASIC_NACK, BASIC_RETURN = (60 << 16) + 80, (60 << 16) + 120, (60 << 16) + 50
# content-type, headers, delivery-mode, message-id, timestamp, type
FLAGS = 1 << 15 | 1 << 13 | 1 << 12 | 1 << 7 | 1 << 6 | 1 << 5
PERSISTENT = b"\x02"


class Failed(Exception):
    """The broker returned, refused or ended something."""


def short(text: str) -> bytes:
    raw = text.encode()
    return bytes((len(raw),)) + raw


def a_frame(kind: int, payload: bytes) -> bytes:
    return START.pack(kind, CHANNEL, len(payload)) + payload + END


def publish_method(exchange: str, routing_key: str) -> bytes:
    """Mandatory; the same bytes for every message with this key."""
    payload = struct.pack(">HHH", 60, 40, 0) + short(exchange) + short(routing_key) + b"\x01"
    return a_frame(METHOD, payload)


def table(headers: Mapping[str, str]) -> bytes:
    parts = []
    for key, value in headers.items():
        raw = value.encode()
        parts.append(short(key) + b"S" + LONG.pack(len(raw)) + raw)
    joined = b"".join(parts)
    return LONG.pack(len(joined)) + joined


def a_message(
    method: bytes, headers: Mapping[str, str], body: bytes, *, message_id: str, at: int, kind: str
) -> bytes:
    properties = (
        struct.pack(">HHQH", 60, 0, len(body), FLAGS)
        + short("application/json")
        + table(headers)
        + PERSISTENT
        + short(message_id)
        + LONGLONG.pack(at)
        + short(kind)
    )
    return method + a_frame(CONTENT_HEADER, properties) + a_frame(BODY, body)


class Publisher(asyncio.Protocol):
    def __init__(self, vhost: str, user: str, password: str) -> None:
        self._login = vhost, user, password
        self._buffer = b""
        self._published = 0
        self._confirmed = 0
        self._early: set[int] = set()
        self._awaited: tuple[int, asyncio.Future[None]] | None = None
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(header.ProtocolHeader().marshal())

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"The connection ended: {exc}")

    async def publish(self, messages: Sequence[bytes]) -> None:
        """Return when all are confirmed."""
        self._published += len(messages)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited = self._published, done
        self._transport.write(b"".join(messages))
        await done

    async def publish_in_windows(self, messages: Sequence[bytes]) -> None:
        for start in range(0, len(messages), WINDOW):
            await self.publish(messages[start : start + WINDOW])

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        buffer, place = self._buffer + data, 0
        while len(buffer) - place >= START.size:
            kind, _, size = START.unpack_from(buffer, place)
            end = place + START.size + size + 1
            if len(buffer) < end:
                break
            if kind == METHOD:
                self._heard(buffer[place:end])
            place = end
        self._buffer = buffer[place:]

    def _heard(self, raw: bytes) -> None:
        (method,) = LONG.unpack_from(raw, 7)
        if method == BASIC_ACK:
            (tag,) = LONGLONG.unpack_from(raw, 11)
            self._confirm(tag, multiple=bool(raw[19] & 1))
        elif method in {BASIC_NACK, BASIC_RETURN}:
            self._fail("The broker refused or returned a message.")
        else:
            self._answer(frame.unmarshal(raw)[2])

    def _confirm(self, tag: int, *, multiple: bool) -> None:
        if multiple:
            self._confirmed = max(tag, self._confirmed)
        else:
            self._early.add(tag)
        while self._early and self._confirmed + 1 in self._early:
            self._confirmed += 1
            self._early.discard(self._confirmed)
        if self._awaited and self._confirmed >= self._awaited[0]:
            self._early = {early for early in self._early if early > self._confirmed}
            if not self._awaited[1].done():
                self._awaited[1].set_result(None)

    def _fail(self, why: str) -> None:
        for waiting in (self.ready, self._awaited[1] if self._awaited else None):
            if waiting is not None and not waiting.done():
                waiting.set_exception(Failed(why))

    def _answer(self, heard: Any) -> None:
        vhost, user, password = self._login
        match heard:
            case commands.Connection.Start():
                plain = f"\0{user}\0{password}"
                self._send(0, commands.Connection.StartOk({}, "PLAIN", plain, "en_US"))
            case commands.Connection.Tune():
                self._send(0, commands.Connection.TuneOk(heard.channel_max, heard.frame_max, 0))
                self._send(0, commands.Connection.Open(vhost))
            case commands.Connection.OpenOk():
                self._send(CHANNEL, commands.Channel.Open())
            case commands.Channel.OpenOk():
                self._send(CHANNEL, commands.Confirm.Select())
            case commands.Confirm.SelectOk():
                self.ready.set_result(None)
            case commands.Connection.Close() | commands.Channel.Close():
                self._fail(f"{heard.reply_code} {heard.reply_text}")

    def _send(self, channel: int, command: Any) -> None:
        self._transport.write(frame.marshal(command, channel))


@asynccontextmanager
async def a_publisher(url: str):
    parts = urlsplit(url)
    vhost = unquote(parts.path[1:]) if len(parts.path) > 1 else "/"
    _, publisher = await asyncio.get_running_loop().create_connection(
        lambda: Publisher(vhost, unquote(parts.username or ""), unquote(parts.password or "")),
        parts.hostname,
        parts.port or 5672,
    )
    try:
        await asyncio.wait_for(publisher.ready, 10)
        yield publisher
    finally:
        publisher.close()


def in_parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
