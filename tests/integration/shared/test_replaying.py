import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.credentialing.replaying import PROJECTION as CREDENTIALING
from services.gateway.replaying import PROJECTION as GATEWAY
from services.matching.handlers import SUBSCRIPTIONS, rarities
from services.matching.replaying import PROJECTION as MATCHING
from services.notifications.replaying import PROJECTION as NOTIFICATIONS
from shared.database import connect
from shared.errors import Conflict, Invalid
from shared.events import CATALOGUE
from shared.events.base import Envelope
from shared.events.matches import MatchExplained
from shared.events.people import PersonJoined
from shared.ids import new_id
from shared.messaging import on, record
from shared.messaging.handling import Handling
from shared.messaging.replaying import Pass, Projection, Replaying, in_order, read_since
from tests.integration.matching.support import World, applied, changed, joined, opened, said
from tests.integration.shared.support import NAME, handled, hears, set_aside
from tests.integration.shared.support import said as said_at

SKILLS = ("figma", "python", "sql", "excel")


class Rooms:
    """What the gateway says is heard at once by the room."""

    def __init__(self, gateway, room, name, subscriptions):
        self.gateway, self.room = gateway, room
        self.world = World(gateway)
        self.handling = Handling(name, subscriptions, room, lambda: None)

    async def say(self, *events):
        async with self.gateway.acquire() as conn, conn.transaction():
            for event in events:
                await record(conn, event)
        rows = await self.gateway.fetch("SELECT * FROM events ORDER BY id")
        await self.handling.handle([_event(row) for row in rows])


def _event(row):
    envelope = Envelope(
        id=row["id"],
        name=row["name"],
        source="/sibol/gateway",
        subject=row["subject"],
        sequence=row["sequence"],
        time=row["occurred_at"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
        actor_kind=row["actor_kind"],
        tenant=row["tenant"],
        ahead=row["ahead"],
    )
    return CATALOGUE[row["name"]].model_validate(row["data"]).received(envelope)


@pytest.fixture
async def gateway(own_url):
    async with connect(own_url, "gateway", connections=3) as database:
        yield database


@pytest.fixture
async def matching(own_url):
    rarities.forget()
    async with connect(own_url, "matching", connections=3) as database:
        yield database
    rarities.forget()


@pytest.fixture
async def notifications(own_url):
    async with connect(own_url, "notifications", connections=3) as database:
        yield database


async def replayed(database, room, projection, **options):
    rarities.forget()
    return await Replaying(database, room, projection).run(**options)


async def a_market(gateway, matching):
    """People, open and closed projects, an application, and an employer's own member."""

    rooms = Rooms(gateway, matching, "matching", SUBSCRIPTIONS)
    world = rooms.world
    people = [await world.person(*SKILLS[: 1 + number % 4]) for number in range(12)]
    owner = people[0]
    organization_id = await world.organization(owner)
    postings = [
        await world.project("figma", "python", organization_id=organization_id),
        await world.project("sql", must_have=("excel",)),
        await world.project("python"),
    ]
    await rooms.say(*map(changed, people), *map(opened, postings))
    await rooms.say(joined(organization_id, owner), applied(postings[0], people[3], uuid4()))
    await world.moves(postings[2], "filled")
    await rooms.say(said(CATALOGUE["project.filled.v1"], postings[2], "filled"))
    return rooms


async def index(matching):
    """All that the room knows, but when it was computed."""
    return {
        table: sorted(
            str({name: value for name, value in row.items() if name != "computed_at"})
            for row in await matching.fetch(f"SELECT * FROM {table}")
        )
        for table in ("people", "projects", "matches")
    }


async def logs(database):
    return await database.fetchrow(
        "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM outbox), (SELECT count(*) FROM inbox)"
    )


async def test_a_wrecked_index_is_the_same_again_and_nobody_is_told_anything(gateway, matching):
    await a_market(gateway, matching)
    await replayed(matching, "matching", MATCHING)
    before, said_before = await index(matching), await logs(matching)
    assert len(before["matches"]) > 10
    await matching.execute("DELETE FROM people")
    await matching.execute("UPDATE projects SET version = 999, required = '{}', floor = 0.9")
    await matching.execute("DELETE FROM matches WHERE application_id IS NULL AND project_id IN "
                           "(SELECT project_id FROM projects WHERE is_open)")  # fmt: skip

    outcome = await replayed(matching, "matching", MATCHING)

    assert outcome.failed == []
    assert await index(matching) == before
    assert await logs(matching) == said_before


async def test_a_replay_finds_what_the_room_had_found_by_itself(gateway, matching):
    await a_market(gateway, matching)
    before = await matching.fetch(
        "SELECT project_id, person_id, passed, application_id FROM matches ORDER BY 1, 2"
    )

    await replayed(matching, "matching", MATCHING)

    after = await matching.fetch(
        "SELECT project_id, person_id, passed, application_id FROM matches ORDER BY 1, 2"
    )
    assert after == before


async def test_an_explained_application_and_the_list_of_a_closed_project_stay_as_they_were(
    gateway, matching
):
    await a_market(gateway, matching)
    kept = """SELECT * FROM matches JOIN projects USING (project_id)
               WHERE application_id IS NOT NULL ORDER BY person_id"""
    closed = """SELECT * FROM matches WHERE project_id IN
                (SELECT id FROM gateway.public_projects WHERE state = 'filled') ORDER BY person_id"""
    before = [list(row.values())[:10] for row in await matching.fetch(kept)]
    list_before = await matching.fetch(closed)
    assert before
    assert list_before

    await replayed(matching, "matching", MATCHING)

    assert [list(row.values())[:10] for row in await matching.fetch(kept)] == before
    assert await matching.fetch(closed) == list_before


async def test_what_the_room_has_yet_to_handle_is_left_to_its_consumers(gateway, matching):
    await hears(matching)
    waiting = await said_at(gateway, seconds_ago=5)
    dead = await said_at(gateway, seconds_ago=20)
    await set_aside(matching, dead, "dead")
    done = await said_at(gateway, seconds_ago=10)
    await handled(matching, done)
    again = []

    await replayed(matching, "matching", noting(again))

    assert again == [done]
    assert await matching.fetch("SELECT event_id FROM inbox") == [(done,)]
    assert waiting not in again


async def test_what_was_said_before_the_room_listened_is_learned_and_marked(gateway, matching):
    old = await said_at(gateway, seconds_ago=3600)
    await matching.execute("INSERT INTO heard (name, since) VALUES ($1, now())", NAME)
    again = []

    await replayed(matching, "matching", noting(again))

    assert again == [old]
    assert await matching.fetchval("SELECT event_id FROM inbox") == old


async def test_only_what_was_said_since_then_is_handled_again_when_asked(gateway, matching):
    await hears(matching)
    old, new = await said_at(gateway, seconds_ago=7200), await said_at(gateway, seconds_ago=60)
    await handled(matching, old, new)
    again, emptied = [], []

    async def empty(_conn):
        emptied.append(True)

    projection = noting(again, empty=empty)
    await replayed(
        matching, "matching", projection, since=datetime.now(UTC) - timedelta(minutes=10)
    )

    assert again == [new]
    assert emptied == []


async def test_of_each_record_only_the_last_event_where_that_is_enough(gateway, matching):
    await hears(matching)
    subject = new_id()
    events = [
        await said_at(gateway, seconds_ago=30 - number, subject=subject, sequence=number)
        for number in (1, 2, 3)
    ]
    await handled(matching, *events[:2])
    again = []

    await replayed(matching, "matching", noting(again, latest=True))

    assert again == [events[1]]


async def test_an_event_that_fails_again_is_told_and_the_others_are_handled(gateway, matching):
    await hears(matching)
    events = [await said_at(gateway, seconds_ago=30 - number) for number in range(5)]
    await handled(matching, *events)
    again = []

    async def fail_once(_conn, event):
        if event.envelope.id == events[2]:
            raise ZeroDivisionError
        again.append(event.envelope.id)

    projection = Projection("", [Pass([on(CATALOGUE[NAME], fail_once)])])
    outcome = await replayed(matching, "matching", projection)

    assert outcome.failed == [events[2]]
    assert set(again) == set(events) - {events[2]}


async def test_nothing_is_said_within_a_replay(gateway, matching):
    await hears(matching)
    await handled(matching, await said_at(gateway, seconds_ago=30))

    async def speak(conn, _event):
        await record(conn, PersonJoined(person_id=new_id()))

    await replayed(matching, "matching", Projection("", [Pass([on(CATALOGUE[NAME], speak)])]))

    assert tuple(await logs(matching)) == (0, 0, 1)


async def test_two_replays_of_one_room_do_not_meet(matching):
    started, go_on = asyncio.Event(), asyncio.Event()

    async def empty(_conn):
        started.set()
        await go_on.wait()

    projection = Projection("", [], empty=empty)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(replayed(matching, "matching", projection))
        await started.wait()
        with pytest.raises(Conflict, match="Another replay"):
            await replayed(matching, "matching", projection)
        go_on.set()


async def test_events_of_one_record_come_in_their_order_whatever_the_clocks_said():
    subject, other = new_id(), new_id()
    events = [_envelope_only(subject, 2), _envelope_only(other, 1), _envelope_only(subject, 1)]

    ordered = in_order(events)

    assert [(event.subject, event.envelope.sequence) for event in ordered] == [
        (subject, 1),
        (other, 1),
        (subject, 2),
    ]


def _envelope_only(subject, sequence):
    now = datetime.now(UTC)
    envelope = Envelope(
        new_id(), "person.joined.v1", "", subject, sequence, now, new_id(), None, "", "ph"
    )
    return PersonJoined(person_id=subject).received(envelope)


async def test_a_missing_notice_is_written_as_of_its_day_and_no_mail_leaves(gateway, notifications):
    person_id = await World(gateway).person("figma")
    event_id = await said_at(
        gateway, seconds_ago=86_400, name="person.joined.v1", subject=person_id
    )
    await gateway.execute(
        "UPDATE events SET data = jsonb_build_object('person_id', $1::uuid::text)", person_id
    )
    await hears(notifications, name="person.joined.v1")
    await handled(notifications, event_id)

    for _ in range(2):
        await replayed(notifications, "notifications", NOTIFICATIONS)

    [notice] = await notifications.fetch("SELECT * FROM notices")
    assert notice["person_id"] == person_id
    assert notice["created_at"] < datetime.now(UTC) - timedelta(hours=23)
    states = await notifications.fetch("SELECT state, last_error FROM deliveries")
    assert set(states) <= {("suppressed", "replay")}
    assert await notifications.fetchval("SELECT count(*) FROM events") == 0


async def test_the_gateway_learns_its_scores_again(gateway, matching):
    person_id = await World(gateway).person("figma")
    posting = await World(gateway).project("figma")
    application_id = new_id()
    await gateway.execute(
        """INSERT INTO applications (id, project_id, applicant_id, cover_letter, profile_version,
                                     profile_snapshot, state, drafted_at, changed_at)
           VALUES ($1, $2, $3, '', 1, '{}', 'submitted', now(), now())""",
        application_id,
        posting.id,
        person_id,
    )
    explained = MatchExplained(
        application_id=application_id,
        project_id=posting.id,
        person_id=person_id,
        score=0.75,
        passed=True,
        scorer="1",
    )
    async with matching.acquire() as conn:
        await record(conn, explained)
    await hears(gateway, name=MatchExplained.name)
    await handled(gateway, await matching.fetchval("SELECT id FROM events"))

    await replayed(gateway, "gateway", GATEWAY)

    assert await gateway.fetchval("SELECT match_score FROM applications") == 0.75


def test_no_badge_is_made_or_signed_again():
    heard = {item.event.name for each in CREDENTIALING.passes for item in each.subscriptions}

    assert heard == {
        "credential.refused.v1",
        "credential.revoked.v1",
        "credential.superseded.v1",
    }


def test_a_time_that_cannot_be_read_is_refused_in_words():
    assert read_since([]) is None
    assert read_since(["--since", "2026-11-24"]) == datetime(2026, 11, 24, tzinfo=UTC)
    for options in (["--since", "yesterday"], ["--since"], ["now"]):
        with pytest.raises(Invalid):
            read_since(options)


async def test_a_replay_of_the_future_is_refused(matching):
    with pytest.raises(Invalid, match="yet to come"):
        await replayed(
            matching, "matching", noting([]), since=datetime.now(UTC) + timedelta(days=1)
        )


def noting(again, *, latest=False, empty=None):
    async def note(_conn, event):
        again.append(event.envelope.id)

    return Projection("", [Pass([on(CATALOGUE[NAME], note)], latest=latest)], empty=empty)
