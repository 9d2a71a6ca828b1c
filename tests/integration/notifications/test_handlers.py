from uuid import uuid4

from services.notifications.handlers import tell_people
from shared.events.applications import ApplicationSubmitted
from shared.events.engagements import EngagementSigned
from shared.events.matches import MatchComputed
from shared.events.milestones import MilestoneFunded
from shared.events.people import PersonJoined
from shared.events.projects import ProjectSuspended


async def notices(database):
    return await database.fetch("SELECT * FROM public_notices ORDER BY person_id, id")


async def hear(database, event):
    async with database.acquire() as conn, conn.transaction():
        await tell_people(conn, event)


async def test_an_application_tells_the_applicant_and_every_member_each_in_their_language(
    database, world, heard
):
    juan = await world.person("Juan dela Cruz", "en")
    nena, boy = await world.person("Nena Reyes", "fil"), await world.person("Boy Reyes", "en")
    organization_id = await world.organization(nena, boy)
    project_id = await world.project(organization_id)
    event = heard(
        ApplicationSubmitted(
            application_id=uuid4(),
            project_id=project_id,
            organization_id=organization_id,
            applicant_id=juan,
            state="submitted",
        )
    )

    await hear(database, event)

    titles = {row["person_id"]: row["title"] for row in await notices(database)}
    assert titles == {
        juan: "We have your application for “Talaan ng paninda”",
        nena: "Nag-apply si Juan dela Cruz sa “Talaan ng paninda”",
        boy: "Juan dela Cruz applied to “Talaan ng paninda”",
    }
    mails = await database.fetch("SELECT * FROM deliveries")
    assert {mail["person_id"] for mail in mails} == {juan, nena, boy}
    assert {mail["correlation_id"] for mail in mails} == {event.envelope.correlation_id}


async def test_an_event_heard_twice_is_told_once(database, world, heard):
    event = heard(PersonJoined(person_id=await world.person("Juan")))

    await hear(database, event)
    await hear(database, event)

    assert len(await notices(database)) == 1
    assert await database.fetchval("SELECT count(*) FROM deliveries") == 1


async def test_who_signed_is_not_told_that_they_signed(database, world, heard):
    juan, nena = await world.person("Juan"), await world.person("Nena")
    organization_id = await world.organization(nena)
    project_id = await world.project(organization_id)

    await hear(
        database,
        heard(
            EngagementSigned(
                engagement_id=uuid4(),
                application_id=uuid4(),
                project_id=project_id,
                organization_id=organization_id,
                applicant_id=juan,
                state="agreeing",
                party="applicant",
            )
        ),
    )

    assert [row["person_id"] for row in await notices(database)] == [nena]


async def test_matches_are_news_once_for_each_project(database, world, heard):
    nena = await world.person("Nena", "en")
    project_id = await world.project(await world.organization(nena))

    for people in (0, 3, 5):
        await hear(
            database, heard(MatchComputed(project_id=project_id, people=people, scorer="v1"))
        )

    (notice,) = await notices(database)
    assert notice["title"] == "3 people fit your project “Talaan ng paninda”"
    assert await database.fetchval("SELECT count(*) FROM deliveries") == 1


async def test_a_funded_milestone_is_shown_without_a_mail(database, world, heard):
    juan = await world.person("Juan")
    organization_id = await world.organization()

    await hear(
        database,
        heard(
            MilestoneFunded(
                milestone_id=uuid4(),
                engagement_id=uuid4(),
                project_id=await world.project(organization_id),
                organization_id=organization_id,
                applicant_id=juan,
                state="ready",
            )
        ),
    )

    assert len(await notices(database)) == 1
    assert await database.fetchval("SELECT count(*) FROM deliveries") == 0


async def test_those_who_work_on_a_suspended_project_are_told(database, world, heard):
    juan, nena = await world.person("Juan"), await world.person("Nena")
    organization_id = await world.organization(nena)
    project_id = await world.project(organization_id)
    await world.engagement(project_id, organization_id, juan)

    await hear(
        database,
        heard(
            ProjectSuspended(
                project_id=project_id,
                organization_id=organization_id,
                state="suspended",
                reason="fraud",
            )
        ),
    )

    texts = {row["person_id"]: row["text"] for row in await notices(database)}
    assert set(texts) == {juan, nena}
    assert "Wala kang ginawang mali" in texts[juan]
    assert "Dahilan: may nakitang palatandaan ng panloloko." in texts[nena]


async def test_an_erased_person_is_not_told(database, world, heard):
    juan = await world.person("Juan")
    await world.erase(juan)

    await hear(database, heard(PersonJoined(person_id=juan)))

    assert await notices(database) == []
