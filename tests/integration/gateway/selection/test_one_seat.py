"""One seat, wanted by many at once."""

import pytest

from bench.seats import Race, a_race

ROUNDS = 20


@pytest.fixture(scope="module")
async def race(still) -> Race:
    return await a_race(still)


async def test_of_fifty_who_accept_one_seat_exactly_one_gets_it(race):
    for each in range(ROUNDS):
        await race.many_offers()
        await race.one_offer(each)

    for answers in race.answers.values():
        assert answers == {200: ROUNDS, 409: ROUNDS * 49}
    assert race.seats_taken == {1: 2 * ROUNDS}
