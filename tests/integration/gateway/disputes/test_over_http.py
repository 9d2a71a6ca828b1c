"""The same over HTTP: what is proposed answers 202, what is agreed 200, and each sees what is theirs."""

from datetime import timedelta

import pytest

from services.gateway.accounts.queries import insert_session
from services.gateway.tokens import new_token, token_hash
from services.gateway.viewer import Viewer
from shared import clock
from tests.integration.gateway.disputes.world import World, a_world, connected
from tests.support.api import Api, Refused

CLAIM = {"claim": 90_000, "statement": "Natugunan ang lahat.", "reason": "quality"}


@pytest.fixture
async def world(still):
    async with connected(still.database_url) as conn:
        async with conn.transaction():
            world = await a_world(conn)
        yield world


async def signed_in(still, world: World, viewer: Viewer) -> Api:
    token = new_token()
    await insert_session(world.conn, token_hash=token_hash(token), person_id=viewer.id)
    return Api(still.session, still.base, token)


async def status_of(api: Api, path: str, body, **headers) -> int:
    async with api.session.post(
        api.base + path, json=body, headers={"Authorization": f"Bearer {api.token}", **headers}
    ) as response:
        return response.status


async def test_a_dispute_from_its_opening_to_its_appeal(still, world):
    applicant, employer, moderator, second = [
        await signed_in(still, world, viewer)
        for viewer in (world.applicant, world.employer, world.moderator, world.second)
    ]

    dispute = await applicant.post(f"/v1/milestones/{world.milestone_id}/dispute", CLAIM)
    at = f"/v1/disputes/{dispute['id']}"
    seen = await employer.get(at)
    answered = await employer.post(f"{at}/answer", {"statement": "Kulang.", "share": 20_000})
    waiting = await moderator.get("/v1/operations/disputes")
    taken = await moderator.post(f"{at}/take")
    decided = await moderator.post(f"{at}/decide", {"intern_share": 60_000, "reasons": "Tama."})
    appealed = await employer.post(f"{at}/appeal", {"statement": "Hindi tama."})
    confirmed = await second.post(
        f"{at}/decide-appeal", {"intern_share": 60_000, "reasons": "Tama pa rin."}
    )

    assert dispute["allowed"] == ["withdraw"]
    assert dispute["due"][0]["then"] == "defaulted"
    assert seen["allowed"] == ["answer"]
    assert answered["allowed"] == ["settle"]
    assert dispute["id"] in [item["id"] for item in waiting["items"]]
    assert taken["allowed"] == ["decide"]
    assert decided["state"] == "decided"
    assert appealed["appellant"] == "employer"
    assert confirmed["appeal_reasons"] == "Tama pa rin."
    assert [item["id"] for item in (await employer.get("/v1/me/disputes"))["items"]] == [
        dispute["id"]
    ]


async def test_a_settlement_is_accepted_when_proposed_and_done_when_agreed(still, world):
    applicant, employer = [
        await signed_in(still, world, viewer) for viewer in (world.applicant, world.employer)
    ]
    dispute = await applicant.post(f"/v1/milestones/{world.milestone_id}/dispute", CLAIM)
    at = f"/v1/disputes/{dispute['id']}"
    await employer.post(f"{at}/answer", {"statement": "Kulang.", "share": 20_000})

    first = await status_of(applicant, f"{at}/settle", {"intern_share": 70_000})
    shown = await employer.get(at)
    second = await status_of(employer, f"{at}/settle", {"proposal_id": shown["proposals"][0]["id"]})

    assert (first, second) == (202, 200)
    assert (await applicant.get(at))["intern_share"] == 70_000


async def test_an_amendment_and_a_pause_wait_for_the_other_side(still, world):
    applicant, employer = [
        await signed_in(still, world, viewer) for viewer in (world.applicant, world.employer)
    ]
    at = f"/v1/engagements/{world.engagement_id}"
    until = (clock.now() + timedelta(days=5)).date().isoformat()

    proposed = await status_of(applicant, f"{at}/amend", {"hours": 25})
    shown = await employer.get(at)
    agreed = await status_of(employer, f"{at}/amend", {"proposal_id": shown["proposals"][0]["id"]})
    paused = [
        await status_of(person, f"{at}/pause", {"until": until, "reason": "exams"})
        for person in (applicant, employer)
    ]

    assert (proposed, agreed, paused) == (202, 200, [202, 200])
    assert (await applicant.get(at))["paused_until"] == until


async def test_a_stranger_finds_nothing_and_the_waiting_list_is_for_mediators(still, world):
    applicant = await signed_in(still, world, world.applicant)
    stranger = await signed_in(still, world, world.stranger)
    dispute = await applicant.post(f"/v1/milestones/{world.milestone_id}/dispute", CLAIM)

    for path, status in (
        (f"/v1/disputes/{dispute['id']}", 404),
        ("/v1/operations/disputes", 403),
    ):
        with pytest.raises(Refused) as refused:
            await stranger.get(path)
        assert refused.value.status == status


async def test_an_answer_under_a_key_is_given_once(still, world):
    applicant = await signed_in(still, world, world.applicant)
    at = f"/v1/milestones/{world.milestone_id}/dispute"

    first = await applicant.post(at, CLAIM, **{"Idempotency-Key": "minsan-lang"})
    second = await applicant.post(at, CLAIM, **{"Idempotency-Key": "minsan-lang"})

    assert first == second
