import importlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[3] / "launcher" / "demo" / "data"
INDUSTRIES = {
    "technology",
    "design",
    "marketing",
    "education",
    "agriculture",
    "food",
    "tourism",
    "health",
    "retail",
    "manufacturing",
    "finance",
    "logistics",
    "media",
    "nonprofit",
    "government",
    "crafts",
}
REGIONS = {
    "ncr",
    "car",
    "ilocos",
    "cagayan-valley",
    "central-luzon",
    "calabarzon",
    "mimaropa",
    "bicol",
    "western-visayas",
    "negros-island",
    "central-visayas",
    "eastern-visayas",
    "zamboanga",
    "northern-mindanao",
    "davao",
    "soccsksargen",
    "caraga",
    "barmm",
}
LEAST_HOURLY_PAY = 11_000
LINE_ENDS = "\u2028\u2029"
MANY_LINES = {"cover_letter", "text"}


def read(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


ORGANIZATIONS = read("organizations")
PROJECTS = read("projects")
PEOPLE = read("people")
LETTERS = read("letters")
LIFE = read("life")
PROJECT = {project["slug"]: project for project in PROJECTS}
PERSON = {person["email"]: person for person in PEOPLE}
APPLICATIONS = [(letter["email"], letter["project"]) for letter in LETTERS] + [
    (LIFE["applicant"], LIFE["project"])
]


def texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from texts(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, key)
    elif isinstance(value, str):
        yield key, value


def labels() -> set[str]:
    return {skill["label"] for record in PROJECTS + PEOPLE for skill in record["skills"]}


def must_haves(project: dict[str, Any]) -> set[str]:
    return {skill["label"] for skill in project["skills"] if skill["must_have"]}


def suits(person: dict[str, Any], project: dict[str, Any]) -> bool:
    return (
        must_haves(project) <= {skill["label"] for skill in person["skills"]}
        and person["weekly_hours"] * project["weeks"] >= project["hours"]
        and person["minimum_hourly_pay_centavos"] * project["hours"] <= project["fee_centavos"]
        and ((project["remote"] and person["remote"]) or person["region"] == project["region"])
        and project["language"] in person["languages"]
    )


def sentences(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"(?<=[.!?])\s+", text) if part.strip()]


def test_there_is_enough_of_everything():
    assert len(ORGANIZATIONS) >= 44
    assert len(PROJECTS) >= 130
    assert len(PEOPLE) >= 420
    assert len(LETTERS) >= 30
    assert len(labels()) >= 120


def test_every_region_and_industry_is_present():
    assert {person["region"] for person in PEOPLE} == REGIONS
    assert {organization["region"] for organization in ORGANIZATIONS} == REGIONS
    assert {project["industry"] for project in PROJECTS} == INDUSTRIES


def test_no_slug_address_or_application_comes_twice():
    for values in (
        [organization["slug"] for organization in ORGANIZATIONS],
        [project["slug"] for project in PROJECTS],
        [person["email"] for person in PEOPLE]
        + [organization["contact"]["email"] for organization in ORGANIZATIONS],
        APPLICATIONS,
    ):
        assert [value for value, times in Counter(values).items() if times > 1] == []


def test_every_reference_leads_somewhere():
    organizations = {organization["slug"] for organization in ORGANIZATIONS}

    assert {project["organization"] for project in PROJECTS} == organizations
    assert all(email in PERSON and project in PROJECT for email, project in APPLICATIONS)
    assert PROJECT[LIFE["project"]]["organization"] == LIFE["organization"]


def test_every_industry_and_region_is_one_of_the_known():
    for record in ORGANIZATIONS + PROJECTS:
        assert record["industry"] in INDUSTRIES
        assert record["region"] in REGIONS
    for person in PEOPLE:
        assert set(person["interests"]) <= INDUSTRIES


def test_every_address_is_reserved_for_examples():
    addresses = [person["email"] for person in PEOPLE]
    addresses += [organization["contact"]["email"] for organization in ORGANIZATIONS]

    assert all(re.fullmatch(r"[a-z.]+@[a-z0-9-]+\.example", address) for address in addresses)
    assert all(
        re.fullmatch(r"https://[a-z0-9-]+\.example", organization["website"])
        for organization in ORGANIZATIONS
    )


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project["slug"])
def test_a_project_can_be_posted_as_it_stands(project):
    assert len(project["title"]) <= 120
    assert len(project["summary"]) <= 240
    assert len(project["description"]) <= 4000
    assert 3 <= len(sentences(project["description"])) <= 6
    assert 10 <= project["hours"] <= 60
    assert 1 <= project["weeks"] <= 6
    assert 1 <= project["seats"] <= 3
    assert project["fee_centavos"] >= LEAST_HOURLY_PAY * project["hours"]
    assert project["language"] in project["languages"]
    assert set(project["languages"]) <= {"fil", "en"}
    assert 2 <= len(project["criteria"]) <= 5
    assert all(len(criterion) <= 240 for criterion in project["criteria"])
    assert 3 <= len(project["skills"]) <= 6
    assert must_haves(project)


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project["slug"])
def test_milestones_share_the_whole_fee_within_the_weeks(project):
    milestones = project["milestones"]
    days = [milestone["due_days"] for milestone in milestones]

    assert 1 <= len(milestones) <= 3
    assert sum(milestone["share"] for milestone in milestones) == 100
    assert all(project["fee_centavos"] * milestone["share"] % 100 == 0 for milestone in milestones)
    assert days == sorted(set(days))
    assert days[-1] <= project["weeks"] * 7


def test_every_project_suits_somebody():
    alone = [
        project["slug"]
        for project in PROJECTS
        if not any(suits(person, project) for person in PEOPLE)
    ]

    assert alone == []


def test_every_profile_can_be_saved_as_it_stands():
    for person in PEOPLE:
        assert person["locale"] in {"fil", "en"}
        assert set(person["languages"]) <= {"fil", "en"}
        assert person["locale"] in person["languages"]
        assert len(person["headline"]) <= 120
        assert 1 <= len(sentences(person["about"])) <= 3
        assert 5 <= person["weekly_hours"] <= 40
        assert 4 <= len(person["skills"]) <= 9
        assert all(1 <= skill["level"] <= 5 for skill in person["skills"])


def test_nobody_names_a_skill_twice():
    for record in PROJECTS + PEOPLE:
        named = [skill["label"] for skill in record["skills"]]
        assert len(named) == len(set(named))


def test_every_letter_comes_from_somebody_who_can_do_the_work():
    unable = [
        application
        for application in APPLICATIONS
        if not suits(PERSON[application[0]], PROJECT[application[1]])
    ]

    assert unable == []


def test_letters_are_neither_notes_nor_novels():
    for letter in [*LETTERS, LIFE]:
        assert 60 <= len(letter["cover_letter"].split()) <= 180
        assert len(letter["cover_letter"]) <= 4000


def test_the_exemplary_life_delivers_and_reviews_every_milestone():
    project = PROJECT[LIFE["project"]]
    delivered = [deliverable["milestone"] for deliverable in LIFE["deliverables"]]

    assert delivered == list(range(len(project["milestones"])))
    assert len(LIFE["review"]) == len(delivered)
    assert set(LIFE["deliverables"][-1]["criteria_met"]) == set(range(len(project["criteria"])))
    assert set(LIFE["attested_skills"]) <= {skill["label"] for skill in project["skills"]}
    assert all(1 <= LIFE["feedback"][side]["rating"] <= 5 for side in ("applicant", "employer"))
    assert {check_in["mood"] for check_in in LIFE["check_ins"]} <= {"fine", "slow", "stuck"}


def test_one_line_texts_hold_no_control_characters():
    for key, text in texts([ORGANIZATIONS, PROJECTS, PEOPLE, LETTERS, LIFE]):
        allowed = "\n" if key in MANY_LINES else ""
        strange = [
            character
            for character in text
            if character not in allowed
            and (unicodedata.category(character) == "Cc" or character in LINE_ENDS)
        ]
        assert strange == [], text
        assert text.strip(), key


def test_no_sentence_is_a_template():
    said = Counter(
        sentence
        for text in [
            *(person["about"] for person in PEOPLE),
            *(project["description"] for project in PROJECTS),
            *(organization["about"] for organization in ORGANIZATIONS),
            *(letter["cover_letter"] for letter in LETTERS),
        ]
        for sentence in sentences(text)
        if not sentence.endswith("!") and not sentence.startswith(("Dear", "Magandang"))
    )

    assert [sentence for sentence, times in said.items() if times > 2] == []


def test_every_skill_is_known_to_the_taxonomy():
    try:
        taxonomy = importlib.import_module("shared.skills").load()
    except ModuleNotFoundError:
        pytest.skip("shared.skills is not here yet: the labels cannot be looked up.")

    known = {label: taxonomy.identify(label) for label in labels()}

    assert [label for label, skill in known.items() if skill is None or skill.label != label] == []
