import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from chaos.proxy import ADDRESS, Link, Mode


@pytest.fixture
async def echo():
    """A server that says back what it hears; its port."""

    async def answer(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, ADDRESS, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
async def link(echo):
    found = Link("echo", echo)
    await found.open()
    yield found
    await found.close()


@asynccontextmanager
async def connected(link):
    reader, writer = await asyncio.open_connection(ADDRESS, link.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def said(reader, writer, text=b"kumusta"):
    writer.write(text)
    return await asyncio.wait_for(reader.readexactly(len(text)), 2)


async def test_what_is_said_passes_both_ways(link):
    async with connected(link) as streams:
        assert await said(*streams) == b"kumusta"


async def test_small_pieces_arrive_whole_and_in_order(link):
    link.slices = 7
    text = bytes(range(256)) * 40

    async with connected(link) as streams:
        assert await said(*streams, text) == text


async def test_a_slow_link_takes_its_time(link):
    link.latency = 0.05

    async with connected(link) as streams:
        began = time.monotonic()
        await said(*streams)

    assert time.monotonic() - began >= 0.1


async def test_a_reset_is_seen_by_the_client(link):
    async with connected(link) as (reader, writer):
        await said(reader, writer)

        link.reset()

        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.readexactly(1), 2)


async def test_a_half_open_link_says_nothing_until_it_heals_with_a_reset(link):
    async with connected(link) as (reader, writer):
        await said(reader, writer)
        link.mode = Mode.HALF_OPEN
        writer.write(b"may tao ba?")

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
        link.heal()

        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.readexactly(1), 2)


async def test_a_connection_that_was_silent_meanwhile_goes_on(link):
    async with connected(link) as streams:
        await said(*streams)
        link.mode = Mode.HALF_OPEN
        link.heal()

        assert await said(*streams) == b"kumusta"


async def test_a_refusing_link_takes_no_new_connections(link):
    link.mode = Mode.REFUSE

    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        async with connected(link) as streams:
            await said(*streams)
