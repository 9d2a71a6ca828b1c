"""Who may stop which clocks, for how long, and who learns of it."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from services.gateway.freezes import actions, queries
from services.gateway.freezes.rules import Reason, Scope
from services.gateway.freezes.schemas import FreezeView
from shared import clock
from shared.errors import Conflict, Invalid, NotAllowed, NotFound
from tests.integration.gateway.freezes.support import (
    A_DAY,
    Country,
    appointed,
    moderator,
    operator,
    somebody,
)


@pytest.fixture
async def country(conn) -> Country:
    return Country(conn)


async def shown(country: Country, viewer: UUID, *, sees_all: bool = False) -> list[FreezeView]:
    places = await queries.select_places(country.conn, viewer)
    found = await queries.select_freezes(
        country.conn, viewer_id=viewer, places=places, sees_all=sees_all
    )
    return [FreezeView.of(freeze, viewer) for freeze in found]


def pointers(refused: pytest.ExceptionInfo[Invalid]) -> list[str]:
    return [error["pointer"] for error in refused.value.extra["errors"]]


async def test_not_everybody_stops_the_clocks_of_a_region(country):
    with pytest.raises(NotAllowed):
        await country.freeze(somebody(await country.person()))

    for viewer in (moderator(await country.person()), operator(await country.person())):
        await country.freeze(viewer)


async def test_somebody_of_another_school_stops_no_clock_of_this_one(country):
    school = await country.organization(school="Unibersidad ng Bukid")
    other = await country.organization(school="Kolehiyo ng Ilog")
    stranger = await country.member(other)

    for viewer in (somebody(stranger), moderator(await country.person())):
        with pytest.raises(NotAllowed):
            await country.freeze(viewer, Scope.SCHOOL, str(school))

    await country.freeze(operator(await country.person()), Scope.SCHOOL, str(school))


async def test_somebody_of_another_school_ends_no_freeze_of_this_one(country):
    school = await country.organization(school="Unibersidad ng Bukid")
    other = await country.organization(school="Kolehiyo ng Ilog")
    dean, stranger = await country.member(school), await country.member(other)
    freeze, _ = await country.freeze(appointed(dean), Scope.SCHOOL, str(school))

    with pytest.raises(NotAllowed):
        await actions.end(country.conn, freeze_id=freeze.id, viewer=somebody(stranger))

    colleague = appointed(await country.member(school))
    await actions.end(country.conn, freeze_id=freeze.id, viewer=colleague)


@pytest.mark.parametrize("place", [None, "atlantis", "NCR"])
async def test_a_region_is_one_of_the_known(country, place):
    with pytest.raises(Invalid) as refused:
        await country.freeze(moderator(await country.person()), place=place)

    assert pointers(refused) == ["/place"]
    assert "soccsksargen" in refused.value.detail


async def test_a_school_is_an_organization_of_that_kind(country):
    employer = await country.organization()
    for place in (None, "Unibersidad", str(uuid4()), str(employer)):
        with pytest.raises(Invalid) as refused:
            await country.freeze(operator(await country.person()), Scope.SCHOOL, place)

        assert pointers(refused) == ["/place"]


@pytest.mark.parametrize(
    ("start", "length", "wrong"),
    [
        (timedelta(minutes=-1), 5 * A_DAY, "/starts_at"),
        (-9 * A_DAY, 5 * A_DAY, "/starts_at"),
        (181 * A_DAY, 5 * A_DAY, "/starts_at"),
        (A_DAY, timedelta(), "/ends_at"),
        (A_DAY, 30 * A_DAY + timedelta(seconds=1), "/ends_at"),
    ],
)
async def test_a_freeze_lies_ahead_and_is_short(country, start, length, wrong):
    starts_at = clock.now() + start

    with pytest.raises(Invalid) as refused:
        await actions.declare(
            country.conn,
            viewer=moderator(await country.person()),
            scope=Scope.REGION,
            place="ncr",
            starts_at=starts_at,
            ends_at=starts_at + length,
            reason=Reason.CALAMITY,
        )

    assert pointers(refused) == [wrong]


async def test_a_person_stops_their_own_clocks_for_fourteen_days_at_most(country):
    person = somebody(await country.person())

    with pytest.raises(Invalid):
        await country.freeze(person, Scope.PERSON, days=14.1)

    await country.freeze(person, Scope.PERSON, days=14)


async def test_a_person_stops_their_own_clocks_twice_in_half_a_year(country):
    person = somebody(await country.person())
    for _ in range(2):
        await country.freeze(person, Scope.PERSON, days=1)

    with pytest.raises(Conflict):
        await country.freeze(person, Scope.PERSON, days=1)

    with clock.advanced(182 * A_DAY):
        await country.freeze(person, Scope.PERSON, days=1)


async def test_a_freeze_called_off_before_it_began_does_not_use_up_the_allowance(country):
    person = somebody(await country.person())
    for _ in range(3):
        freeze, _ = await country.freeze(person, Scope.PERSON, ahead=3)
        await actions.end(country.conn, freeze_id=freeze.id, viewer=person)

    await country.freeze(person, Scope.PERSON)


async def test_nobody_learns_of_the_freeze_of_a_person_who_or_why(country):
    person = await country.person()
    await country.clock(applicant=person)

    freeze, _ = await country.freeze(somebody(person), Scope.PERSON, reason=Reason.ILLNESS)

    ((name, data),) = await country.said()
    assert name == "clocks.frozen.v1"
    assert (data["scope"], data["place"], data["reason"]) == ("person", None, None)
    assert data["timers"] == 1
    assert str(person) not in str(data)
    assert await shown(country, await country.person()) == []
    (seen,) = await shown(country, await country.person(), sees_all=True)
    assert (seen.id, seen.reason) == (freeze.id, None)
    assert (await shown(country, person))[0].reason == "illness"


async def test_nobody_else_ends_the_freeze_of_a_person(country):
    freeze, _ = await country.freeze(somebody(await country.person()), Scope.PERSON)

    for viewer in (somebody(await country.person()), operator(await country.person())):
        with pytest.raises(NotFound):
            await actions.end(country.conn, freeze_id=freeze.id, viewer=viewer)


async def test_everybody_may_know_why_a_region_or_a_school_stands_still(country):
    school = await country.organization(school="Unibersidad ng Bukid")
    dean = appointed(await country.member(school))
    who = moderator(await country.person())

    region, _ = await country.freeze(who, place="bicol")
    await country.freeze(dean, Scope.SCHOOL, str(school), reason=Reason.EXAMS)
    await actions.end(country.conn, freeze_id=region.id, viewer=who)

    said = [(name, data["place"], data["reason"]) for name, data in await country.said()]
    assert said == [
        ("clocks.frozen.v1", "bicol", "calamity"),
        ("clocks.frozen.v1", str(school), "exams"),
        ("clocks.thawed.v1", "bicol", "calamity"),
    ]


async def test_what_stands_still_is_shown_to_those_it_concerns(country):
    school = await country.organization("davao", school="Unibersidad ng Bukid")
    dean = await country.member(school)
    student = await country.person("bicol", school="Unibersidad ng Bukid")
    neighbour = await country.person("bicol")
    employer = await country.member(await country.organization("bicol"))
    who = moderator(await country.person("car"))
    region, _ = await country.freeze(who, place="bicol")
    exams, _ = await country.freeze(appointed(dean), Scope.SCHOOL, str(school))

    seen = {
        person: {view.id for view in await shown(country, person)}
        for person in (student, neighbour, employer, dean, who.id)
    }

    assert seen == {
        student: {region.id, exams.id},
        neighbour: {region.id},
        employer: {region.id},
        dean: {exams.id},
        who.id: {region.id},
    }


async def test_a_freeze_that_is_over_is_not_shown(country):
    person = await country.person()
    await country.freeze(somebody(person), Scope.PERSON, days=1)

    with clock.advanced(2 * A_DAY):
        assert await shown(country, person) == []
