"""Nobody is left waiting: with everybody silent, from any state, every record ends or rests within
its printed bound, with a reason, and everybody concerned is told once."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from services.gateway import firing
from services.gateway.lifecycles import MACHINES
from services.gateway.lifecycles.bounds import silence_bound
from services.notifications.audience import AUDIENCE
from shared import clock
from shared.events import CATALOGUE
from tests.integration.gateway.world import World, a_world
from tests.support.engine import Engine, an_engine

WAITING = [
    (record, state)
    for record, machine in MACHINES.items()
    for state in sorted(machine.states - machine.terminal)
]
# Firing takes a moment; a bound is printed in days. A last working day may be followed by holidays.
TOLERANCE = timedelta(minutes=5)
HOLIDAYS = timedelta(days=6)


@pytest.fixture(scope="module")
async def world(still) -> World:
    return await a_world(still)


@pytest.fixture
async def engine(still):
    async with an_engine(still.database_url) as found:
        await found.settle()
        await found.reader.execute("DELETE FROM gateway.timers")
        await found.reader.execute("DELETE FROM gateway.freezes")
        yield found


async def begun(engine: Engine, world: World, record: str, state: str) -> UUID:
    await world.put(record, state)
    record_id = UUID(world.ids[record])
    async with engine.gateway.acquire() as conn, conn.transaction():
        found = await firing.KINDS[record].lock(conn, record_id)
        await firing.KINDS[record].life.rearm(conn, found)
    return record_id


async def silent(engine: Engine, record: str, record_id: UUID) -> datetime:
    """Let time pass until the record ends or rests; return when it came to that."""
    machine, at = MACHINES[record], engine.now
    ends = machine.terminal | set(machine.resting)
    for _ in range(200):
        await engine.settle()
        state = await state_of(engine, record, record_id)
        if state in ends:
            return at
        timer = await engine.ring_next()
        assert timer is not None, f"{record} waits in {state} for ever"
        at = engine.now
    raise AssertionError(f"{record} goes round in circles")


async def state_of(engine: Engine, record: str, record_id: UUID) -> str:
    return await engine.reader.fetchval(
        f"SELECT state FROM gateway.{record}s WHERE id = $1", record_id
    )


@pytest.mark.parametrize(("record", "state"), WAITING)
async def test_silence_ends_within_its_printed_bound(world, engine, record, state):
    record_id = await begun(engine, world, record, state)
    machine, start = MACHINES[record], clock.now()
    works = any(timer.working for timer in machine.timers)
    bound = timedelta(days=silence_bound(machine, state)) + (HOLIDAYS if works else TOLERANCE)

    ended_at = await silent(engine, record, record_id)

    assert ended_at - start <= bound + TOLERANCE
    assert await state_of(engine, record, record_id) in machine.terminal | set(machine.resting)


@pytest.mark.parametrize(
    ("record", "state"),
    [(record, state) for record, state in WAITING if state not in MACHINES[record].resting],
)
async def test_every_end_has_a_reason_and_tells_each_person_once(world, engine, record, state):
    record_id = await begun(engine, world, record, state)

    await silent(engine, record, record_id)
    await engine.settle()

    end = await engine.reader.fetchrow(
        "SELECT id, name, data FROM gateway.events WHERE subject = $1 ORDER BY sequence DESC LIMIT 1",
        record_id,
    )
    told = await engine.reader.fetch(
        "SELECT person_id FROM notifications.notices WHERE event_id = $1", end["id"]
    )
    assert end["data"]["reason"] or end["data"]["state"] not in MACHINES[record].terminal
    assert len(told) == len({row["person_id"] for row in told})
    if end["data"]["state"] in MACHINES[record].terminal:
        assert AUDIENCE[CATALOGUE[end["name"]]]
        assert told
