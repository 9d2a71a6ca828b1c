import asyncio
import json
import random
import time
from datetime import timedelta

import aiohttp
import asyncpg
import pytest

from services.credentialing.keys import public_key
from services.credentialing.proof import verify_proof
from shared.database.migrate import ROOMS
from shared.errors import Invalid
from tests.conftest import copied, virtual_host
from tests.integration.gateway.sandboxes.support import a_sandbox
from tests.support.api import Api, Life, eventually, project_body
from tests.support.rooms import PROCESSES, running

DRAFTS = 30
# Of an idle draft its employer is reminded, but it is not yet thrown away.
DAYS = 24


@pytest.fixture(scope="module")
async def rooms(server_url, template, tmp_path_factory):
    """Started once; a life does not mind the others."""
    async with (
        copied(server_url) as url,
        virtual_host() as broker,
        running(url, broker.url, tmp_path_factory.mktemp("rooms")) as found,
    ):
        yield found


@pytest.fixture
async def api(rooms):
    # Shorter than the gateway's own patience, so that no request meets a connection being closed.
    connector = aiohttp.TCPConnector(keepalive_timeout=5)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield Api(session, rooms.url)


async def lived(api: Api) -> tuple[Life, dict]:
    life = await Life.between(api)
    await life.post_project()
    await life.apply()
    await life.agree()
    await life.work()
    return life, await life.wrap_up()


async def fetched(api: Api, url: str) -> dict:
    async with api.session.get(url) as answer:
        assert answer.status == 200
        return json.loads(await answer.read())


async def test_one_micro_internship_lives_from_posting_to_badge(rooms, api):
    life, credential = await lived(api)

    badge = await fetched(api, credential["url"])
    issuer = await fetched(api, f"{rooms.url}/.well-known/did.json")
    verify_proof(badge, lambda method: public_key(issuer, method))
    match = await life.applicant.get(f"/v1/applications/{life.application['id']}/match")
    assert match["passed"]
    parts = match["explanation"]["parts"]
    assert abs(sum(part["points"] for part in parts) - match["score"]) < 1e-6
    email = life.applicant.person["email"]
    await eventually(lambda: asyncio.sleep(0, rooms.sink.to(email)), lambda mails: len(mails) >= 10)
    notices = await life.applicant.get("/v1/me/notices?limit=100")
    kinds = [notice["kind"] for notice in notices["items"]]
    assert {"application.offered.v1", "credential.issued.v1"} <= set(kinds)
    assert email not in json.dumps(badge)
    await nothing_happened_twice(rooms)


async def test_a_killed_room_loses_nothing_and_does_nothing_twice(rooms, api):
    dice = random.Random(7)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(havoc(rooms, dice))
        lives = [tasks.create_task(lived(api)) for _ in range(3)]

    credentials = [life.result()[1] for life in lives]
    assert len({credential["url"] for credential in credentials}) == 3
    for name in PROCESSES:
        await rooms.ready(name)
    await nothing_happened_twice(rooms)


async def test_weeks_that_pass_while_the_timers_are_killed_ring_every_timer_once(rooms, api):
    dice = random.Random(11)
    life, _ = await lived(api)
    drafts = await drafted(life)

    await days_pass(rooms, DAYS)
    for _ in range(3):
        await asyncio.sleep(dice.uniform(0.2, 0.8))
        await rooms.kill("timers")
        await rooms.ready("timers")

    conn = await asyncpg.connect(rooms.database_url)
    try:
        await eventually(lambda: due(conn), lambda count: count == 0, seconds=60)
        rang = await conn.fetch(
            """SELECT name, count(*) AS times FROM gateway.events
                WHERE subject = ANY($1) AND actor_kind = 'timer' GROUP BY name""",
            drafts,
        )
    finally:
        await conn.close()
    assert dict(rang) == {"project.reminded.v1": DRAFTS}
    payments = await eventually(
        lambda: life.applicant.get("/v1/me/payments"),
        lambda found: {item["state"] for item in found["items"]} == {"paid"},
        seconds=45,
    )
    assert sum(item["amount"] for item in payments["items"]) == life.project["fee"]
    for name in PROCESSES:
        await rooms.ready(name)
    await nothing_happened_twice(rooms)


async def havoc(rooms, dice) -> None:
    for name in dice.sample(PROCESSES[1:], 4) + dice.sample(PROCESSES[1:], 4):
        await asyncio.sleep(dice.uniform(0.1, 0.6))
        await rooms.kill(name)


async def drafted(life: Life) -> list[str]:
    """Postings that their employer never submits."""
    found = await life.employer.get("/v1/me/organizations")
    at = f"/v1/organizations/{found['items'][0]['id']}/projects"
    made = [await life.employer.post(at, project_body(life.skills)) for _ in range(DRAFTS)]
    return [project["id"] for project in made]


async def days_pass(rooms, days: int) -> None:
    """Every clock ends that much sooner."""
    conn = await asyncpg.connect(rooms.database_url)
    try:
        await conn.execute(
            """UPDATE gateway.timers
                  SET starts_at = starts_at - $1::interval, due_at = due_at - $1::interval,
                      ends_at = ends_at - $1::interval, not_after = not_after - $1::interval""",
            timedelta(days=days),
        )
    finally:
        await conn.close()


async def test_a_killed_gateway_answers_a_repeated_command_with_the_first_result(rooms, api):
    life = await Life.between(api)
    await life.post_project()
    key = {"Idempotency-Key": "pause-1"}
    first = await life.employer.post(f"/v1/projects/{life.project['id']}/pause", **key)

    await rooms.kill("gateway")
    await rooms.ready("gateway")
    second = await life.employer.post(f"/v1/projects/{life.project['id']}/pause", **key)

    assert second == first


async def test_a_month_of_silence_passes_in_a_sandbox_while_one_looks_on(rooms, api):
    sandbox = await a_sandbox(api)
    began = time.perf_counter()
    life = await delivered(sandbox)

    moved = await sandbox.advance("P30D")

    seconds = time.perf_counter() - began
    print(f"from the posting to the badge: {seconds:.2f} s, {len(moved['fired'])} timers")
    assert moved["reached"]
    found = await life.applicant.get("/v1/me/payments")
    assert {payment["state"] for payment in found["items"]} == {"paid"}
    assert sum(payment["amount"] for payment in found["items"]) == life.project["fee"]
    credential = (await life.applicant.get("/v1/me/credentials"))["items"][0]
    assert credential["state"] == "issued"
    await is_of_the_sandbox(rooms, api, credential["url"])
    await is_reminded(life.employer, "milestone.reminded.v1")
    for person in (life.applicant, life.employer):
        await is_reminded(person, "engagement.reminded.v1")
    await nothing_happened_twice(rooms)
    assert not rooms.sink.to("sandbox.example")


async def delivered(sandbox) -> Life:
    life = await sandbox.life()
    await life.post_project()
    await life.apply()
    await life.agree()
    await eventually(life.milestones, lambda found: all(item["state"] == "ready" for item in found))
    await life.applicant.post(f"{life.at}/check-in", {"mood": "fine"})
    for milestone in await life.milestones():
        file = await life.applicant.call("POST", "/v1/files?name=salin.txt", b"Salin")
        await life.applicant.post(
            f"/v1/milestones/{milestone['id']}/submit",
            {"note": "Narito na.", "criteria_met": [0, 1], "file_ids": [file["id"]]},
        )
    return life


async def is_of_the_sandbox(rooms, api: Api, url: str) -> None:
    """Signed, but by an issuer whom nobody takes for the real one."""
    badge = await fetched(api, url)
    trial = await fetched(api, f"{rooms.url}/sandbox/did.json")
    real = await fetched(api, f"{rooms.url}/.well-known/did.json")
    assert trial["id"] == f"{real['id']}:sandbox"
    assert badge["issuer"]["id"] == trial["id"]
    verify_proof(badge, lambda method: public_key(trial, method))
    with pytest.raises(Invalid):
        verify_proof(badge, lambda method: public_key(real, method))


async def is_reminded(person: Api, kind: str) -> None:
    async def kinds() -> list[str]:
        notices = await person.get("/v1/me/notices?limit=100")
        return [notice["kind"] for notice in notices["items"]]

    await eventually(kinds, lambda found: kind in found)


async def test_every_room_stops_when_asked(rooms):
    assert await rooms.stop() == dict.fromkeys(PROCESSES, 0)


async def nothing_happened_twice(rooms) -> None:
    conn = await asyncpg.connect(rooms.database_url)
    try:
        await eventually(lambda: waiting(conn), lambda count: count == 0)
        for room in ROOMS:
            gaps = await conn.fetchval(
                f"""SELECT count(*) FROM (SELECT max(sequence) <> count(*) AS gap
                                            FROM {room}.events GROUP BY subject) AS subjects
                     WHERE gap"""
            )
            assert gaps == 0
        doubled = await conn.fetchval(
            """SELECT count(*) FROM (SELECT FROM notifications.notices
                                      GROUP BY event_id, person_id HAVING count(*) > 1) AS twice"""
        )
        assert doubled == 0
        badges, completed = await conn.fetchrow(
            """SELECT (SELECT count(*) FROM credentialing.badges),
                      (SELECT count(*) FROM gateway.engagements WHERE state = 'completed')"""
        )
        assert badges == completed
        await money_is_right(conn)
        # The mails in the hands of a killed sender are due again when its lease ends.
        await eventually(lambda: unsent(conn), lambda count: count == 0, seconds=45)
    finally:
        await conn.close()
    message_ids = [mail["Message-ID"] for mail in rooms.sink.mails]
    again = len(message_ids) - len(set(message_ids))
    sent = await sent_mails(rooms)
    # A mail may be sent again under the same id when its sender dies before it could note it.
    assert len(set(message_ids)) == sent
    assert again <= 6


async def money_is_right(conn) -> None:
    """Every transaction comes to zero, and nobody is paid twice, by us or by the provider."""
    wrong = await conn.fetchrow(
        """SELECT (SELECT count(*) FROM (SELECT FROM gateway.ledger_entries GROUP BY transaction_id
                                         HAVING sum(amount) <> 0) AS uneven) AS uneven,
                  (SELECT sum(balance) FROM gateway.ledger_accounts) AS left_over,
                  (SELECT count(*) FROM gateway.provider_surprises) AS surprises,
                  (SELECT count(*) FROM (SELECT FROM gateway.events WHERE name = 'payment.paid.v1'
                                          GROUP BY subject HAVING count(*) > 1) AS again) AS again,
                  (SELECT count(*) FROM gateway.sandbox_orders
                    WHERE kind = 'pay' AND state = 'done')
                  - (SELECT count(*) FROM gateway.payments WHERE state = 'paid') AS unlike"""
    )
    assert set(wrong.values()) == {0}, dict(wrong)


async def due(conn) -> int:
    return await conn.fetchval("SELECT count(*) FROM gateway.timers WHERE due_at <= now()")


async def waiting(conn) -> int:
    counts = [await conn.fetchval(f"SELECT count(*) FROM {room}.outbox") for room in ROOMS]
    return sum(counts)


async def unsent(conn) -> int:
    return await conn.fetchval("SELECT count(*) FROM notifications.deliveries WHERE state = 'due'")


async def sent_mails(rooms) -> int:
    conn = await asyncpg.connect(rooms.database_url)
    try:
        return await conn.fetchval(
            "SELECT count(*) FROM notifications.deliveries WHERE state = 'sent'"
        )
    finally:
        await conn.close()
