import asyncio
from datetime import datetime, timedelta

import pytest

from tests.integration.gateway.sandboxes.support import a_sandbox, claimed
from tests.support.api import Refused


@pytest.fixture
async def sandbox(gateway):
    return await a_sandbox(gateway.api)


def time_of(answer) -> datetime:
    return datetime.fromisoformat(answer["now"])


async def test_the_clock_moves_as_far_as_it_is_told(sandbox):
    before = await sandbox.employer.get("/v1/sandbox/clock")

    moved = await sandbox.advance("P14D")

    assert moved["reached"]
    assert timedelta(days=14) <= time_of(moved) - time_of(before) < timedelta(days=14, seconds=10)
    after = await sandbox.employer.get("/v1/sandbox/clock")
    assert time_of(after) >= time_of(moved)


async def test_the_clock_moves_to_a_time(sandbox):
    to = datetime.fromisoformat(await sandbox.now()) + timedelta(hours=30)

    moved = await sandbox.employer.post("/v1/sandbox/clock", {"to": to.isoformat()})

    assert timedelta() <= time_of(moved) - to < timedelta(seconds=5)


async def test_the_owner_moves_it_too(sandbox):
    moved = await sandbox.owner.post(
        "/v1/sandbox/clock", {"tenant": sandbox.tenant, "advance": "P1D"}
    )

    assert moved["reached"]


async def test_time_never_goes_back(sandbox):
    before = datetime.fromisoformat(await sandbox.now())

    for wanted in (
        {"advance": "-P1D"},
        {"advance": "PT0S"},
        {"to": (before - timedelta(hours=1)).isoformat()},
        {"advance": "P401D"},
        {"advance": "P1D", "to": before.isoformat()},
        {},
    ):
        with pytest.raises(Refused, match="422"):
            await sandbox.employer.post("/v1/sandbox/clock", wanted)
    assert datetime.fromisoformat(await sandbox.now()) - before < timedelta(seconds=5)


async def test_a_stranger_finds_no_clock(gateway, sandbox):
    stranger = await gateway.joined("Sino Siya")
    other = await a_sandbox(gateway.api)

    for who in (stranger, other.employer):
        with pytest.raises(Refused, match="404"):
            await who.post("/v1/sandbox/clock", {"tenant": sandbox.tenant, "advance": "P1D"})
    with pytest.raises(Refused, match="404"):
        await stranger.get("/v1/sandbox/clock")


async def test_a_second_request_waits_for_no_first_one(gateway, sandbox):
    async with claimed(gateway.database, sandbox.tenant):
        with pytest.raises(Refused, match="409"):
            await sandbox.advance("P1D")

    assert (await sandbox.advance("P1D"))["reached"]


async def test_of_two_at_once_at_most_one_is_refused_and_no_time_is_lost(sandbox):
    before = datetime.fromisoformat(await sandbox.now())

    answers = await asyncio.gather(
        *(sandbox.advance("P1D") for _ in range(2)), return_exceptions=True
    )

    moved = [answer for answer in answers if not isinstance(answer, Refused)]
    assert moved
    assert all(answer.status == 409 for answer in answers if isinstance(answer, Refused))
    went = datetime.fromisoformat(await sandbox.now()) - before
    assert timedelta(days=len(moved)) <= went < timedelta(days=len(moved), minutes=1)


async def test_time_passes_in_one_sandbox_alone(gateway, sandbox):
    other = await a_sandbox(gateway.api)
    before = datetime.fromisoformat(await other.now())

    await sandbox.advance("P30D")

    assert datetime.fromisoformat(await other.now()) - before < timedelta(minutes=1)


async def test_silence_ends_an_application_at_its_deadline_with_its_reminders(gateway, sandbox):
    life = await sandbox.life()
    await life.post_project()
    await life.apply()

    moved = await sandbox.advance("P60D")

    assert moved["reached"]
    assert [item["at"] for item in moved["fired"]] == sorted(item["at"] for item in moved["fired"])
    kinds = {item["kind"] for item in moved["fired"]}
    assert kinds == {"reminder", "deadline"}
    application = await life.applicant.get(f"/v1/applications/{life.application['id']}")
    assert application["state"] not in {"submitted", "seen"}
    project = await life.employer.get(f"/v1/projects/{life.project['id']}")
    assert project["state"] not in {"open", "selecting"}
    left = await gateway.database.fetchval(
        """SELECT count(*) FROM gateway.timers WHERE tenant = $1 AND due_at <= $2""",
        sandbox.tenant,
        time_of(moved),
    )
    assert left == 0


async def test_an_effect_has_the_time_of_its_cause(gateway, sandbox):
    life = await sandbox.life()
    await life.post_project()
    await life.apply()

    await sandbox.advance("P60D")

    late = await gateway.database.fetchval(
        """SELECT max(abs(extract(epoch FROM effect.occurred_at - cause.occurred_at)))
             FROM gateway.events AS effect
             JOIN gateway.events AS cause ON cause.id = effect.causation_id
            WHERE effect.tenant = $1""",
        sandbox.tenant,
    )
    assert late is None or late < 10


async def test_real_timers_stay_where_they_are(gateway, sandbox):
    before = await gateway.database.fetchval(
        "SELECT count(*) FROM gateway.timers WHERE tenant = 'ph'"
    )

    await sandbox.advance("P90D")

    after = await gateway.database.fetchval(
        "SELECT count(*) FROM gateway.timers WHERE tenant = 'ph'"
    )
    assert after == before
