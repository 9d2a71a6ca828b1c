"""An employer asks one of the matches to apply; the letter is still theirs to write."""

from uuid import UUID

import pytest

from tests.integration.gateway.selection.support import LETTER, Choosing, refusal
from tests.support.api import Api, profile_body

WHY = "skills_fit"


async def matched(choosing: Choosing) -> Api:
    person = await choosing.still.joined("Lia Santos")
    await person.put("/v1/me/profile", profile_body(choosing.life.skills))
    await choosing.still.database.execute(
        """INSERT INTO matching.matches
                  (project_id, person_id, project_version, profile_version, passed, score, scorer,
                   explanation, computed_at)
           VALUES ($1, $2, 1, 1, true, 0.8, 'test', '{}', now())""",
        UUID(choosing.project_id),
        UUID(person.person["id"]),
    )
    return person


async def invited(choosing: Choosing) -> tuple[Api, str]:
    person = await matched(choosing)
    found = await invite(choosing, person)
    return person, found["id"]


async def invite(choosing: Choosing, person: Api) -> dict:
    return await choosing.employer.post(
        f"{choosing.at}/invitations", {"person_id": person.person["id"], "reason": WHY}
    )


async def test_a_match_is_invited_with_a_reason_and_a_time_to_answer(choosing):
    person = await matched(choosing)

    found = await invite(choosing, person)

    assert (found["state"], found["invited_for"]) == ("invited", WHY)
    assert [due["name"] for due in found["due"]] == ["answer_invite_by"]
    mine = await person.get(f"/v1/applications/{found['id']}")
    assert mine["allowed"] == ["start", "decline"]


async def test_the_employer_learns_nothing_of_the_person_before_they_apply(choosing):
    person = await matched(choosing)

    found = await invite(choosing, person)

    assert found["applicant_name"] == ""
    assert found["profile"] == {}
    mine = await person.get(f"/v1/applications/{found['id']}")
    assert mine["applicant_name"] == "Lia Santos"


async def test_an_invitation_taken_up_becomes_a_draft_that_needs_a_letter(choosing):
    person, application_id = await invited(choosing)
    at = f"/v1/applications/{application_id}"

    started = await person.post(f"{at}/start")
    refused = await refusal(person.post(f"{at}/submit"))
    await person.put(at, LETTER)
    sent = await person.post(f"{at}/submit")

    assert started["state"] == "draft"
    assert started["profile"]["headline"] == "Tagasalin"
    assert [due["name"] for due in started["due"]] == ["idle_draft"]
    assert refused.status == 409
    assert "Write your letter first" in refused.problem["detail"]
    assert sent["state"] == "submitted"
    seen = await choosing.employer.get(at)
    assert seen["applicant_name"] == "Lia Santos"


async def test_an_invitation_is_declined_with_or_without_a_reason(choosing):
    person, application_id = await invited(choosing)

    found = await person.post(f"/v1/applications/{application_id}/decline", {"reason": "no_time"})

    assert (found["state"], found["reason"]) == ("invite_declined", "no_time")


async def test_a_person_is_invited_once(choosing):
    person, _ = await invited(choosing)

    refused = await refusal(invite(choosing, person))

    assert refused.status == 409


@pytest.mark.parametrize("missing", ["match", "employer"])
async def test_only_the_employer_invites_and_only_matches(choosing, missing):
    person = await choosing.still.joined() if missing == "match" else await matched(choosing)
    who = choosing.employer if missing == "match" else person
    body = {"person_id": person.person["id"], "reason": WHY}

    refused = await refusal(who.post(f"{choosing.at}/invitations", body))

    assert refused.status == 404


async def test_nobody_is_invited_to_a_posting_that_is_not_open(choosing):
    person = await matched(choosing)
    await choosing.employer.post(f"{choosing.at}/close-applications")

    refused = await refusal(invite(choosing, person))

    assert refused.status == 409
    assert refused.problem["state"] == "selecting"
