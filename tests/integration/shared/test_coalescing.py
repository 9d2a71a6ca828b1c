"""What arrives while a commit is under way shares the next transaction."""

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest

from shared import clock
from shared.database import pool
from shared.database.coalescing import Coalescer, Errand
from shared.errors import Conflict, Refusal, Unavailable
from shared.events.origin import Origin, current, within


class Batches:
    """Answers each item with itself, once it is let go."""

    def __init__(self, **options):
        self.seen: list[list[str]] = []
        self.times = []
        self.let_go = asyncio.Event()
        self.coalescer = Coalescer(self.carry_out, keys_of=lambda item: [item[0]], **options)

    async def carry_out(self, errands: Sequence[Errand[str]]) -> list[str | Refusal]:
        self.seen.append([errand.wanted for errand in errands])
        self.times.append((current().tenant, clock.now()))
        await self.let_go.wait()
        return [_answered(errand.wanted) for errand in errands]

    async def asked(self, *items: str):
        tasks = [asyncio.ensure_future(self.coalescer.ask(item)) for item in items]
        await settled()
        return tasks


def _answered(item: str) -> str | Refusal:
    return Conflict("No.") if item.endswith("!") else item


async def settled():
    for _ in range(10):
        await asyncio.sleep(0)


@asynccontextmanager
async def running(**options):
    batches = Batches(**options)
    async with batches.coalescer.running():
        yield batches


async def test_whoever_comes_while_both_lanes_are_busy_shares_the_next_batch():
    async with running(lanes=2, slow_seconds=0.01) as batches:
        first = await batches.asked("a")
        await asyncio.sleep(0.03)
        second = await batches.asked("b")
        await asyncio.sleep(0.03)
        others = await batches.asked("c", "d", "e")

        batches.let_go.set()

        answers = await asyncio.gather(*first, *second, *others)
        assert answers == ["a", "b", "c", "d", "e"]
        assert batches.seen == [["a"], ["b"], ["c", "d", "e"]]


async def test_the_second_lane_waits_until_the_first_is_slow():
    async with running(lanes=2, slow_seconds=0.05) as batches:
        asked = [await batches.asked(item) for item in "ab"]
        assert batches.seen == [["a"]]

        await asyncio.sleep(0.1)

        assert batches.seen == [["a"], ["b"]]
        batches.let_go.set()
        await asyncio.gather(*(answer for each in asked for answer in each))


async def test_two_with_one_key_go_one_after_the_other_and_in_order():
    async with running(lanes=2) as batches:
        asked = await batches.asked("a1", "a2", "b1", "a3")
        assert batches.seen == [["a1", "b1"]]

        batches.let_go.set()

        assert await asyncio.gather(*asked) == ["a1", "a2", "b1", "a3"]
        assert batches.seen == [["a1", "b1"], ["a2"], ["a3"]]


async def test_a_batch_is_no_larger_than_it_may_be():
    async with running(lanes=1, largest=2) as batches:
        batches.let_go.set()

        asked = await batches.asked("a", "b", "c", "d", "e")

        await asyncio.gather(*asked)
        assert batches.seen == [["a", "b"], ["c", "d"], ["e"]]


async def test_a_refusal_is_of_one_alone():
    async with running() as batches:
        batches.let_go.set()

        good, bad, fine = await batches.asked("a", "b!", "c")

        assert [await good, await fine] == ["a", "c"]
        with pytest.raises(Conflict):
            await bad
        assert batches.seen == [["a", "b!", "c"]]


async def test_too_many_waiting_are_sent_away():
    async with running(lanes=1, most_waiting=2) as batches:
        busy = await batches.asked("a")
        waiting = await batches.asked("b", "c")

        with pytest.raises(Unavailable):
            await batches.coalescer.ask("d")

        batches.let_go.set()
        assert await asyncio.gather(*busy, *waiting) == ["a", "b", "c"]


async def test_what_somebody_no_longer_waits_for_is_carried_out():
    async with running(lanes=1) as batches:
        busy = await batches.asked("a")
        (gone,) = await batches.asked("b")
        gone.cancel()
        await settled()

        batches.let_go.set()

        await asyncio.gather(*busy)
    assert batches.seen == [["a"], ["b"]]


async def test_what_still_waits_at_the_end_is_carried_out():
    batches = Batches(lanes=1)
    async with batches.coalescer.running():
        asked = await batches.asked("a", "b")
        more = await batches.asked("c")
        batches.let_go.set()
    assert await asyncio.gather(*asked, *more) == ["a", "b", "c"]


async def test_a_batch_is_of_one_tenant_at_its_time():
    async with running(lanes=2) as batches:
        batches.let_go.set()
        real = batches.coalescer.ask("a")
        sandbox = Origin(tenant="sandbox-1", ahead=timedelta(days=3))

        async def inside():
            with within(sandbox), clock.advanced(sandbox.ahead):
                return await batches.coalescer.ask("b")

        assert await asyncio.gather(real, inside()) == ["a", "b"]

    (real_tenant, now), (tenant, later) = batches.times
    assert (real_tenant, tenant) == ("ph", "sandbox-1")
    assert timedelta(days=3) <= later - now < timedelta(days=3, minutes=1)


@asynccontextmanager
async def inserting(url):
    """Into a table that takes each word once."""
    async with pool.connect(url, "gateway") as database:
        owner = await asyncpg.connect(url)
        await owner.execute("CREATE TABLE gateway.words (word text PRIMARY KEY)")
        await owner.execute("GRANT SELECT, INSERT ON gateway.words TO sibol_gateway")
        await owner.close()

        async def insert(errands):
            async with database.acquire() as conn, conn.transaction():
                await conn.executemany(
                    "INSERT INTO words VALUES ($1)", [(errand.wanted,) for errand in errands]
                )
            return [errand.wanted for errand in errands]

        coalescer = Coalescer(insert, keys_of=lambda _: ())
        async with coalescer.running():
            yield coalescer, database


async def test_when_a_batch_fails_the_guilty_one_fails_alone(own_url):
    async with inserting(own_url) as (coalescer, database):
        words = ["isa", "dalawa", "isa", "tatlo"]

        found = await asyncio.gather(*map(coalescer.ask, words), return_exceptions=True)

        assert [found[0], found[1], found[3]] == ["isa", "dalawa", "tatlo"]
        assert isinstance(found[2], asyncpg.UniqueViolationError)
        assert await database.fetchval("SELECT count(*) FROM words") == 3


async def test_when_the_database_is_away_nothing_is_tried_again():
    tries = []

    async def fail(errands):
        tries.append(len(errands))
        raise ConnectionResetError

    coalescer = Coalescer(fail, keys_of=lambda _: ())
    async with coalescer.running():
        found = await asyncio.gather(*map(coalescer.ask, "abc"), return_exceptions=True)

    assert [type(each) for each in found] == [ConnectionResetError] * 3
    assert tries == [3]
