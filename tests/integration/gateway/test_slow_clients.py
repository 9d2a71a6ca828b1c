"""Clients that are slow, silent or gone. The deadline of the gateway under test is short."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress

import pytest
from structlog.testing import capture_logs

from tests.conftest import copied
from tests.integration.gateway.conftest import NOWHERE, a_gateway
from tests.integration.gateway.support import Gateway

PATIENCE = 0.6
# What is added by a last look at a body that did not come.
LINGER = PATIENCE
IDLE = 500


@pytest.fixture(scope="module")
async def hasty(server_url, template, tmp_path_factory) -> AsyncIterator[Gateway]:
    files = tmp_path_factory.mktemp("files")
    async with (
        copied(server_url) as url,
        a_gateway(url, NOWHERE, files, client_seconds=PATIENCE) as found,
    ):
        yield found


@pytest.fixture(scope="module")
async def token(hasty) -> str:
    return (await hasty.joined()).token


async def closed_after(gateway: Gateway, *parts: bytes, drip: bytes = b"") -> float:
    """Seconds until the gateway ends a connection on which this was sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    started = time.monotonic()
    for part in parts:
        writer.write(part)
    try:
        while time.monotonic() - started < 10:
            try:
                if not await asyncio.wait_for(reader.read(65536), 0.1):
                    break
            except TimeoutError:
                writer.write(drip)
            except ConnectionError:
                break
    finally:
        await gone(writer)
    return time.monotonic() - started


async def gone(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with suppress(ConnectionError):
        await writer.wait_closed()


def head(path: str, token: str, length: int) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("parts", "drip"),
    [
        ([], b""),
        ([b"GET /livez HTTP/1.1\r\nHost: x\r\n"], b""),
        ([b"GET /livez HTTP/1.1\r\nHost: x\r\n"], b"X-Slow: 1\r\n"),
        ([b"G"], b""),
        ([b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"], b""),
        ([b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\n"], b"X-Slow: 1\r\n"),
    ],
    ids=["silent", "half a head", "a dripping head", "one letter", "idle", "a slow second"],
)
async def test_a_connection_without_a_whole_request_is_closed(hasty, parts, drip):
    with capture_logs() as logs:
        seconds = await closed_after(hasty, *parts, drip=drip)

    assert seconds < PATIENCE + 1
    assert not [line for line in logs if line.get("exc_info") or line["log_level"] == "error"]


@pytest.mark.parametrize(
    ("path", "drip"),
    [
        ("/v1/organizations", b""),
        ("/v1/organizations", b" "),
        ("/v1/files?name=a.txt", b""),
        ("/nowhere", b" "),
    ],
)
async def test_half_a_body_is_closed(hasty, token, path, drip):
    with capture_logs() as logs:
        seconds = await closed_after(hasty, head(path, token, 1000), b'{"name"', drip=drip)

    assert seconds < PATIENCE + LINGER + 1
    assert not [line for line in logs if line.get("exc_info") or line["log_level"] == "error"]


async def test_a_body_under_a_key_has_the_same_deadline(hasty, token):
    request = head("/v1/organizations", token, 1000).replace(
        b"Host: x", b"Host: x\r\nIdempotency-Key: k"
    )

    assert await closed_after(hasty, request, b"{") < PATIENCE + LINGER + 1


async def test_idle_connections_do_not_keep_others_out(still):
    with ExitStack() as opened:
        for _ in range(IDLE):
            address = ("127.0.0.1", still.port)
            opened.enter_context(await asyncio.to_thread(socket.create_connection, address, 5))
        started = time.monotonic()

        status, _, _ = await still.asked("GET", "/v1/projects")

        assert status == 200
        assert time.monotonic() - started < 1


async def test_an_interrupted_upload_leaves_no_file_and_no_traceback(hasty, token):
    with capture_logs() as logs:
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", hasty.port)
            writer.write(head("/v1/files?name=a.txt", token, 1_000_000) + b"x" * 200_000)
            await writer.drain()
            await asyncio.sleep(0.01)
            await gone(writer)
        await asyncio.sleep(0.3)

    assert list(hasty.files.iterdir()) == []
    assert await hasty.database.fetchval("SELECT count(*) FROM gateway.files") == 0
    assert not [line for line in logs if line.get("exc_info") or line.get("status") == 500]


@pytest.mark.parametrize("size", [0, 25 * 1024 * 1024 + 1], ids=["empty", "too large"])
async def test_a_file_of_a_wrong_size_is_not_kept(still, size):
    person = await still.joined()
    headers = {"Authorization": f"Bearer {person.token}"}

    async def chunks():
        for start in range(0, size, 1024 * 1024):
            yield b"x" * min(1024 * 1024, size - start)

    found = await still.asked("POST", "/v1/files?name=a.txt", data=chunks(), headers=headers)

    assert found[0] == 422
    owned = await still.database.fetchval(
        "SELECT count(*) FROM gateway.files WHERE owner_id = $1", person.person["id"]
    )
    known = await still.database.fetchval("SELECT count(*) FROM gateway.files")
    assert owned == 0
    assert len(list(still.files.iterdir())) == known


@pytest.mark.parametrize(
    "noise",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 500 + b"\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /v1/people HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["tls", "version", "long line", "many fields", "smuggling", "bad chunk"],
)
async def test_what_is_no_http_is_refused_in_a_line_of_log(hasty, noise):
    with capture_logs() as logs:
        seconds = await closed_after(hasty, noise)

    assert seconds < PATIENCE + LINGER + 1
    assert not [line for line in logs if line.get("exc_info")]


async def test_somebody_who_does_not_read_a_file_is_dropped(hasty):
    """The gateway stops writing; what waits in its sockets is not held for ever."""
    person = await hasty.joined()
    file = await person.call("POST", "/v1/files?name=a.bin", b"x" * 1_000_000)
    request = (
        f"GET /v1/files/{file['id']} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {person.token}\r\n\r\n"
    ).encode()
    sleepers = []
    for _ in range(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", hasty.port, limit=1024)
        writer.transport.pause_reading()
        writer.write(request * 20)
        sleepers.append((reader, writer))

    await asyncio.sleep(PATIENCE * 3)

    server = hasty.runner.server
    assert server is not None
    assert len(server.connections) <= 2
    for _, writer in sleepers:
        await gone(writer)
