import pytest

from launcher.demo import data
from launcher.errors import Refused
from services.gateway.organizations.schemas import OrganizationRequest
from services.gateway.profiles.schemas import ProfileRequest
from services.gateway.projects import wages
from services.gateway.projects.rules import Kind, check_milestones, check_pay, is_clean, pay_floor
from services.gateway.projects.schemas import ProjectRequest
from shared import clock
from shared.wire import encode


def test_every_posting_of_the_demo_is_one_the_gateway_takes_and_opens_at_once():
    regions = {item["slug"]: item["region"] for item in data.world().organizations}
    today = wages.day_of(clock.now())
    for project in data.world().projects:
        wanted = ProjectRequest.model_validate_json(encode(data.project_body(project)))

        floor = pay_floor(
            Kind(wanted.kind),
            hours=wanted.hours,
            regions={wanted.region, regions[project["organization"]]},
            on=today,
        )
        check_pay(fee=wanted.fee, floor=floor)
        check_milestones(fee=wanted.fee, milestone_fees=[part.fee for part in wanted.milestones])
        assert is_clean(wanted.title, wanted.summary, wanted.description, *wanted.criteria)
        assert is_clean(
            *(text for part in wanted.milestones for text in (part.title, part.description))
        )


def test_every_profile_and_employer_of_the_demo_is_one_the_gateway_takes():
    for person in data.world().people:
        ProfileRequest.model_validate_json(encode(data.profile_body(person)))
    for organization in data.world().organizations:
        OrganizationRequest.model_validate_json(encode(data.organization_body(organization)))


def test_no_centavo_of_a_fee_is_lost_between_the_milestones():
    parts = data.shared_out(100_001, [33, 33, 34])

    assert sum(parts) == 100_001
    assert parts[:2] == [33_000, 33_000]


def test_two_names_of_one_skill_become_one():
    person = {**data.world().people[0], "skills": [{"label": "SQL", "level": 2}] * 2}

    assert len(data.profile_body(person)["skills"]) == 1


def test_data_that_cannot_be_read_are_named():
    with pytest.raises(Refused, match=r"nothing-of-the-kind\.json"):
        data.read("nothing-of-the-kind")


def test_only_the_applications_own_facts_are_sent():
    body = data.organization_body(data.world().organizations[0])

    assert "contact" not in body
    assert "slug" not in body
