"""The database or the broker goes away and comes back."""

import asyncio
import time
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.conftest import copied
from tests.integration.gateway.conftest import NOWHERE, a_broker, a_gateway, timers_of
from tests.integration.gateway.outage import Link, link_to
from tests.support.api import Life, Refused, eventually, project_body, today


def through(link: Link, url: str) -> str:
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{link.port}"))


async def test_without_its_database_the_gateway_says_so_and_recovers_by_itself(
    server_url, template, tmp_path
):
    parts = urlsplit(server_url)
    async with (
        copied(server_url) as url,
        link_to(parts.hostname, parts.port) as link,
        a_gateway(through(link, url), NOWHERE, tmp_path) as found,
    ):
        person = await found.joined()
        headers = {"Authorization": f"Bearer {person.token}"}
        await link.cut()

        started = time.monotonic()
        away = [await found.asked("GET", "/v1/me", headers=headers) for _ in range(5)]
        seconds = time.monotonic() - started
        alive = await found.asked("GET", "/livez")
        ready = await found.asked("GET", "/readyz")
        await link.mend()
        back = await eventually(lambda: person.get("/v1/me"), lambda answer: answer["id"])

    assert {status for status, _, _ in away} == {503}
    assert all(headers["Retry-After"] for _, headers, _ in away)
    assert all(problem["code"] == "unavailable" for _, _, problem in away)
    assert seconds < 5
    assert (alive[0], ready[0]) == (200, 503)
    assert back["id"] == person.person["id"]


async def test_killed_connections_cost_no_more_than_a_few_answers(still):
    person = await still.joined()
    for _ in range(3):
        await still.database.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'sibol-gateway'"""
        )
        statuses = []
        for _ in range(12):
            status, _, _ = await still.asked(
                "GET", "/v1/me", headers={"Authorization": f"Bearer {person.token}"}
            )
            statuses.append(status)

        assert set(statuses) <= {200, 503}
        assert statuses[-1] == 200


async def test_a_lock_held_by_others_is_an_answer_within_seconds(still):
    life = await Life.between(still.api)
    await life.post_project()
    async with still.database.acquire() as conn, conn.transaction():
        await conn.execute(
            "SELECT FROM gateway.projects WHERE id = $1 FOR UPDATE", life.project["id"]
        )

        started = time.monotonic()
        with pytest.raises(Refused) as refused:
            await life.employer.post(f"/v1/projects/{life.project['id']}/pause")

    assert refused.value.status == 503
    assert time.monotonic() - started < 8


async def test_a_command_that_is_ended_for_a_deadlock_is_carried_out_all_the_same(still):
    life = await Life.between(still.api)
    await life.post_project()
    await life.apply()
    project_id, application_id = life.project["id"], life.application["id"]
    async with (
        still.database.acquire() as conn,
        asyncio.TaskGroup() as tasks,
        conn.transaction(),
    ):
        # In the wrong order, and in no hurry to find out: the command is the one that is ended.
        await conn.execute("SET LOCAL deadlock_timeout = '20s'")
        await conn.execute(
            "SELECT FROM gateway.applications WHERE id = $1 FOR UPDATE", application_id
        )
        offering = tasks.create_task(
            life.command(life.employer, "offer", {"message": "Tuloy!", "starts_on": today()})
        )
        await asyncio.sleep(0.3)
        await conn.execute("SELECT FROM gateway.projects WHERE id = $1 FOR UPDATE", project_id)

    assert offering.result()["state"] == "offered"


async def test_more_requests_than_connections_are_all_answered(still):
    people = [await still.joined() for _ in range(3)]

    started = time.monotonic()
    found = await asyncio.gather(
        *(people[number % 3].get("/v1/me/engagements") for number in range(300))
    )

    assert len(found) == 300
    assert time.monotonic() - started < 10


async def test_without_the_broker_writes_are_accepted_and_said_later(
    server_url, template, tmp_path
):
    async with a_broker() as broker:
        parts = urlsplit(broker.url)
        async with (
            copied(server_url) as url,
            link_to(parts.hostname, parts.port) as link,
            a_gateway(url, through(link, broker.url), tmp_path) as found,
            timers_of(url),
        ):
            await found.ready()
            life = await Life.between(found.api)
            await life.post_project()
            await eventually(lambda: waiting(found), lambda count: count == 0)
            await link.cut()

            organization = life.project["organization_id"]
            drafts = [
                await life.employer.post(
                    f"/v1/organizations/{organization}/projects", project_body(life.skills)
                )
                for _ in range(5)
            ]
            for draft in drafts:
                await life.employer.post(f"/v1/projects/{draft['id']}/submit")
            kept = await waiting(found)
            await link.mend()
            await eventually(lambda: waiting(found), lambda count: count == 0)

    assert kept == 10


async def waiting(found) -> int:
    return await found.database.fetchval("SELECT count(*) FROM gateway.outbox")
