"""Every person gives every command in every state."""

import pytest

from services.gateway.app import ROUTES
from services.gateway.lifecycles import MACHINES
from services.gateway.projects.rules import HIDDEN
from tests.integration.gateway.world import World, a_world, roles_of
from tests.support.api import Refused

PERSONS = ("employer", "applicant", "moderator", "operator", "rival", "stranger")
STATES = [(record, state) for record in MACHINES for state in sorted(MACHINES[record].states)]


@pytest.fixture(scope="module")
async def world(still) -> World:
    return await a_world(still)


def open_commands(record: str) -> list[str]:
    """Those of the lifecycle that people may give today."""
    prefix = f"/v1/{record}s/{{{record}_id}}/"
    found = [
        route.path.removeprefix(prefix).replace("-", "_")
        for route in ROUTES
        if route.method == "POST" and route.path.startswith(prefix)
    ]
    return sorted(set(found) & MACHINES[record].commands)


def may_know(record: str, state: str, person: str) -> bool:
    if record == "project":
        return state not in HIDDEN or person in {"employer", "moderator", "operator"}
    if record == "application" and state == "draft":
        return person == "applicant"
    return person not in {"stranger", "rival"}


def right_commands(record: str, state: str, person: str) -> set[str]:
    """What the decided table lets this person do."""
    is_party = record != "project" or person != "applicant"
    who = roles_of(person) if is_party else frozenset()
    return {
        move.command
        for move in MACHINES[record].moves
        if move.source == state and move.who & who and move.command in open_commands(record)
    }


async def given(world: World, record: str, command: str, person: str) -> tuple[int, dict]:
    try:
        body = world.body(record, command)
        return 200, await world.people[person].post(world.address(record, command), body)
    except Refused as refused:
        return refused.status, refused.problem


@pytest.mark.parametrize(("record", "state"), STATES)
async def test_a_command_is_carried_out_or_refused_as_the_table_says(world, record, state):
    wrong = []
    await world.put(record, state)
    for person in PERSONS:
        known = may_know(record, state, person)
        right = right_commands(record, state, person) if known else set()
        for command in open_commands(record):
            before = await world.facts(record)
            status, answer = await given(world, record, command, person)
            after = await world.facts(record)
            if command in right:
                fine = status == 200 and after[1:] > before[1:]
                await world.put(record, state)
            elif known:
                fine = (
                    status in {403, 409}
                    and answer["state"] == state
                    and set(answer["allowed"]) - {"fund"} == right
                    and after == before
                )
            else:
                fine = status == 404 and "state" not in answer and after == before
            if not fine:
                wrong.append(f"{person} {command}: {status} {answer} {before} {after}")

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("record", "state"), STATES)
async def test_a_record_says_what_each_person_may_do_now(world, record, state):
    await world.put(record, state)

    for person in PERSONS:
        status, _, found = await world.gateway.asked(
            "GET",
            world.address(record),
            headers={"Authorization": f"Bearer {world.people[person].token}"},
        )
        assert status == (200 if may_know(record, state, person) else 404), person
        if status == 200:
            assert set(found["allowed"]) - {"fund"} == right_commands(record, state, person), person


def test_the_matrix_is_large():
    asked = sum(len(open_commands(record)) for record, _ in STATES) * len(PERSONS)

    assert asked > 2000
