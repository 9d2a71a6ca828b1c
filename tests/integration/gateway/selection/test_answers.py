"""What an employer owes to those who wait, and what becomes of one that does not answer."""

import asyncio
from datetime import timedelta

import pytest

from services.gateway.applications.rules import LIVE_APPLICATIONS
from services.gateway.standing.queries import select_unanswered
from services.gateway.standing.rules import check_may_resume
from shared import clock
from shared.errors import Conflict
from shared.events.engagements import EngagementNoShow, EngagementStalled
from tests.integration.gateway.selection.support import LETTER, Choosing, refusal
from tests.integration.gateway.support import Gateway
from tests.support.api import Api, profile_body

OVERDUE = "application.answer_overdue.v1"


async def at(choosing: Choosing, place: int) -> dict:
    return await choosing.people[place].get(f"/v1/applications/{choosing.ids[place]}")


async def project_state(choosing: Choosing) -> str:
    return (await choosing.employer.get(choosing.at))["state"]


async def record(choosing: Choosing) -> dict:
    return await choosing.still.api.get(f"/v1/organizations/{choosing.organization_id}/record")


async def full_of_drafts(choosing: Choosing, person: Api) -> None:
    """As many live applications as one may have, the last of them of this posting."""
    await person.put("/v1/me/profile", profile_body(choosing.life.skills))
    for _ in range(LIVE_APPLICATIONS - 1):
        await choosing.post()
        await choosing.applied(person, draft=True)
    await choosing.post()
    choosing.people.append(person)
    choosing.ids.append(await choosing.applied(person))


async def test_an_unanswered_application_gives_its_slot_back(still: Gateway, choosing: Choosing):
    await full_of_drafts(choosing, await still.joined())
    await choosing.post()
    full = await refusal(choosing.people[0].post(f"{choosing.at}/applications", LETTER))

    await choosing.misses(choosing.ids[0])

    assert full.status == 409
    assert (await at(choosing, 0))["slot_returned"]
    assert await choosing.applied(choosing.people[0])


async def test_two_missed_answers_pause_nothing(choosing):
    await choosing.apply(2)

    for each in choosing.ids:
        await choosing.misses(each)

    assert await project_state(choosing) == "open"


async def test_the_third_missed_answer_pauses_every_open_posting(choosing):
    await choosing.apply(3)
    first = choosing.project_id
    await choosing.post()

    for each in choosing.ids:
        await choosing.misses(each)

    for project_id in (first, choosing.project_id):
        found = await choosing.employer.get(f"/v1/projects/{project_id}")
        assert (found["state"], found["reason"]) == ("paused", "missed_answers")


async def test_answers_missed_at_the_same_moment_are_counted_one_after_the_other(choosing):
    await choosing.apply(3)
    for each in choosing.ids:
        await choosing.fires(each, "answer_by")

    await asyncio.gather(*(choosing.hears(each, OVERDUE) for each in choosing.ids))

    assert await project_state(choosing) == "paused"
    assert await choosing.said(choosing.project_id, "project.auto_paused.v1") == 1


async def test_one_missed_answer_heard_three_times_counts_once(choosing):
    await choosing.apply(1)

    await choosing.misses(choosing.ids[0])
    for _ in range(3):
        await choosing.hears(choosing.ids[0], OVERDUE)

    assert await project_state(choosing) == "open"


async def test_missed_answers_are_forgotten_after_half_a_year(choosing):
    await choosing.apply(3)
    for each in choosing.ids[:2]:
        await choosing.misses(each)

    with clock.advanced(timedelta(days=181)):
        await choosing.misses(choosing.ids[2])

    assert await project_state(choosing) == "open"


async def test_a_posting_resumes_when_everybody_has_an_answer(choosing, database):
    await choosing.apply(2)
    await choosing.misses(choosing.ids[0])
    async with database.acquire() as conn:
        with pytest.raises(Conflict) as refused:
            check_may_resume(await select_unanswered(conn, choosing.organization_id))

    await choosing.employer.post(f"/v1/applications/{choosing.ids[0]}/shortlist")

    assert refused.value.extra["unanswered"] == [
        {"project_id": choosing.project_id, "applications": 1}
    ]
    async with database.acquire() as conn:
        check_may_resume(await select_unanswered(conn, choosing.organization_id))


async def test_a_record_is_shown_when_five_were_answered(choosing):
    await choosing.apply(6)
    await choosing.misses(choosing.ids[0])
    for each in choosing.ids[:4]:
        await choosing.employer.post(f"/v1/applications/{each}/shortlist")
    hidden = await record(choosing)

    await choosing.employer.post(
        f"/v1/applications/{choosing.ids[4]}/not-select", {"reason": "schedule"}
    )
    shown = await record(choosing)

    assert hidden["answered"] is None
    assert hidden["missed"] is None
    assert (shown["answered"], shown["answered_in_time"], shown["missed"]) == (5, 4, 1)
    assert shown["median_answer_days"] == 0


@pytest.mark.parametrize(
    ("kind", "said", "side"),
    [
        (EngagementNoShow, {"party": "applicant"}, "person_id"),
        (EngagementNoShow, {"reason": "silent_employer"}, "organization_id"),
        (EngagementStalled, {"party": "employer"}, "organization_id"),
        (EngagementStalled, {"reason": "silent_applicant"}, "person_id"),
        (EngagementNoShow, {}, None),
    ],
)
async def test_a_fault_is_on_the_side_that_was_silent(choosing, database, kind, said, side):
    await choosing.apply(1)
    await choosing.offered(0)
    engagement = await choosing.accepted(0)
    known = {name: engagement[name] for name in ("application_id", "project_id", "applicant_id")}
    event = kind(
        engagement_id=engagement["id"],
        organization_id=choosing.organization_id,
        state="ended",
        **known,
        **said,
    )

    for _ in range(2):
        await choosing.told(event)

    faults = await database.fetch(
        "SELECT * FROM gateway.faults WHERE record_id = $1", event.engagement_id
    )
    assert [bool(fault[side]) for fault in faults] == ([True] if side else [])


async def test_an_employer_that_decides_on_nobody_gets_a_strike(choosing, database):
    await choosing.close_undecided()

    found = await database.fetchval(
        "SELECT count(*) FROM gateway.faults WHERE organization_id = $1", choosing.organization_id
    )
    assert found == 1
