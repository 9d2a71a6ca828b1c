import asyncio
from uuid import uuid4

import asyncpg
import pytest

from shared.database import connect
from shared.events.origin import Origin, within
from shared.events.projects import ProjectOpened, ProjectPaused
from shared.ids import new_id
from shared.messaging import record
from shared.messaging.outbox import claim, forget


def opened(project_id):
    return ProjectOpened(project_id=project_id, organization_id=uuid4(), state="open")


def paused(project_id):
    return ProjectPaused(project_id=project_id, organization_id=uuid4(), state="paused")


async def test_each_record_counts_its_own_events_without_gap(conn):
    first, second = new_id(), new_id()

    for event in (opened(first), opened(second), paused(first), opened(first)):
        await record(conn, event)

    rows = await conn.fetch("SELECT subject, sequence FROM events ORDER BY subject, sequence")
    assert [(row["subject"], row["sequence"]) for row in rows] == [
        (first, 1),
        (first, 2),
        (first, 3),
        (second, 1),
    ]


async def test_an_event_carries_who_and_what_caused_it(conn):
    cause = new_id()
    with within(Origin(correlation_id=cause, causation_id=cause, actor_kind="employer")):
        await record(conn, opened(new_id()))

    [waiting] = await claim(conn, "/sibol/gateway")

    assert waiting.envelope.correlation_id == cause
    assert waiting.envelope.causation_id == cause
    assert waiting.envelope.actor_kind == "employer"
    assert waiting.envelope.source == "/sibol/gateway"


async def test_nothing_is_said_when_the_change_is_undone(conn):
    async def change_and_fail():
        async with conn.transaction():
            await record(conn, opened(new_id()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_and_fail()

    assert await conn.fetchval("SELECT count(*) FROM events") == 0
    assert await claim(conn, "/sibol/gateway") == []


async def test_two_relays_never_take_the_same_event_and_keep_the_order_of_a_record(own_url):
    async with connect(own_url, "gateway") as database:
        project_id, other_id = new_id(), new_id()
        async with database.acquire() as conn, conn.transaction():
            for event in (opened(project_id), paused(project_id), opened(other_id)):
                await record(conn, event)
        async with database.acquire() as one, database.acquire() as two:
            async with one.transaction(), two.transaction():
                first = await claim(one, "a", limit=1)

                second = await claim(two, "b")

                assert [item.envelope.subject for item in first] == [project_id]
                assert [item.envelope.subject for item in second] == [other_id]
                await forget(one, [item.position for item in first])
            async with one.transaction():
                rest = await claim(one, "a")
                assert [item.envelope.sequence for item in rest] == [2, 1]


async def test_two_writers_of_one_record_do_not_leave_a_gap(own_url):
    project_id = new_id()
    async with connect(own_url, "gateway") as database:

        async def say() -> None:
            async with database.acquire() as conn, conn.transaction():
                await conn.execute("SELECT pg_advisory_xact_lock(1)")
                await record(conn, opened(project_id))

        await asyncio.gather(*(say() for _ in range(20)))

        rows = await database.fetch("SELECT sequence FROM events ORDER BY sequence")
    assert [row["sequence"] for row in rows] == list(range(1, 21))


async def test_a_room_sees_only_the_public_views_of_another(own_url):
    async with connect(own_url, "matching") as database:
        assert await database.fetch("SELECT * FROM gateway.public_projects") == []

        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await database.fetch("SELECT * FROM gateway.people")
