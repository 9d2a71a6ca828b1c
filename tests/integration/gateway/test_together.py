"""Apply, view and check in, by many at once."""

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from uuid import uuid4

import aiohttp
import pytest

from services.gateway.tokens import new_token, token_hash
from shared.ids import new_id
from tests.integration.gateway.conftest import NOWHERE
from tests.integration.gateway.test_seats import LETTER, outcomes
from tests.support.api import Api, Life, Refused, eventually, profile_body
from tests.support.places import ROOT
from tests.support.rooms import free_port

MANY = 200
SUBMITTED = {"answer_by": 1, "close_by": 1}


@pytest.fixture
async def life(still) -> Life:
    life = await Life.between(still.api)
    await life.post_project()
    return life


async def people(still, life, count) -> list[Api]:
    """Who may apply; made by hand, for a password is slow to hash."""
    made = [await still.joined() for _ in range(min(count, 3))]
    await asyncio.gather(*(p.put("/v1/me/profile", profile_body(life.skills)) for p in made))
    rows = [await copied(still, made[0]) for _ in range(count - len(made))]
    return [*made, *rows]


async def copied(still, person: Api) -> Api:
    found, token = new_id(), new_token()
    async with still.database.acquire() as conn, conn.transaction():
        await conn.execute(
            """INSERT INTO gateway.people (id, email, password_hash, name, locale, joined_at)
               SELECT $1, $1::uuid::text, password_hash, name, locale, joined_at
                 FROM gateway.people WHERE id = $2""",
            found,
            person.person["id"],
        )
        await conn.execute(
            """INSERT INTO gateway.profiles (person_id, region, changed_at)
               VALUES ($1, 'ncr', now())""",
            found,
        )
        await conn.execute(
            """INSERT INTO gateway.profile_skills (person_id, skill_id, level)
               SELECT $1, skill_id, level FROM gateway.profile_skills WHERE person_id = $2""",
            found,
            person.person["id"],
        )
        await conn.execute(
            """INSERT INTO gateway.sessions (token_hash, person_id, created_at, expires_at)
               VALUES ($1, $2, now(), now() + interval '1 day')""",
            token_hash(token),
            found,
        )
    return Api(person.session, person.base, token, {"id": str(found)}, person.settle)


def applications_at(life) -> str:
    return f"/v1/projects/{life.project['id']}/applications"


async def events_of(still, record_id) -> list[tuple[int, str]]:
    rows = await still.database.fetch(
        "SELECT sequence, name FROM gateway.events WHERE subject = $1 ORDER BY sequence", record_id
    )
    return [(row["sequence"], row["name"]) for row in rows]


async def deadlines_of(still, record_id) -> dict[str, int]:
    rows = await still.database.fetch(
        """SELECT name, count(*) FROM gateway.timers
            WHERE record_id = $1 AND NOT is_reminder GROUP BY name""",
        record_id,
    )
    return dict(rows)


async def test_two_hundred_apply_at_once_and_each_is_said_once(still, life):
    crowd = await people(still, life, MANY)

    made = await asyncio.gather(*(each.post(applications_at(life), LETTER) for each in crowd))

    assert {each["applicant_id"] for each in made} == {each.person["id"] for each in crowd}
    assert {(each["state"], each["version"]) for each in made} == {("submitted", 1)}
    for each in made:
        assert await events_of(still, each["id"]) == [(1, "application.submitted.v1")]
        assert await deadlines_of(still, each["id"]) == SUBMITTED


async def test_the_answer_is_what_is_read_afterwards(still, life):
    (person,) = await people(still, life, 1)

    made = await person.post(applications_at(life), LETTER)

    read = await person.get(f"/v1/applications/{made['id']}")
    # The row knows the moment of the submission; the answer was always older than that.
    later = {"submitted_at", "changed_at"}
    assert {k: v for k, v in made.items() if k not in later} == {
        k: v for k, v in read.items() if k not in later
    }


async def test_one_person_applies_once_however_often_they_ask_at_once(still, life):
    (person,) = await people(still, life, 1)

    found = await outcomes(*(person.post(applications_at(life), LETTER) for _ in range(2)))

    assert [each for each in found if isinstance(each, int)] == [409]
    assert len([each for each in found if isinstance(each, dict)]) == 1


async def test_one_key_at_once_has_one_answer(still, life):
    (person,) = await people(still, life, 1)
    key = {"Idempotency-Key": uuid4().hex}

    found = await asyncio.gather(
        *(person.post(applications_at(life), LETTER, **key) for _ in range(10))
    )

    assert all(answer == found[0] for answer in found)
    assert await events_of(still, found[0]["id"]) == [(1, "application.submitted.v1")]


async def test_a_key_used_for_another_letter_is_refused(still, life):
    (person,) = await people(still, life, 1)
    key = {"Idempotency-Key": uuid4().hex}
    await person.post(applications_at(life), LETTER, **key)

    found = []
    for other in ({"cover_letter": LETTER["cover_letter"] + " Salamat."}, {"cover_letter": ""}):
        with pytest.raises(Refused) as refused:
            await person.post(applications_at(life), other, **key)
        found.append(refused.value.problem["code"])

    assert found == ["idempotency_key_reused"] * 2


async def test_a_refused_application_leaves_its_key_free_and_its_neighbours_alone(still, life):
    crowd = await people(still, life, 6)
    newcomer = await still.joined()
    key = {"Idempotency-Key": uuid4().hex}

    found = await outcomes(
        *(
            each.post(applications_at(life), LETTER, **{"Idempotency-Key": uuid4().hex})
            for each in crowd
        ),
        newcomer.post(applications_at(life), LETTER, **key),
        life.employer.post(applications_at(life), LETTER),
        crowd[0].post(f"/v1/projects/{uuid4()}/applications", LETTER),
    )
    await newcomer.put("/v1/me/profile", profile_body(life.skills))
    again = await newcomer.post(applications_at(life), LETTER, **key)

    assert all(isinstance(each, dict) for each in found[:6])
    assert found[6:] == [409, 403, 404]
    assert again["state"] == "submitted"


async def test_all_applications_are_viewed_at_once_each_once(still, life):
    crowd = await people(still, life, 20)
    made = await asyncio.gather(*(each.post(applications_at(life), LETTER) for each in crowd))

    found = await outcomes(
        *(life.employer.post(f"/v1/applications/{each['id']}/view") for each in made * 2)
    )

    seen = [each for each in found if isinstance(each, dict)]
    assert sorted(each["id"] for each in seen) == sorted(each["id"] for each in made)
    assert {(each["state"], each["version"]) for each in seen} == {("seen", 2)}
    assert found.count(409) == 20
    for each in made:
        assert await events_of(still, each["id"]) == [
            (1, "application.submitted.v1"),
            (2, "application.seen.v1"),
        ]
        assert await deadlines_of(still, each["id"]) == SUBMITTED


async def test_both_sides_check_in_at_once_and_both_are_heard(still, life):
    await life.apply()
    await life.agree()

    found = await asyncio.gather(
        *(
            side.post(f"{life.at}/check-in", {"mood": "fine"})
            for side in (life.applicant, life.employer)
        )
    )

    assert max(each["version"] for each in found) == min(each["version"] for each in found) + 1
    read = await life.applicant.get(life.at)
    assert (read["state"], read["checked_in"]) == ("active", ["applicant", "employer"])
    names = [name for _, name in await events_of(still, life.engagement["id"])]
    assert names.count("engagement.started.v1") == 1


@asynccontextmanager
async def a_process(still, **settings: str):
    """A second gateway on the same database."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIBOL_")}
    environment = {
        "SIBOL_DATABASE_URL": still.database_url,
        "SIBOL_AMQP_URL": NOWHERE,
        "SIBOL_HTTP_PORT": str(port),
        "SIBOL_FILES_URL": still.files.as_uri(),
        **settings,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.gateway",
        cwd=ROOT,
        env=kept | environment,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def alive(session, base) -> bool:
    try:
        async with session.get(f"{base}/livez") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


@pytest.mark.parametrize(
    ("place", "replays"), [("gateway.after_commit", True), ("gateway.before_commit", False)]
)
async def test_what_a_killed_process_committed_is_answered_by_another(still, life, place, replays):
    (person,) = await people(still, life, 1)
    key = {"Idempotency-Key": uuid4().hex}
    async with a_process(still, SIBOL_CRASH_AT=place) as (process, base):
        await eventually(lambda: alive(still.session, base), bool, seconds=60)
        doomed = Api(person.session, base, person.token)
        with pytest.raises(aiohttp.ClientError):
            await doomed.post(applications_at(life), LETTER, **key)
        await process.wait()

    _, headers, made = await still.asked(
        "POST",
        applications_at(life),
        json=LETTER,
        headers={"Authorization": f"Bearer {person.token}", **key},
    )

    assert made["state"] == "submitted"
    assert headers.get("Idempotent-Replayed") == ("true" if replays else None)
    assert await events_of(still, made["id"]) == [(1, "application.submitted.v1")]
