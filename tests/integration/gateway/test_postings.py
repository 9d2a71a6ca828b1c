"""The pay floor, the three lawful kinds, and what a posting says of itself, over HTTP."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from services.gateway.lifecycles.project import Status
from tests.integration.gateway.support import Gateway
from tests.support.api import Api, Refused, project_body, skill_ids

GOVERNMENT = {"kind": "government_programme", "programme": "GIP", "programme_reference": "GIP-7"}
MILESTONES = [{"title": "Lahat", "description": "Ang buong salin", "due_days": 10}]


@dataclass
class Employer:
    gateway: Gateway
    api: Api
    organization: Any
    skills: list[str]

    async def draft(self, **changes: Any) -> Any:
        return await self.api.post(
            f"/v1/organizations/{self.organization['id']}/projects", self.body(**changes)
        )

    def body(self, **changes: Any) -> dict[str, Any]:
        fee = changes.get("fee", 300_000)
        milestones = [milestone | {"fee": fee} for milestone in MILESTONES]
        return project_body(self.skills, **{"fee": fee, "milestones": milestones, **changes})

    async def command(self, project: Any, command: str, **body: Any) -> Any:
        return await self.api.post(f"/v1/projects/{project['id']}/{command}", body)

    async def put(self, project: Any, state: str, *, opened_days_ago: int = 1) -> None:
        await self.gateway.database.execute(
            """UPDATE gateway.projects
                  SET state = $2, opened_at = now() - $3 * interval '1 day' WHERE id = $1""",
            project["id"],
            state,
            opened_days_ago,
        )


async def registered(gateway: Gateway, api: Api, **changes: Any) -> Any:
    body = {"name": "Aklatan", "industry": "education", "region": "ncr", **changes}
    return await api.post("/v1/organizations", body)


async def an_employer(gateway: Gateway, **changes: Any) -> Employer:
    api = await gateway.joined("Elena Cruz")
    organization = await registered(gateway, api, **changes)
    return Employer(gateway, api, organization, await skill_ids(api))


async def a_school(gateway: Gateway) -> Any:
    return await registered(gateway, await gateway.joined("Rosa Lim"), kind="school")


@pytest.fixture
async def employer(still) -> Employer:
    return await an_employer(still)


def pointers(refused: pytest.ExceptionInfo[Refused]) -> set[str]:
    return {error["pointer"] for error in refused.value.problem["errors"]}


async def test_a_posting_shows_its_kind_its_rules_and_its_pay_floor(employer):
    project = await employer.draft()

    assert project["pay_floor"] > 0
    shown = {name: project[name] for name in ("kind", "rights", "ai_use", "review_days")}
    assert shown == {
        "kind": "independent",
        "rights": "on_request",
        "ai_use": "disclosed",
        "review_days": 5,
    }


async def test_what_a_posting_says_can_be_chosen_and_changed(employer):
    wanted = {"rights": "public", "ai_use": "none", "review_days": 14}

    project = await employer.draft(**wanted)
    changed = await employer.api.put(
        f"/v1/projects/{project['id']}", employer.body(rights="digest_only", ai_use="free")
    )

    assert {name: project[name] for name in wanted} == wanted
    assert (changed["rights"], changed["ai_use"], changed["review_days"]) == (
        "digest_only",
        "free",
        5,
    )


@pytest.mark.parametrize("days", [1, 15])
async def test_a_review_takes_two_to_fourteen_days(employer, days):
    with pytest.raises(Refused) as refused:
        await employer.draft(review_days=days)

    assert pointers(refused) == {"/review_days"}


async def test_a_fee_under_the_floor_of_the_region_is_refused_with_the_floor(employer):
    floor = (await employer.draft())["pay_floor"]

    with pytest.raises(Refused) as refused:
        await employer.draft(fee=floor - 1)

    assert refused.value.status == 422
    assert refused.value.problem["floor"] == floor
    assert pointers(refused) == {"/fee"}
    assert (await employer.draft(fee=floor))["fee"] == floor


async def test_work_at_a_place_is_paid_by_that_place_and_remote_work_by_the_dearer_region(employer):
    there = await employer.draft(region="barmm", remote=False)
    remote = await employer.draft(region="barmm", remote=True)
    at_home = await employer.draft(region="ncr", remote=False)

    assert there["pay_floor"] < at_home["pay_floor"]
    assert remote["pay_floor"] == at_home["pay_floor"]


async def test_a_change_under_the_floor_is_refused(employer):
    project = await employer.draft()

    with pytest.raises(Refused) as refused:
        await employer.api.put(f"/v1/projects/{project['id']}", employer.body(fee=100))

    assert refused.value.status == 422


async def test_a_draft_that_a_wage_order_overtook_is_not_submitted(employer):
    project = await employer.draft()
    await employer.gateway.database.execute(
        "UPDATE gateway.projects SET fee = 100_000 WHERE id = $1", project["id"]
    )

    with pytest.raises(Refused) as refused:
        await employer.command(project, "submit")

    assert refused.value.problem["floor"] == project["pay_floor"]
    found = await employer.api.get(f"/v1/projects/{project['id']}")
    assert found["state"] == "draft"


async def test_the_pay_floors_are_shown_with_their_sources(still):
    shown = await still.api.get("/v1/pay-floors?region=ncr&on=2025-07-18")

    assert shown == {
        "on": "2025-07-18",
        "items": [
            {
                "region": "ncr",
                "hourly_floor": 8_688,
                "daily_wage": 69_500,
                "since": "2025-07-18",
                "source": "NCR-26",
                "checked": True,
            }
        ],
    }


async def test_without_a_region_the_floors_of_all_of_them_are_shown(still):
    shown = await still.api.get("/v1/pay-floors")

    assert len(shown["items"]) == 18


@pytest.mark.parametrize("path", ["/v1/pay-floors?region=atlantis", "/v1/projects?region=atlantis"])
async def test_an_unknown_region_is_refused_with_the_known_ones(still, path):
    with pytest.raises(Refused) as refused:
        await still.api.get(path)

    assert refused.value.status == 422
    assert "central-luzon" in refused.value.problem["detail"]


async def test_organizations_and_postings_lie_in_a_known_region(employer):
    with pytest.raises(Refused) as refused:
        await employer.draft(region="atlantis")
    with pytest.raises(Refused) as refused_too:
        await registered(employer.gateway, employer.api, region="atlantis")

    assert pointers(refused) == pointers(refused_too) == {"/region"}


async def test_a_school_registers_as_one_and_cannot_post(still):
    school = await an_employer(still, kind="school")

    with pytest.raises(Refused) as refused:
        await school.draft()

    assert school.organization["kind"] == "school"
    assert refused.value.status == 403
    assert "does not post" in refused.value.problem["detail"]


async def test_an_employer_is_what_registers_unless_it_says_otherwise(employer):
    assert employer.organization["kind"] == "employer"


async def test_a_school_internship_names_its_school_and_pays_three_quarters(employer):
    school = await a_school(employer.gateway)
    floor = (await employer.draft())["pay_floor"]

    project = await employer.draft(
        kind="school_internship",
        school_id=school["id"],
        programme="BS Information Technology",
        credit_hours=60,
        fee=-(-floor * 3 // 4),
    )

    assert project["pay_floor"] == project["fee"] < floor
    assert project["school_id"] == school["id"]
    assert project["conditions"] == ["enrolled_at_the_school"]


async def test_a_government_programme_states_the_age_it_asks_for(employer):
    project = await employer.draft(**GOVERNMENT)

    assert project["conditions"] == ["age_18_to_30"]
    assert project["programme_reference"] == "GIP-7"


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"kind": "school_internship"}, {"/school_id", "/programme", "/credit_hours"}),
        ({"kind": "government_programme"}, {"/programme", "/programme_reference"}),
        ({"programme": "BSIT"}, {"/programme"}),
        (GOVERNMENT | {"credit_hours": 60}, {"/credit_hours"}),
    ],
)
async def test_each_kind_needs_its_own_fields_and_refuses_the_others(employer, changes, wrong):
    with pytest.raises(Refused) as refused:
        await employer.draft(**changes)

    assert refused.value.status == 422
    assert pointers(refused) == wrong


async def test_the_school_must_be_a_school(employer):
    fields = {"kind": "school_internship", "programme": "BSIT", "credit_hours": 60}
    for school_id in (employer.organization["id"], str(uuid4())):
        with pytest.raises(Refused) as refused:
            await employer.draft(**fields, school_id=school_id)

        assert pointers(refused) == {"/school_id"}


async def test_a_change_of_kind_leaves_nothing_of_the_old_one(employer):
    project = await employer.draft(**GOVERNMENT)

    changed = await employer.api.put(f"/v1/projects/{project['id']}", employer.body())

    assert changed["kind"] == "independent"
    assert changed["programme"] is changed["programme_reference"] is None


async def test_a_lure_in_a_milestone_waits_for_a_moderator(employer):
    milestone = {"title": "Subok", "description": "Unpaid trial", "due_days": 5, "fee": 300_000}
    lured, clean = await employer.draft(milestones=[milestone]), await employer.draft()

    assert (await employer.command(lured, "submit"))["state"] == "in_review"
    assert (await employer.command(clean, "submit"))["state"] == "awaiting_funding"


async def test_a_posting_is_extended_once(employer):
    project = await employer.draft()
    await employer.put(project, Status.SELECTING)

    extended = await employer.command(project, "extend")
    await employer.put(project, Status.SELECTING)

    assert (extended["state"], extended["extended"]) == ("open", True)
    found = await employer.api.get(f"/v1/projects/{project['id']}")
    assert "extend" not in found["allowed"]
    with pytest.raises(Refused) as refused:
        await employer.command(project, "extend")
    assert refused.value.status == 409


async def test_nobody_extends_a_posting_past_its_sixty_days(employer):
    project = await employer.draft()
    await employer.put(project, Status.SELECTING, opened_days_ago=60)

    with pytest.raises(Refused) as refused:
        await employer.command(project, "extend")

    assert "60 days" in refused.value.problem["detail"]
    assert not (await employer.api.get(f"/v1/projects/{project['id']}"))["extended"]


@pytest.mark.parametrize("state", [Status.OPEN, Status.SELECTING, Status.FILLED])
async def test_a_reinstated_posting_goes_back_to_the_state_it_left(employer, state):
    moderator = await employer.gateway.joined("Mona Diaz", duty="moderator")
    project = await employer.draft()
    await employer.put(project, state)

    await moderator.post(f"/v1/projects/{project['id']}/suspend", {"reason": "fraud"})
    found = await moderator.post(f"/v1/projects/{project['id']}/reinstate")

    assert found["state"] == state
