"""What one record's event sets off in another: heard twice, late, or by two gateways at once, it
happens once. What money does is looked at in `payments/`, seats and answers in `selection/`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.gateway import handlers
from services.gateway.handlers import SUBSCRIPTIONS
from services.gateway.lifecycles import MACHINES
from services.gateway.payments.handlers import settle_engagement
from shared.database import pool
from shared.events import CATALOGUE
from shared.events.base import Event
from tests.integration.gateway.world import World, a_world
from tests.support.api import Api

HEARD = [(item.event, item.handler) for item in SUBSCRIPTIONS]
MANY = {item.handler for item in SUBSCRIPTIONS if item.takes_many}
NOBODY = Api(None, "", person={"id": str(uuid4())})


def named(item: Any) -> str:
    return getattr(item, "name", None) or item.__name__


EXPECTED = {
    "close_applications": ("application", "submitted", "closed"),
    "cancel_milestones": ("milestone", "ready", "cancelled"),
    "free_seat": ("project", "filled", "selecting"),
    "start_project": ("project", "filled", "in_progress"),
    "finish_project": ("project", "in_progress", "completed"),
    "issue_credential": ("credential", "ready", "issued"),
    "wind_up": ("milestone", "ready", "cancelled"),
}
UNDERWAY = {
    "project": "filled",
    "application": "offered",
    "engagement": "active",
    "milestone": "submitted",
    "payment": "held",
    "dispute": "mediating",
    "credential": "ready",
}
ENDED = {
    "project": "completed",
    "application": "accepted",
    "engagement": "completed",
    "milestone": "accepted",
    "payment": "paid",
    "dispute": "decided",
    "credential": "issued",
}
# They write down what was said, whatever has become of it.
NOTING = {
    "note_missed_answer",
    "note_no_show",
    "note_silence",
    "note_strike",
    "give_slot_back",
    "show_matches",
}


@pytest.fixture(scope="module")
async def world(still) -> World:
    return await a_world(still)


@pytest.fixture(scope="module")
async def database(still) -> AsyncIterator[asyncpg.Pool]:
    async with pool.connect(still.database_url, "gateway", connections=4) as found:
        yield found


def event_of(world: World, kind: type[Event], state: str = "ended") -> Event:
    known: dict[str, Any] = {f"{record}_id": found for record, found in world.ids.items()}
    values = {
        **known,
        "organization_id": world.life.project["organization_id"],
        "applicant_id": world.people["applicant"].person["id"],
        "holder_id": world.people["applicant"].person["id"],
        "person_id": world.people["applicant"].person["id"],
        "state": state,
        "amount": 1_000,
        "currency": "PHP",
        "url": "https://sibol.example/credentials/1",
        "score": 0.5,
        "badge_id": uuid4(),
        "passed": True,
        "scorer": "1",
    }
    wanted = {name: values[name] for name in kind.model_fields if name in values}
    return kind.model_validate(wanted)


async def heard(database: asyncpg.Pool, handler: Callable[..., Any], event: Event) -> None:
    async with database.acquire() as conn, conn.transaction():
        await handler(conn, [event] if handler in MANY else event)


async def everything(world: World) -> dict[str, Any]:
    return {record: await world.facts(record) for record in world.ids}


async def settle(world: World, record: str, state: str) -> None:
    """Every record where its own handler finds it, the engagement over unless it is asked about."""
    await world.put("application", "submitted")
    await world.put("engagement", "terminated")
    await world.gateway.database.execute(
        "UPDATE gateway.milestones SET state = 'accepted' WHERE id <> $1", world.ids["milestone"]
    )
    await world.gateway.database.execute(
        """UPDATE gateway.engagements SET project_id = $1 WHERE id = $2""",
        UUID(world.ids["project"]),
        UUID(world.ids["engagement"]),
    )
    if record != "milestone":
        await world.put("milestone", "accepted")
        await world.gateway.database.execute(
            "UPDATE gateway.engagements SET state = 'terminated' WHERE id = $1",
            UUID(world.ids["engagement"]),
        )
    await world.put(record, state)


@pytest.mark.parametrize("at_once", [False, True], ids=["twice", "at once"])
@pytest.mark.parametrize(
    ("kind", "handler"),
    [(kind, handler) for kind, handler in HEARD if handler.__name__ in EXPECTED],
    ids=named,
)
async def test_it_happens_once(world, database, kind, handler, at_once):
    record, state, wanted = EXPECTED[handler.__name__]
    await settle(world, record, state)
    before = await everything(world)
    event = event_of(world, kind)

    if at_once:
        await asyncio.gather(*(heard(database, handler, event) for _ in range(4)))
    else:
        await heard(database, handler, event)
        await heard(database, handler, event)

    after = await everything(world)
    assert after[record] == (wanted, before[record][1] + 1, before[record][2] + 1)
    assert {name: after[name] for name in after if name != record} == {
        name: before[name] for name in before if name != record
    }


async def all_in(world: World, states: dict[str, str]) -> None:
    for record in MACHINES:
        await world.put(record, states[record])
    for record in MACHINES:
        await world.gateway.database.execute(
            f"UPDATE gateway.{record}s SET state = $2 WHERE id = $1",
            UUID(world.ids[record]),
            states[record],
        )


async def seen(world: World) -> tuple[dict[str, Any], dict[str, int]]:
    return await everything(world), await world.gateway.counts()


@pytest.mark.parametrize("states", [UNDERWAY, ENDED], ids=["underway", "ended"])
@pytest.mark.parametrize(("kind", "handler"), HEARD, ids=named)
async def test_hearing_it_again_changes_nothing_more(world, database, kind, handler, states):
    await all_in(world, states)
    event = event_of(world, kind, states.get(kind.name.partition(".")[0], "ended"))
    await heard(database, handler, event)
    once = await seen(world)

    await asyncio.gather(*(heard(database, handler, event) for _ in range(3)))

    assert await seen(world) == once


@pytest.mark.parametrize(("kind", "handler"), HEARD, ids=named)
async def test_hearing_it_when_all_is_over_changes_nothing(world, database, kind, handler):
    await all_in(world, ENDED)
    # The money of other tests comes to its end as well.
    completed = event_of(world, CATALOGUE["engagement.completed.v1"])
    await heard(database, settle_engagement, completed)
    before = await seen(world)

    await heard(database, handler, event_of(world, kind))

    after = await seen(world)
    assert after[0] == before[0]
    assert after[1] == before[1] or handler.__name__ in NOTING


@pytest.mark.parametrize(("kind", "handler"), HEARD, ids=named)
async def test_news_of_nothing_changes_nothing(world, database, kind, handler):
    """Some refuse it aloud: what the gateway never said cannot have been heard."""
    before = await world.gateway.counts()
    nowhere = replace(
        world, ids=dict.fromkeys(world.ids, str(uuid4())), people={"applicant": NOBODY}
    )

    with suppress(AssertionError, asyncpg.ForeignKeyViolationError):
        await heard(database, handler, event_of(nowhere, kind))

    assert await world.gateway.counts() == before


@pytest.mark.parametrize(
    ("others", "wanted"),
    [("accepted", "wrapping_up"), ("cancelled", "wrapping_up"), ("submitted", "active")],
)
async def test_the_last_accepted_milestone_ends_the_work_once(world, database, others, wanted):
    await settle(world, "milestone", "accepted")
    await world.gateway.database.execute(
        "UPDATE gateway.milestones SET state = $3 WHERE engagement_id = $1 AND id <> $2",
        UUID(world.ids["engagement"]),
        UUID(world.ids["milestone"]),
        others,
    )
    before = await world.facts("engagement")
    kinds = [kind for kind, handler in HEARD if handler is handlers.accept_work]

    await asyncio.gather(
        *(heard(database, handlers.accept_work, event_of(world, kind)) for kind in kinds)
    )

    moved = int(wanted != "active")
    assert await world.facts("engagement") == (wanted, before[1] + moved, before[2] + moved)


async def test_work_accepted_while_the_engagement_stood_still_is_not_forgotten(world, database):
    await settle(world, "milestone", "accepted")
    await world.put("engagement", "stalled")
    accepted = event_of(world, CATALOGUE["milestone.accepted.v1"])
    await heard(database, handlers.accept_work, accepted)
    await world.put("engagement", "active")

    resumed = event_of(world, CATALOGUE["engagement.resumed.v1"])
    for kind, handler in HEARD:
        if kind is type(resumed):
            await heard(database, handler, resumed)

    assert (await world.facts("engagement"))[0] == "wrapping_up"


async def test_one_credential_is_proposed_for_one_engagement(world, database):
    await world.gateway.database.execute("DELETE FROM gateway.credentials")
    event = event_of(world, CATALOGUE["engagement.work_accepted.v1"])

    await asyncio.gather(*(heard(database, handlers.propose_credential, event) for _ in range(4)))

    rows = await world.gateway.database.fetch("SELECT id FROM gateway.credentials")
    assert len(rows) == 1
    world.ids["credential"] = str(rows[0]["id"])


@pytest.mark.parametrize(
    ("event", "wanted"), [("project.removed.v1", "closed"), ("project.cancelled.v1", "offered")]
)
async def test_an_offer_outlives_its_posting_unless_that_was_removed(
    world, database, event, wanted
):
    await world.put("application", "offered")

    await heard(database, handlers.close_applications, event_of(world, CATALOGUE[event]))

    assert (await world.facts("application"))[0] == wanted
