import asyncio
from uuid import uuid4

import asyncpg
import pytest

from shared import clock
from shared.database import connect
from shared.events.origin import Origin, within
from shared.events.projects import ProjectOpened, ProjectPaused
from shared.ids import new_id
from shared.messaging import Said, record, record_all
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

    assert waiting.outgoing.envelope.correlation_id == cause
    assert waiting.outgoing.envelope.causation_id == cause
    assert waiting.outgoing.envelope.actor_kind == "employer"
    assert waiting.outgoing.envelope.source == "/sibol/gateway"


async def test_nothing_is_said_when_the_change_is_undone(conn):
    async def change_and_fail():
        async with conn.transaction():
            await record(conn, opened(new_id()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await change_and_fail()

    assert await conn.fetchval("SELECT count(*) FROM events") == 0
    assert await claim(conn, "/sibol/gateway") == []


async def test_two_relays_take_turns_and_keep_the_order(own_url):
    async with connect(own_url, "gateway") as database:
        project_id, other_id = new_id(), new_id()
        async with database.acquire() as conn, conn.transaction():
            for event in (opened(project_id), paused(project_id), opened(other_id)):
                await record(conn, event)
        async with database.acquire() as one, database.acquire() as two:
            async with one.transaction():
                first = await claim(one, "a", limit=1)

                second = asyncio.ensure_future(taken(two))

                _, waits = await asyncio.wait([second], timeout=0.2)
                await forget(one, [item.position for item in first])
            rest = await second

    assert waits
    assert [item.outgoing.envelope.sequence for item in first] == [1]
    assert [item.outgoing.envelope.sequence for item in rest] == [2, 1]


async def taken(conn):
    async with conn.transaction():
        return await claim(conn, "b")


async def test_what_is_said_together_is_numbered_in_its_order(conn):
    project_id, other_id = new_id(), new_id()
    await record(conn, opened(project_id))
    events = [paused(project_id), opened(other_id), opened(project_id)]

    await record_all(conn, [Said(event, Origin(), clock.now()) for event in events])

    rows = await conn.fetch(
        "SELECT events.subject, name, sequence FROM outbox JOIN events ON id = event_id ORDER BY position"
    )
    assert [(row["subject"], row["name"], row["sequence"]) for row in rows] == [
        (project_id, "project.opened.v1", 1),
        (project_id, "project.paused.v1", 2),
        (other_id, "project.opened.v1", 1),
        (project_id, "project.opened.v1", 3),
    ]


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
