from dataclasses import replace
from uuid import UUID

import pytest

from services.matching.choosing import (
    KEPT,
    choose_people,
    choose_projects,
    foremost,
    is_useful,
    judge,
)
from services.matching.scoring import Profile, Project, Rarity

EQUAL = Rarity.of({}, total=0)
PERSON = Profile(
    person_id=UUID(int=1),
    version=1,
    skills=frozenset({"sewing"}),
    region="PH-07",
    remote=True,
    weekly_hours=20,
    minimum_hourly_pay=0,
    languages=frozenset({"fil"}),
    interests=frozenset(),
)
PROJECT = Project(
    project_id=UUID(int=2),
    version=1,
    required=frozenset({"sewing", "drawing"}),
    must_have=frozenset(),
    region="PH-07",
    remote=True,
    hours=20,
    weeks=2,
    hourly_pay=100_00,
    languages=frozenset({"fil"}),
    industry="fashion",
    is_open=True,
)


async def each(values):
    for value in values:
        yield value


@pytest.mark.parametrize(
    ("required", "useful"), [({"sewing", "drawing"}, True), ({"welding"}, False), (set(), True)]
)
def test_a_match_without_any_skill_asked_for_is_of_no_use(required, useful):
    match = judge(replace(PROJECT, required=frozenset(required)), PERSON, EQUAL)

    assert is_useful(match) is useful


def test_a_match_behind_a_closed_gate_is_of_no_use():
    assert not is_useful(judge(replace(PROJECT, is_open=False), PERSON, EQUAL))


async def test_of_a_crowd_the_best_are_chosen_wherever_they_stand():
    crowd = [replace(PERSON, person_id=UUID(int=number)) for number in range(3 * KEPT)]
    best = replace(PERSON, person_id=UUID(int=9_999), skills=PROJECT.required)

    chosen = await choose_people(PROJECT, each([*crowd, best]), EQUAL)

    ids = [match.person_id.int for match in chosen]
    assert ids == [9_999, *range(KEPT - 1)]
    assert chosen == foremost(chosen)


async def test_a_full_list_is_entered_only_from_its_floor_upwards():
    score = judge(PROJECT, PERSON, EQUAL).score
    floors = {PROJECT.project_id: score}

    at_floor = await choose_projects(PERSON, each([PROJECT]), EQUAL, floors)
    below = await choose_projects(
        PERSON, each([PROJECT]), EQUAL, {PROJECT.project_id: score + 0.01}
    )

    assert [match.score for match in at_floor] == [score]
    assert below == []
