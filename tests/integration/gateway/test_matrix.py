"""Every person gives every command in every state."""

import pytest

from services.gateway.app import ROUTES
from services.gateway.lifecycles import MACHINES
from services.gateway.projects.rules import HIDDEN
from tests.integration.gateway.world import BESIDE, World, a_world, roles_of
from tests.support.api import Refused

PERSONS = ("employer", "applicant", "school", "moderator", "operator", "rival", "stranger")
STATES = [(record, state) for record in MACHINES for state in sorted(MACHINES[record].states)]
# Done when the other side agrees to what one side proposed.
BOTH = [
    ("engagement", "active", "amend"),
    ("engagement", "active", "pause"),
    ("milestone", "planned", "amend"),
    ("milestone", "submitted", "accept"),
    ("dispute", "answered", "settle"),
    ("dispute", "mediating", "settle"),
]
SIDES = {"applicant": "employer", "employer": "applicant"}
# In these the table gives a step to a kind of person, and the record to one side of it: the
# applicant opened the dispute, and may offer to accept less for a milestone.
NOT_THEIRS = {("dispute", "applicant", "answer"), ("dispute", "employer", "withdraw")}
THEIRS_TOO = {("milestone", "submitted", "applicant"): {"accept"}}


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
    if person == "school":
        return record == "engagement"
    return person not in {"stranger", "rival"}


def commands_in_the_table(record: str, state: str, person: str) -> set[str]:
    who = roles_of(record, person)
    return {
        move.command
        for move in MACHINES[record].moves
        if move.source == state and move.who & who and move.command in open_commands(record)
    }


def right_commands(record: str, state: str, person: str) -> set[str]:
    """What this person may do, by the decided table and by what the record itself says."""
    found = {
        command
        for command in commands_in_the_table(record, state, person)
        if (record, person, command) not in NOT_THEIRS
    }
    return found | THEIRS_TOO.get((record, state, person), set())


def told(record: str, answer: dict) -> set[str]:
    """The commands of the table that an answer says one may give now."""
    return set(answer["allowed"]) - BESIDE.get(record, set())


async def given(world: World, record: str, command: str, person: str) -> tuple[int, dict]:
    try:
        body = world.body(record, command, person)
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
        suggested = (right, commands_in_the_table(record, state, person))
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
                    and told(record, answer) in suggested
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
            assert told(record, found) == right_commands(record, state, person), person


@pytest.mark.parametrize("first", SIDES)
@pytest.mark.parametrize(("record", "state", "command"), BOTH)
async def test_what_needs_both_sides_waits_for_the_other(world, record, state, command, first):
    await world.put(record, state)
    body, before = world.body(record, command, "applicant"), await world.facts(record)
    path = world.address(record, command)

    proposed = await world.people[first].post(path, body)

    assert (await world.facts(record))[:2] == before[:2]
    assert [each["party"] for each in proposed["proposals"]] == [first]
    with pytest.raises(Refused) as own:
        await world.people[first].post(path, {"proposal_id": proposed["proposals"][0]["id"]})
    assert own.value.status == 409
    agreed = await world.people[SIDES[first]].post(path, body)
    assert agreed["proposals"] == []
    assert (await world.facts(record))[1] > before[1]


def test_the_matrix_is_large():
    asked = sum(len(open_commands(record)) for record, _ in STATES) * len(PERSONS)

    assert asked > 4000
