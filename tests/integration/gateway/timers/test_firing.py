"""Timers are rows beside the state: written with it, gone with it, fired once."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from services.gateway import firing
from services.gateway.timers import queries
from shared import clock
from tests.integration.gateway.world import World, a_world
from tests.support.engine import Engine, an_engine


@pytest.fixture(scope="module")
async def world(still) -> World:
    return await a_world(still)


@pytest.fixture
async def engine(still):
    async with an_engine(still.database_url) as found:
        await found.reader.execute("DELETE FROM gateway.freezes")
        yield found


async def armed(engine: Engine, world: World, record: str, state: str) -> UUID:
    """The record in this state, with the clocks of the state just begun."""
    await world.put(record, state)
    record_id = UUID(world.ids[record])
    async with engine.gateway.acquire() as conn, conn.transaction():
        found = await firing.KINDS[record].lock(conn, record_id)
        await firing.KINDS[record].life.rearm(conn, found)
    return record_id


async def test_a_record_shows_until_when_somebody_may_act(world, engine):
    await armed(engine, world, "application", "offered")

    found = await world.life.applicant.get(world.address("application"))

    assert [due["name"] for due in found["due"]] == ["accept_by"]
    assert found["due"][0]["then"] == "offer_lapsed"
    assert found["due"][0]["waits_on"] == ["applicant"]


async def test_silence_is_reminded_and_then_ends(world, engine):
    record_id = await armed(engine, world, "application", "offered")

    with clock.advanced(timedelta(days=2.6)):
        rung = [await rings(engine, record_id) for _ in range(3)]
    with clock.advanced(timedelta(days=3.1)):
        rung += [await rings(engine, record_id) for _ in range(2)]

    assert rung == [
        "application.reminded.v1",
        "application.reminded.v1",
        None,
        "application.offer_lapsed.v1",
        None,
    ]
    assert (await world.facts("application"))[0] == "offer_lapsed"


async def rings(engine: Engine, record_id: UUID) -> str | None:
    """What was said when the next due timer of this record was fired."""
    async with engine.gateway.acquire() as conn:
        due = [
            timer
            for timer in await queries.select_timers(conn, [record_id])
            if timer.due_at <= clock.now()
        ]
        if not due or not await firing.fire(conn, due[0]):
            return None
        return await conn.fetchval(
            "SELECT name FROM events WHERE subject = $1 ORDER BY sequence DESC LIMIT 1", record_id
        )


async def test_a_command_takes_the_old_clocks_away(world, engine):
    record_id = await armed(engine, world, "application", "offered")
    async with engine.gateway.acquire() as conn:
        old = await queries.select_timers(conn, [record_id])

    await world.life.applicant.post(world.address("application", "decline"))

    with clock.advanced(timedelta(days=4)):
        async with engine.gateway.acquire() as conn:
            assert [await firing.fire(conn, timer) for timer in old] == [False] * len(old)
    assert (await world.facts("application"))[0] == "declined_by_applicant"


async def test_a_timer_fired_by_two_processes_at_once_rings_once(world, engine):
    record_id = await armed(engine, world, "application", "offered")
    async with engine.gateway.acquire() as conn:
        due = (await queries.select_timers(conn, [record_id]))[-1]

    async def once() -> bool:
        async with engine.gateway.acquire() as conn:
            return await firing.fire(conn, due)

    with clock.advanced(timedelta(days=3)):
        rang = await asyncio.gather(*(once() for _ in range(4)))

    assert sorted(rang) == [False, False, False, True]


async def test_what_a_dead_process_had_in_hand_is_due_again_when_its_lease_ends(world, engine):
    record_id = await armed(engine, world, "application", "offered")

    async def claimed() -> int:
        async with engine.gateway.acquire() as conn:
            found = await queries.claim_due(conn, 1000)
        return sum(timer.record_id == record_id for timer in found)

    with clock.advanced(timedelta(days=3)):
        first, second = await claimed(), await claimed()
    with clock.advanced(timedelta(days=3) + queries.LEASE + timedelta(seconds=1)):
        third = await claimed()

    assert (first, second, third) == (3, 0, 3)


async def test_looking_at_an_application_gives_nobody_more_time(world, engine):
    await armed(engine, world, "application", "submitted")
    before = (await world.life.applicant.get(world.address("application")))["due"]

    await world.life.employer.post(world.address("application", "view"))

    after = (await world.life.applicant.get(world.address("application")))["due"]
    assert [due["due_at"] for due in after] == [due["due_at"] for due in before]


async def test_a_check_in_lets_the_clocks_of_silence_begin_anew(world, engine):
    await armed(engine, world, "engagement", "active")
    before = (await world.life.applicant.get(world.address("engagement")))["due"]

    await world.life.applicant.post(world.address("engagement", "check_in"), {"mood": "fine"})

    after = (await world.life.applicant.get(world.address("engagement")))["due"]
    assert [due["name"] for due in after] == ["quiet", "silent"]
    assert all(new["due_at"] > old["due_at"] for old, new in zip(before, after, strict=True))


async def test_a_record_that_came_into_its_state_without_a_clock_gets_one(world, engine):
    record_id = await armed(engine, world, "application", "shortlisted")
    await engine.reader.execute("DELETE FROM gateway.timers WHERE record_id = $1", record_id)

    async with engine.gateway.acquire() as conn:
        while await firing.start_missing_clocks(conn):
            pass
        found = await queries.select_timers(conn, [record_id])

    assert "decide_by" in {timer.name for timer in found}
