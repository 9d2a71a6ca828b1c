"""Which clocks a freeze moves, where to, and back."""

from contextlib import contextmanager
from datetime import timedelta

import asyncpg
import pytest

from services.gateway.freezes import actions, queries
from services.gateway.freezes.rules import Scope
from services.gateway.timers import queries as timers
from shared import clock
from shared.database import pool
from shared.errors import Conflict
from tests.integration.gateway.freezes.support import (
    A_DAY,
    Country,
    a_monday,
    appointed,
    days_from,
    moderator,
    somebody,
)


@pytest.fixture
async def country(conn) -> Country:
    return Country(conn)


@pytest.fixture
def monday():
    with clock.advanced(a_monday() - clock.now()):
        yield clock.now()


@contextmanager
def later(days: float):
    with clock.advanced(days * A_DAY):
        yield


async def test_the_clocks_of_a_region_stand_still_for_applicants_and_employers_alike(country):
    now = clock.now()
    hers = await country.clock(applicant=await country.person("bicol"))
    theirs = await country.clock(employer=await country.organization("bicol"))

    _, moved = await country.freeze(moderator(await country.person()), place="bicol")

    assert moved == 2
    for record in (hers, theirs):
        assert days_from(now, await country.due(record)) == 12


async def test_a_clock_that_waits_for_somebody_elsewhere_runs_on(country):
    now = clock.now()
    hers = await country.clock(applicant=await country.person("davao"))
    theirs = await country.clock(employer=await country.organization("davao"))

    _, moved = await country.freeze(moderator(await country.person()), place="bicol")

    assert moved == 0
    for record in (hers, theirs):
        assert days_from(now, await country.due(record)) == 7


async def test_a_clock_that_waits_for_nobody_in_particular_runs_on(country):
    record = await country.clock()

    _, moved = await country.freeze(moderator(await country.person()))

    assert moved == 0
    assert days_from(clock.now(), await country.due(record)) == 7


async def test_what_is_due_before_a_freeze_is_not_moved(country):
    record = await country.clock(applicant=await country.person(), days=2)

    _, moved = await country.freeze(moderator(await country.person()), ahead=3)

    assert moved == 0
    assert days_from(clock.now(), await country.due(record)) == 2


async def test_the_time_before_and_after_a_freeze_counts(country):
    record = await country.clock(applicant=await country.person(), days=4)

    await country.freeze(moderator(await country.person()), ahead=3, days=5)

    assert days_from(clock.now(), await country.due(record)) == 9


async def test_nothing_is_due_inside_a_freeze(country):
    person = await country.person()
    records = [await country.clock(applicant=person, days=days / 4) for days in range(48)]
    reminder = await country.clock(
        applicant=person, days=9, rings_after=9, days_before=4, is_reminder=True
    )

    freeze, _ = await country.freeze(moderator(await country.person()), ahead=3, days=5)

    for record in (*records, reminder):
        due = await country.due(record)
        assert not freeze.starts_at <= due < freeze.ends_at


async def test_the_hours_that_two_freezes_share_count_once(country):
    record = await country.clock(applicant=await country.person("car"))
    who = moderator(await country.person())

    await country.freeze(who, place="car", days=5)
    await country.freeze(who, place="car", ahead=3, days=5)

    assert days_from(clock.now(), await country.due(record)) == 15


async def test_the_end_of_one_of_two_freezes_leaves_the_other(country):
    record = await country.clock(applicant=await country.person("car"))
    who = moderator(await country.person())
    first, _ = await country.freeze(who, place="car", days=5)
    await country.freeze(who, place="car", ahead=3, days=5)

    await actions.end(country.conn, freeze_id=first.id, viewer=who)

    assert days_from(clock.now(), await country.due(record)) == 12


async def test_a_freeze_that_ends_early_gives_back_the_rest(country):
    now, who = clock.now(), moderator(await country.person())
    record = await country.clock(applicant=await country.person())
    freeze, _ = await country.freeze(who, days=10)

    with later(days=4):
        ended, moved = await actions.end(country.conn, freeze_id=freeze.id, viewer=who)

    assert moved == 1
    assert days_from(freeze.starts_at, ended.ends_at) == 4
    assert days_from(now, await country.due(record)) == 11


async def test_a_freeze_that_ends_before_it_begins_never_was(country):
    now, who = clock.now(), moderator(await country.person())
    record = await country.clock(applicant=await country.person())
    freeze, _ = await country.freeze(who, ahead=2)

    await actions.end(country.conn, freeze_id=freeze.id, viewer=who)

    assert days_from(now, await country.due(record)) == 7


async def test_a_freeze_ends_once(country):
    who = moderator(await country.person())
    freeze, _ = await country.freeze(who)
    await actions.end(country.conn, freeze_id=freeze.id, viewer=who)

    with pytest.raises(Conflict):
        await actions.end(country.conn, freeze_id=freeze.id, viewer=who)


async def test_what_stood_still_is_not_due_when_the_freeze_ends_early(country):
    who = moderator(await country.person())
    record = await country.clock(applicant=await country.person(), days=1)
    freeze, _ = await country.freeze(who, days=10)

    with later(days=5):
        await actions.end(country.conn, freeze_id=freeze.id, viewer=who)

        assert days_from(clock.now(), await country.due(record)) == 1


async def test_working_days_and_a_freeze_are_not_counted_twice(country, monday):
    record = await country.clock(applicant=await country.person(), days=3, working=True)

    await country.freeze(moderator(await country.person()), ahead=1, days=6)

    assert days_from(monday, await country.due(record)) == 9


async def test_a_last_day_that_falls_into_a_freeze_waits_for_its_end(country):
    last = clock.now() + 4 * A_DAY
    record = await country.clock(applicant=await country.person(), days=9, not_after=last)

    await country.freeze(moderator(await country.person()), ahead=3, days=5)

    assert days_from(clock.now(), await country.due(record)) == 8


async def test_a_clock_that_starts_during_a_freeze_begins_to_count_at_its_end(country):
    person = await country.person()
    await country.freeze(moderator(await country.person()), days=5)

    with later(days=2):
        record = await country.clock(applicant=person)

        assert days_from(clock.now(), await country.due(record)) == 10


async def test_a_freeze_of_a_school_moves_the_clocks_of_its_students(country):
    school = await country.organization(school="Unibersidad ng Bukid")
    dean = appointed(await country.member(school))
    hers = await country.clock(applicant=await country.person(school="unibersidad ng bukid"))
    his = await country.clock(applicant=await country.person(school="Kolehiyo ng Ilog"))

    _, moved = await country.freeze(dean, Scope.SCHOOL, str(school))

    assert moved == 1
    assert days_from(clock.now(), await country.due(hers)) == 12
    assert days_from(clock.now(), await country.due(his)) == 7


async def test_a_freeze_of_a_person_moves_what_waits_for_that_person_alone(country):
    person = await country.person()
    own = await country.clock(applicant=person)
    other = await country.clock(applicant=await country.person())

    _, moved = await country.freeze(somebody(person), Scope.PERSON)

    assert moved == 1
    assert days_from(clock.now(), await country.due(own)) == 12
    assert days_from(clock.now(), await country.due(other)) == 7


async def test_a_timer_that_a_command_holds_is_left_to_it(own_url):
    conn, other = [
        await asyncpg.connect(own_url, server_settings=pool.session_settings("gateway"))
        for _ in range(2)
    ]
    try:
        for each in (conn, other):
            await pool.prepare(each)
        country = Country(conn)
        record = await country.clock(applicant=await country.person())
        who = moderator(await country.person())

        async with other.transaction():
            await other.execute(
                "SELECT FROM gateway.timers WHERE record_id = $1 FOR UPDATE", record
            )
            _, moved = await country.freeze(who)

        assert moved == 0
    finally:
        await conn.close()
        await other.close()


async def test_a_lease_on_a_timer_that_moves_is_given_up(country):
    record = await country.clock(applicant=await country.person())
    await country.conn.execute(
        "UPDATE gateway.timers SET taken_until = $1", clock.now() + timedelta(seconds=10)
    )

    await country.freeze(moderator(await country.person()))

    held = await country.conn.fetchval(
        "SELECT taken_until FROM gateway.timers WHERE record_id = $1", record
    )
    assert held is None


async def test_more_time_is_a_right_that_counts_for_clocks_to_come(country):
    person = await country.person()

    await queries.update_multiplier(country.conn, person, 1.5)

    pace = await timers.select_pace(
        country.conn, applicant_id=person, organization_id=None, since=clock.now()
    )
    assert pace.multiplier == await queries.select_multiplier(country.conn, person) == 1.5
