"""What happens in a sandbox is told there, and leaves it by no mail."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from services.notifications.handlers import tell_people
from shared.events.applications import ApplicationSubmitted
from shared.events.people import PersonJoined
from shared.events.projects import ProjectReviewOverdue

SANDBOX = "sandbox-01"


@pytest.fixture
def heard_inside(heard):
    def received(event):
        return event.received(replace(heard(event).envelope, tenant=SANDBOX))

    return received


@pytest.fixture
def moved_inside(gateway):
    """Whatever there is by now belongs to the sandbox."""

    async def move() -> None:
        for table in ("people", "organizations", "projects"):
            await gateway.execute(f"UPDATE {table} SET tenant = $1", SANDBOX)

    return move


async def hear(database, event):
    async with database.acquire() as conn, conn.transaction():
        await tell_people(conn, [event])


async def told(database):
    rows = await database.fetch("SELECT person_id FROM public_notices")
    return {row["person_id"] for row in rows}


async def test_a_notice_is_written_and_its_mail_is_not_sent(
    world, heard_inside, moved_inside, office, sink
):
    ana = await world.person("Ana Reyes")
    await moved_inside()

    await hear(office.database, heard_inside(PersonJoined(person_id=ana)))
    async with office.working():
        await asyncio.sleep(0.5)

    assert await told(office.database) == {ana}
    delivery = await office.database.fetchrow(
        "SELECT state, reason, sent_at FROM public_deliveries"
    )
    assert tuple(delivery) == ("suppressed", "sandbox", None)
    assert not sink.mails


async def test_a_real_mail_goes_out_as_ever(database, world, heard, office, sink):
    ana = await world.person("Ana Reyes")

    await hear(database, heard(PersonJoined(person_id=ana)))

    async with office.working():
        assert await office.delivery("sent")


async def test_nobody_outside_hears_of_a_sandbox(
    database, world, heard_inside, moved_inside, gateway
):
    nena = await world.person("Nena Reyes")
    organization_id = await world.organization(nena)
    project_id = await world.project(organization_id)
    mona = await world.person("Mona Inside")
    await moved_inside()
    real = await world.person("Mona Outside")
    await gateway.execute(
        "UPDATE people SET duties = '{moderator}' WHERE id = ANY($1)", [mona, real]
    )
    event = ProjectReviewOverdue(
        project_id=project_id, organization_id=organization_id, state="in_review"
    )

    await hear(database, heard_inside(event))

    assert real not in await told(database)
    assert await told(database)


async def test_an_employer_of_a_sandbox_is_told_of_an_application(
    database, world, heard_inside, moved_inside
):
    nena, juan = await world.person("Nena Reyes"), await world.person("Juan dela Cruz")
    organization_id = await world.organization(nena)
    project_id = await world.project(organization_id)
    await moved_inside()
    event = ApplicationSubmitted(
        application_id=uuid4(),
        project_id=project_id,
        organization_id=organization_id,
        applicant_id=juan,
        state="submitted",
    )

    await hear(database, heard_inside(event))

    assert await told(database) == {nena, juan}
