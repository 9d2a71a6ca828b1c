"""Many events at once are told as they would be one by one."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from services.notifications.handlers import tell_people
from shared.events.applications import ApplicationSubmitted
from shared.events.matches import MatchComputed
from shared.events.payments import PaymentHeld, PaymentSendFailed
from shared.events.projects import ProjectReviewOverdue


@pytest.fixture
async def applications(world, heard):
    """Three, to two postings of employers who read different languages."""
    juan, ann = await world.person("Juan dela Cruz", "fil"), await world.person("Ann Cruz", "en")
    nena, boy = await world.person("Nena Reyes", "fil"), await world.person("Boy Reyes", "en")
    events = []
    for members, applicants in (((nena, boy), (juan, ann)), ((boy,), (juan,))):
        organization_id = await world.organization(*members)
        project_id = await world.project(organization_id)
        events += [
            heard(
                ApplicationSubmitted(
                    application_id=uuid4(),
                    project_id=project_id,
                    organization_id=organization_id,
                    applicant_id=applicant_id,
                    state="submitted",
                )
            )
            for applicant_id in applicants
        ]
    return events


async def hear(database, *batches):
    for events in batches:
        async with database.acquire() as conn, conn.transaction():
            await tell_people(conn, events)


async def all_told(database):
    """Whatever does not differ from one time to the next."""
    notices = await database.fetch(
        """SELECT event_id, person_id, kind, subject, locale, title, text, action, link
             FROM notices ORDER BY event_id, person_id"""
    )
    mails = await database.fetch(
        """SELECT event_id, person_id, state, last_error, correlation_id, tenant
             FROM deliveries ORDER BY event_id, person_id"""
    )
    return notices, mails


async def forget(database):
    await database.execute("DELETE FROM deliveries")
    await database.execute("DELETE FROM notices")


async def test_a_batch_tells_what_its_events_tell_one_by_one(database, applications):
    await hear(database, *([event] for event in applications))
    one_by_one = await all_told(database)
    await forget(database)

    await hear(database, applications)

    assert await all_told(database) == one_by_one
    notices, mails = one_by_one
    assert len(notices) == len(mails) == 8
    assert {notice["locale"] for notice in notices} == {"fil", "en"}


async def test_a_batch_that_comes_again_with_others_tells_only_the_others(database, applications):
    await hear(database, applications[:2])
    before = len((await all_told(database))[0])

    await hear(database, applications, applications)

    notices, mails = await all_told(database)
    assert (before, len(notices), len(mails)) == (6, 8, 8)


async def test_an_event_twice_in_a_batch_is_told_once(database, applications):
    await hear(database, [*applications, *applications])

    assert len((await all_told(database))[0]) == 8


async def test_a_batch_that_was_lost_before_it_was_kept_is_told_once(database, applications):
    async with database.acquire() as conn:
        killed = conn.transaction()
        await killed.start()
        await tell_people(conn, applications)
        await killed.rollback()
    lost = await all_told(database)

    await hear(database, applications)

    assert lost == ([], [])
    assert len((await all_told(database))[0]) == 8


async def test_of_matches_in_one_batch_the_first_is_the_news(database, world, heard):
    nena = await world.person("Nena", "en")
    project_id = await world.project(await world.organization(nena))
    matches = [MatchComputed(project_id=project_id, people=n, scorer="v1") for n in (0, 3, 5)]

    await hear(database, [heard(match) for match in matches])

    notices, mails = await all_told(database)
    assert [notice["title"] for notice in notices] == [
        "3 people fit your project “Talaan ng paninda”"
    ]
    assert len(mails) == 1


async def test_a_payment_that_fails_twice_in_one_batch_is_told_once(database, world, heard):
    juan = await world.person("Juan")
    organization_id = await world.organization()
    failed = PaymentSendFailed(
        payment_id=uuid4(),
        project_id=await world.project(organization_id),
        organization_id=organization_id,
        applicant_id=juan,
        amount=500000,
        currency="PHP",
        state="releasing",
    )

    await hear(database, [heard(failed), heard(failed)])

    assert len((await all_told(database))[0]) == 1


async def test_within_a_batch_only_what_is_worth_it_is_mailed(database, world, heard):
    juan, nena = await world.person("Juan"), await world.person("Nena")
    organization_id = await world.organization(nena)
    project_id = await world.project(organization_id)
    held = [
        PaymentHeld(
            payment_id=uuid4(),
            project_id=project_id,
            organization_id=organization_id,
            applicant_id=applicant_id,
            amount=500000,
            currency="PHP",
            state="held",
        )
        for applicant_id in (juan, None)
    ]

    await hear(database, [heard(event) for event in held])

    notices, mails = await all_told(database)
    assert len(notices) == 3
    assert {mail["person_id"] for mail in mails} == {juan, nena}


async def test_each_of_a_batch_is_told_at_its_own_time(database, world, heard, applications):
    first, second, _ = applications
    second.received(replace(second.envelope, ahead=timedelta(days=3)))

    await hear(database, [first, second])

    rows = await database.fetch(
        """SELECT DISTINCT event_id, notices.created_at - now() > interval '2 days' AS later,
                  notices.created_at = next_try_at AS due_then
             FROM notices JOIN deliveries USING (event_id, person_id)"""
    )
    assert {tuple(row) for row in rows} == {
        (first.envelope.id, False, True),
        (second.envelope.id, True, True),
    }


async def test_a_batch_that_concerns_nobody_tells_nobody(database, heard):
    events = [
        heard(ProjectReviewOverdue(project_id=uuid4(), organization_id=uuid4(), state="in_review"))
        for _ in range(2)
    ]

    await hear(database, events)

    assert await all_told(database) == ([], [])
