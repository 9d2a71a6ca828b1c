"""Applications heard together are explained as if they were heard one by one."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from services.matching.handlers import explain_applications, rarities
from tests.integration.matching.support import applied, received


async def hear(matching, *batches):
    for events in batches:
        async with matching.acquire() as conn, conn.transaction():
            await explain_applications(conn, events)


async def explained(matching):
    rows = await matching.fetch(
        """SELECT application_id, project_id, person_id, passed, score, explanation
             FROM matches ORDER BY application_id"""
    )
    said = await matching.fetch(
        """SELECT data, subject, sequence, causation_id, correlation_id FROM events
            WHERE name LIKE 'match.explained%' ORDER BY subject"""
    )
    return rows, said


async def pairs(world):
    people = [await world.person("sewing"), await world.person("drawing", weekly_hours=1)]
    projects = [await world.project("sewing", "drawing"), await world.project("drawing")]
    return [(project, person) for project in projects for person in people]


async def test_a_batch_explains_what_its_applications_explain_one_by_one(world, matching):
    events = [received(applied(*pair, uuid4())) for pair in await pairs(world)]
    await hear(matching, *([event] for event in events))
    one_by_one = await explained(matching)
    await matching.execute("DELETE FROM matches")
    await matching.execute("DELETE FROM outbox")
    await matching.execute("DELETE FROM events")
    rarities.forget()

    await hear(matching, events)

    assert await explained(matching) == one_by_one
    assert len(one_by_one[0]) == len(one_by_one[1]) == 4
    assert {said["causation_id"] for said in one_by_one[1]} == {
        event.envelope.id for event in events
    }


async def test_a_batch_that_comes_again_says_nothing_more(world, matching):
    events = [received(applied(*pair, uuid4())) for pair in await pairs(world)]
    await hear(matching, events[:2])

    await hear(matching, events, events)

    assert [said["sequence"] for said in (await explained(matching))[1]] == [1, 1, 1, 1]


async def test_of_two_applications_for_one_pair_both_are_explained_and_the_later_is_kept(
    world, matching
):
    pair = await world.project("sewing"), await world.person("sewing")
    first, second = uuid4(), uuid4()

    await hear(matching, [received(applied(*pair, each)) for each in (first, second)])

    rows, said = await explained(matching)
    assert [row["application_id"] for row in rows] == [second]
    assert {each["subject"] for each in said} == {first, second}


async def test_an_application_without_its_pair_does_not_hold_up_the_others(world, matching):
    pair = await world.project("sewing"), await world.person("sewing")
    stranger = received(applied(pair[0], uuid4(), uuid4()))
    known = uuid4()

    await hear(matching, [stranger, received(applied(*pair, known))])

    assert [row["application_id"] for row in (await explained(matching))[0]] == [known]


async def test_each_of_a_batch_is_explained_at_its_own_time(world, matching):
    now, later = [received(applied(*pair, uuid4())) for pair in (await pairs(world))[:2]]
    later.received(replace(later.envelope, ahead=timedelta(days=3)))

    await hear(matching, [now, later])

    rows = await matching.fetch(
        """SELECT causation_id, occurred_at = computed_at AS together,
                  occurred_at > now() + interval '2 days' AS later, ahead
             FROM events JOIN matches ON application_id = subject"""
    )
    assert {tuple(row) for row in rows} == {
        (now.envelope.id, True, False, timedelta()),
        (later.envelope.id, True, True, timedelta(days=3)),
    }
