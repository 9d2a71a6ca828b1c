import asyncio
from uuid import uuid4

import asyncpg
import pytest

from services.gateway.lifecycles import PROJECT
from services.matching.choosing import KEPT
from services.matching.handlers import NEWS_PLACES, SUBSCRIPTIONS, match_person, rarities
from shared.events.projects import (
    ProjectCancelled,
    ProjectPaused,
    ProjectReopened,
    ProjectResumed,
    ProjectSuspended,
)
from tests.integration.matching.support import applied, changed, joined, opened, received, said


async def test_an_opened_project_finds_its_people_the_best_first(world, room):
    some = await world.person("sewing")
    every = await world.person("sewing", "drawing")
    await world.person("welding")
    await world.person("sewing", "drawing", minimum_hourly_pay=900_00)
    project = await world.project("sewing", "drawing")

    await room.hears(opened(project))

    assert await room.list_of(project) == [every, some]
    assert await room.said("match.computed") == [
        {"project_id": str(project.id), "people": 2, "scorer": "1"}
    ]


async def test_a_stored_match_carries_its_whole_explanation(world, room):
    person = await world.person("sewing")
    project = await world.project("sewing", "drawing")

    await room.hears(opened(project))

    match = await room.match(project, person)
    assert match["explanation"]["score"] == match["score"]
    assert [skill["skill"] for skill in match["explanation"]["missing"]] == ["drawing"]
    assert match["explanation"]["versions"].keys() == {"scorer", "taxonomy", "profile", "project"}


async def test_hearing_twice_changes_nothing_and_says_nothing_more(world, room):
    person = await world.person("sewing")
    project = await world.project("sewing")
    events = [changed(person), opened(project), applied(project, person, uuid4())]
    await room.hears(*events)
    before = await room.matches()

    await room.hears(*events)

    assert await room.matches() == before
    assert len(await room.said("match.")) == 2


@pytest.mark.parametrize("project_first", [True, False])
async def test_whichever_is_heard_first_the_pair_is_found(world, room, project_first):
    person, project = await world.person("sewing"), await world.project("sewing")
    events = [opened(project), changed(person)]

    for event in events if project_first else reversed(events):
        await room.hears(event)

    assert await room.list_of(project) == [person]


@pytest.mark.parametrize("project_first", [True, False])
async def test_the_order_of_events_does_not_change_the_scores(world, room, project_first):
    people = [await world.person("sewing", "drawing"), await world.person("sewing")]
    projects = [await world.project("sewing", "drawing"), await world.project("drawing")]
    told = [*map(opened, projects)], [*map(changed, people)]
    first, second = told if project_first else reversed(told)

    await room.hears(*first, *second)
    rarities.forget()
    await room.hears(*first, *second)

    scores = {(project, person): score for project, person, score in await room.matches()}
    assert scores == {
        (projects[0].id, people[0]): pytest.approx(0.8 * 2 / 3 + 0.1),
        (projects[0].id, people[1]): pytest.approx(0.8 / 3 + 0.1),
        (projects[1].id, people[0]): pytest.approx(0.8 / 2 + 0.1),
    }


async def test_two_workers_who_do_not_see_each_other_miss_no_pair(world, room, matching):
    person = await world.person("sewing")

    async with matching.acquire() as conn, conn.transaction():
        await match_person(conn, received(changed(person)))
        project = await world.project("sewing")
        await room.hears(opened(project))

    assert await room.list_of(project) == [person]


async def test_two_workers_with_news_of_one_project_do_not_wait_for_each_other(
    world, room, matching
):
    project = await world.project("sewing")
    one, other = await world.person("sewing"), await world.person("sewing")
    await room.hears(opened(project))
    await world.changes_skills(one, "sewing", "drawing")
    late = await world.person("sewing")

    async with matching.acquire() as conn, conn.transaction():
        await match_person(conn, received(changed(late)))
        await asyncio.wait_for(room.hears(changed(one, 2)), 2)

    assert set(await room.list_of(project)) == {one, other, late}


async def test_an_older_version_never_overwrites_a_newer_one(world, room, matching):
    person, project = await world.person("sewing"), await world.project("sewing")
    await matching.execute("INSERT INTO people VALUES ($1, 9, '{drawing}')", person)
    await matching.execute(
        "INSERT INTO projects VALUES ($1, 9, false, '{drawing}', '{}')", project.id
    )

    await room.hears(changed(person), opened(project))

    assert await matching.fetchval("SELECT (version, skills)::text FROM people") == "(9,{drawing})"
    assert await matching.fetchval("SELECT is_open FROM projects") is False


async def test_a_match_written_late_on_an_older_profile_is_not_shown(world, room, matching):
    person, project = await world.person("sewing"), await world.project("sewing")
    await room.hears(opened(project), changed(person))

    await matching.execute("UPDATE people SET version = 2")

    assert await room.list_of(project) == []


async def test_an_application_is_explained_even_when_a_gate_is_closed(world, room):
    person = await world.person("drawing", weekly_hours=1)
    project = await world.project("sewing", must_have=("sewing",), hours=40)
    application = uuid4()

    await room.hears(opened(project), applied(project, person, application))

    match = await room.match(project, person)
    closed = {gate["name"] for gate in match["explanation"]["gates"] if not gate["passed"]}
    assert closed == {"hours", "must_have"}
    assert await room.said("match.explained") == [
        {
            "application_id": str(application),
            "project_id": str(project.id),
            "person_id": str(person),
            "score": 0.0,
            "passed": False,
            "scorer": "1",
        }
    ]


async def test_an_application_heard_after_the_posting_closed_is_judged_as_when_it_was_open(
    world, room
):
    person, project = await world.person("sewing"), await world.project("sewing")
    await world.moves(project, "selecting")

    await room.hears(applied(project, person, uuid4()))

    assert (await room.match(project, person))["passed"]


async def test_what_was_explained_to_an_applicant_stays_as_it_was(world, room):
    person, project = await world.person("sewing"), await world.project("sewing")
    await room.hears(changed(person), opened(project), applied(project, person, uuid4()))
    explained = await room.match(project, person)

    await world.changes_skills(person, "welding")
    await room.hears(changed(person, 2), opened(project))

    assert await room.match(project, person) == explained


@pytest.mark.parametrize("event", [ProjectPaused, ProjectCancelled, ProjectSuspended])
async def test_a_closed_project_keeps_its_matches_but_is_no_longer_open(world, room, event):
    person, project = await world.person("sewing"), await world.project("sewing")
    await room.hears(opened(project))
    await world.moves(project, "paused")

    await room.hears(said(event, project, "paused"))

    assert await room.list_of(project) == []
    assert (await room.match(project, person))["is_open"] is False


async def test_a_closed_project_gains_nobody_and_loses_nobody(world, room):
    person, project = await world.person("sewing"), await world.project("sewing")
    await room.hears(changed(person), opened(project))
    await world.moves(project, "paused")
    await room.hears(said(ProjectPaused, project, "paused"))

    await world.changes_skills(person, "welding")
    late = await world.person("sewing")
    await room.hears(changed(person, 2), changed(late))

    assert await room.match(project, person) is not None
    assert await room.match(project, late) is None


async def test_a_resumed_project_is_matched_with_everybody_again(world, room):
    project = await world.project("sewing")
    await world.moves(project, "paused")
    await room.hears(said(ProjectPaused, project, "paused"))
    person = await world.person("sewing")
    await world.moves(project, "open")

    await room.hears(said(ProjectResumed, project, "open"))

    assert await room.list_of(project) == [person]


async def test_a_reopened_project_that_is_still_choosing_is_not_open(world, room):
    await world.person("sewing")
    project = await world.project("sewing")
    await world.moves(project, "selecting")

    await room.hears(said(ProjectReopened, project, "selecting"))

    assert await room.matches() == set()


async def test_a_late_opening_does_not_bring_back_a_closed_project(world, room):
    await world.person("sewing")
    project = await world.project("sewing")
    await world.moves(project, "cancelled")
    await room.hears(said(ProjectCancelled, project, "cancelled"))

    await room.hears(opened(project))

    assert await room.matches() == set()
    assert await room.said("match.") == []


async def test_members_are_not_matched_with_their_own_organization(world, room):
    member = await world.person("sewing")
    organization_id = await world.organization(member)
    own = await world.project("sewing", organization_id=organization_id)
    other = await world.project("sewing")

    await room.hears(opened(own), opened(other), changed(member))

    assert await room.list_of(own) == []
    assert await room.list_of(other) == [member]


async def test_who_becomes_a_member_leaves_the_lists_of_the_organization(world, room):
    person, project = await world.person("sewing"), await world.project("sewing")
    other = await world.project("sewing")
    await room.hears(opened(project), opened(other))
    await world.joins(project.organization_id, person)

    await room.hears(joined(project.organization_id, person))

    assert await room.list_of(project) == []
    assert await room.list_of(other) == [person]


async def test_who_changes_skills_leaves_one_list_and_joins_another(world, room):
    person = await world.person("sewing")
    sewing, welding = await world.project("sewing"), await world.project("welding")
    await room.hears(opened(sewing), opened(welding))

    await world.changes_skills(person, "welding")
    await room.hears(changed(person, 2))

    assert await room.list_of(sewing) == []
    assert await room.list_of(welding) == [person]


async def test_people_who_differ_in_name_alone_fit_alike(world, room):
    one, other = [await world.person("sewing", name=name) for name in ("Maria", "Abdul")]
    project = await world.project("sewing", "drawing")

    await room.hears(opened(project))

    first, second = await room.match(project, one), await room.match(project, other)
    assert first["explanation"] == second["explanation"]


async def test_only_who_comes_among_the_first_is_news(world, room):
    for _ in range(NEWS_PLACES):
        await world.person("sewing", "drawing")
    project = await world.project("sewing", "drawing")
    await room.hears(opened(project))
    late = await world.person("sewing")
    await room.hears(changed(late))
    unheard = await room.said("match.computed")

    first = await world.person("sewing", "drawing", "photography")
    await world.changes_skills(late, "sewing", "drawing")
    await room.hears(changed(first), changed(late, 2))
    await room.hears(changed(first), changed(late, 2))

    assert len(unheard) == 1
    assert len(await room.said("match.computed")) == 1


async def test_a_newcomer_among_the_first_is_news_once(world, room):
    await world.person("sewing")
    project = await world.project("sewing", "drawing")
    await room.hears(opened(project))
    best = await world.person("sewing", "drawing")

    await room.hears(changed(best))
    await room.hears(changed(best))

    assert [event["people"] for event in await room.said("match.computed")] == [1, 2]


async def test_a_project_without_people_says_nothing(world, room):
    project = await world.project("sewing")

    await room.hears(opened(project))

    assert await room.said("match.") == []


async def test_only_the_best_of_a_crowd_are_kept_and_applicants_beside_them(world, room, gateway):
    crowd = await world.crowd(KEPT + 60, ["sewing"])
    project = await world.project("sewing")
    applicant = max(crowd)
    await room.hears(applied(project, applicant, uuid4()), opened(project))

    best = await world.person("sewing", "drawing")
    await room.hears(changed(best))

    kept = await room.list_of(project)
    assert applicant in kept
    assert len(kept) == KEPT + 1


async def test_a_full_list_takes_in_only_who_comes_up_to_it(world, room):
    await world.crowd(KEPT, ["sewing"])
    project = await world.project("sewing", "drawing")
    await room.hears(opened(project))
    low, high = await world.person("drawing"), await world.person("sewing", "drawing")
    rarities.forget()

    await room.hears(changed(low), changed(high))

    kept = await room.list_of(project)
    assert kept[0] == high
    assert len(kept) == KEPT


async def test_the_room_cannot_read_what_is_not_shown_to_it(matching):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await matching.fetch("SELECT email FROM gateway.people")


def test_every_step_that_opens_or_closes_a_posting_is_heard():
    moves = {move.event.name for move in PROJECT.moves if "open" in {move.source, move.to}}
    timers = {timer.event.name for timer in PROJECT.timers if timer.state == "open" and timer.to}

    assert moves | timers <= {subscription.event.name for subscription in SUBSCRIPTIONS}
