import asyncio

import pytest
from aiohttp import ClientConnectionError

from launcher.demo.api import Problem, content_key, for_each, may_pass

CONFLICT = Problem(409, {"detail": "Still being carried out."}, "POST /v1/projects")
REFUSED = Problem(409, {"detail": "It is filled.", "state": "filled"}, "POST /v1/projects")


def test_a_room_that_is_away_is_asked_again():
    away = Problem(503, {"detail": "Try again soon."}, "GET /v1/me")

    assert may_pass(ClientConnectionError(), tries=1, keyed=False)
    assert may_pass(away, tries=1, keyed=False)


def test_a_refusal_is_not_asked_again():
    assert not may_pass(REFUSED, tries=3, keyed=True)
    assert not may_pass(CONFLICT, tries=1, keyed=True)
    assert not may_pass(Problem(422, None, "POST /v1/people"), tries=3, keyed=True)


def test_ones_own_twin_under_way_is_waited_for_but_not_for_ever():
    assert may_pass(CONFLICT, tries=2, keyed=True)
    assert not may_pass(CONFLICT, tries=2, keyed=False)
    assert not may_pass(CONFLICT, tries=8, keyed=True)


def test_a_problem_says_what_was_asked_and_every_error():
    errors = [{"pointer": "/fee", "detail": "is too low"}]

    problem = Problem(422, {"detail": "1 thing is wrong.", "errors": errors}, "POST /v1/projects")

    assert str(problem) == (
        "POST /v1/projects was refused (422): 1 thing is wrong. /fee: is too low."
    )


def test_the_same_request_has_the_same_key_in_every_run():
    key = content_key("/v1/organizations", {"name": "Aklatan", "region": "ncr"})

    assert key == content_key("/v1/organizations", {"region": "ncr", "name": "Aklatan"})
    assert key != content_key("/v1/organizations", {"name": "Aklatan", "region": "car"})


async def test_each_item_is_taken_once():
    taken = []

    async def take(item: int) -> None:
        await asyncio.sleep(0)
        taken.append(item)

    await for_each(range(40), take)

    assert sorted(taken) == list(range(40))


async def test_the_first_failure_is_raised_as_itself():
    async def fail(_item: int) -> None:
        raise REFUSED

    with pytest.raises(Problem, match="filled"):
        await for_each(range(40), fail)
