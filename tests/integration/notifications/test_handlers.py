from datetime import UTC, datetime
from uuid import uuid4

from services.notifications.audience import Role, told
from services.notifications.handlers import tell_people
from shared.events.applications import ApplicationReminded, ApplicationSubmitted
from shared.events.engagements import EngagementSigned
from shared.events.freezes import ClocksFrozen, FreezeEvent
from shared.events.matches import MatchComputed
from shared.events.milestones import MilestoneFunded
from shared.events.payments import PaymentHeld, PaymentNeedsOperator
from shared.events.people import PersonJoined
from shared.events.projects import ProjectReviewOverdue, ProjectSuspended
from tests.unit.notifications.samples import notices as every_notice


async def notices(database):
    return await database.fetch("SELECT * FROM public_notices ORDER BY person_id, id")


async def hear(database, event):
    async with database.acquire() as conn, conn.transaction():
        await tell_people(conn, [event])


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


async def test_every_event_tells_each_person_concerned_exactly_once(database, world, heard):
    people = {
        Role.APPLICANT: await world.person("Juan dela Cruz"),
        Role.EMPLOYER: await world.person("Nena Reyes"),
        Role.MODERATOR: await world.person("Mina Santos", duties=("moderator",)),
        Role.OPERATOR: await world.person("Omar Abad", duties=("operator",)),
    }
    people |= {Role.PERSON: people[Role.APPLICANT], Role.INTERN: people[Role.APPLICANT]}
    organization_id = await world.organization(people[Role.EMPLOYER])
    project_id = await world.project(organization_id)
    await world.engagement(project_id, organization_id, people[Role.APPLICANT])
    ours = {"project_id": project_id, "organization_id": organization_id} | dict.fromkeys(
        ("applicant_id", "holder_id", "person_id"), people[Role.APPLICANT]
    )
    events = [event for event, _ in every_notice() if not isinstance(event, FreezeEvent)]

    for sample in events:
        known = {name: value for name, value in ours.items() if name in type(sample).model_fields}
        event = heard(sample.model_copy(update=known))
        await hear(database, event)
        await hear(database, event)

        rows = await database.fetch(
            "SELECT person_id FROM notices WHERE event_id = $1", event.envelope.id
        )
        concerned = {people[role] for role in told(event)}
        assert sorted(row["person_id"] for row in rows) == sorted(concerned), event.name


async def test_a_reminder_says_until_when_in_words(database, world, heard):
    juan = await world.person("Juan")
    organization_id = await world.organization(await world.person("Nena"))

    await hear(
        database,
        heard(
            ApplicationReminded(
                application_id=uuid4(),
                project_id=await world.project(organization_id),
                organization_id=organization_id,
                applicant_id=juan,
                state="offered",
                timer="accept_by",
                due_at=datetime(2026, 7, 10, 7, tzinfo=UTC),
                waits_on=["applicant"],
            ),
            actor="timer",
        ),
    )

    (notice,) = await notices(database)
    assert notice["person_id"] == juan
    assert "Hanggang Biyernes, Hulyo 10, 3:00 n.h. mo puwedeng tanggapin" in notice["text"]
    assert "Kapag walang sagot, kusang lilipas ang alok" in notice["text"]


async def test_money_held_before_anybody_is_chosen_tells_the_employer_alone(database, world, heard):
    nena = await world.person("Nena", "en")
    organization_id = await world.organization(nena)

    await hear(
        database,
        heard(
            PaymentHeld(
                payment_id=uuid4(),
                project_id=await world.project(organization_id),
                organization_id=organization_id,
                amount=500050,
                currency="PHP",
                state="held",
            )
        ),
    )

    (notice,) = await notices(database)
    assert notice["person_id"] == nena
    assert notice["title"] == "₱5,000.50 for “Talaan ng paninda” is deposited"


async def test_operators_are_called_to_a_payment_that_does_not_go_through(database, world, heard):
    juan, nena = await world.person("Juan"), await world.person("Nena")
    omar = await world.person("Omar", duties=("operator",))
    organization_id = await world.organization(nena)

    await hear(
        database,
        heard(
            PaymentNeedsOperator(
                payment_id=uuid4(),
                project_id=await world.project(organization_id),
                organization_id=organization_id,
                applicant_id=juan,
                amount=500000,
                currency="PHP",
                state="unclaimed",
                reason="wrong_account",
            )
        ),
    )

    texts = {row["person_id"]: row["text"] for row in await notices(database)}
    assert set(texts) == {juan, omar}
    assert "Dahilan: hindi makita ang payout account." in texts[juan]


async def test_nobody_is_called_to_duty_by_somebody_elses_sandbox(database, world, heard):
    await world.person("Mina", duties=("moderator",))

    await hear(
        database,
        heard(
            ProjectReviewOverdue(
                project_id=uuid4(), organization_id=uuid4(), state="in_review", reason=None
            ),
            tenant="sandbox-1",
        ),
    )

    assert await notices(database) == []


async def test_a_freeze_tells_those_whose_deadlines_it_moved(database, world, heard):
    nena = await world.person("Nena")
    mina = await world.person("Mina", duties=("moderator",))
    organization_id = await world.organization(nena)
    freeze_id = await world.freeze(
        declared_by=mina,
        project_id=await world.project(organization_id),
        organization_id=organization_id,
    )

    await hear(
        database,
        heard(
            ClocksFrozen(
                freeze_id=freeze_id,
                scope="region",
                place="NCR",
                starts_at=datetime(2026, 7, 10, tzinfo=UTC),
                ends_at=datetime(2026, 7, 12, tzinfo=UTC),
                reason="typhoon",
                timers=1,
            )
        ),
    )

    (notice,) = await notices(database)
    assert notice["person_id"] == nena
    assert "Mula Biyernes, Hulyo 10, 8:00 n.u. hanggang Linggo, Hulyo 12" in notice["text"]
    assert "Dahilan: may bagyo." in notice["text"]


async def test_a_freeze_that_moved_nothing_tells_nobody(database, world, heard):
    await world.person("Nena")

    await hear(
        database,
        heard(
            ClocksFrozen(
                freeze_id=uuid4(),
                scope="person",
                starts_at=datetime(2026, 7, 10, tzinfo=UTC),
                ends_at=datetime(2026, 7, 12, tzinfo=UTC),
                timers=0,
            )
        ),
    )

    assert await notices(database) == []
