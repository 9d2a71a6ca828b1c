import json
from dataclasses import fields, replace
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.matching.scoring import (
    WEIGHTS,
    Match,
    Profile,
    Project,
    Rarity,
    Weights,
    in_words,
    score,
)

SKILLS = [f"skill-{number}" for number in range(12)]
EQUAL = Rarity.of({}, total=0)
RARITY = Rarity.of({skill: 3 * number for number, skill in enumerate(SKILLS[:10])}, total=40)

PROFILE = Profile(
    person_id=UUID(int=1),
    version=4,
    skills=frozenset({"sewing", "drawing"}),
    region="PH-00",
    remote=True,
    weekly_hours=15,
    minimum_hourly_pay=75_00,
    languages=frozenset({"fil", "en"}),
    interests=frozenset({"fashion"}),
)
PROJECT = Project(
    project_id=UUID(int=2),
    version=7,
    required=frozenset({"sewing", "drawing", "photography"}),
    must_have=frozenset({"sewing"}),
    region="PH-07",
    remote=True,
    hours=40,
    weeks=4,
    hourly_pay=100_00,
    languages=frozenset({"fil"}),
    industry="fashion",
    is_open=True,
)
CLOSED = {
    "open": {"is_open": False},
    "must_have": {"must_have": frozenset({"welding"})},
    "hours": {"hours": 61},
    "pay": {"hourly_pay": 74_99},
    "language": {"languages": frozenset({"ceb"})},
    "place": {"remote": False},
}

skills = st.frozensets(st.sampled_from(SKILLS))
codes = st.frozensets(st.sampled_from(["en", "fil", "ceb"]))
regions = st.sampled_from(["PH-00", "PH-07"])
industries = st.sampled_from(["fashion", "media", "food"])
profiles = st.builds(
    Profile,
    person_id=st.uuids(),
    version=st.integers(1, 9),
    skills=skills,
    region=regions,
    remote=st.booleans(),
    weekly_hours=st.integers(1, 60),
    minimum_hourly_pay=st.integers(0, 300_00),
    languages=codes,
    interests=st.frozensets(industries),
)
projects = st.builds(
    Project,
    project_id=st.uuids(),
    version=st.integers(1, 9),
    required=skills,
    must_have=st.frozensets(st.sampled_from(SKILLS), max_size=2),
    region=regions,
    remote=st.booleans(),
    hours=st.integers(1, 200),
    weeks=st.integers(1, 12),
    hourly_pay=st.integers(0, 300_00),
    languages=codes,
    industry=industries,
    is_open=st.sampled_from([True, True, True, False]),
)


def matched(project: Project, profile: Profile, rarity: Rarity = RARITY) -> Match:
    return score(project, profile, rarity, taxonomy_version="esco-1")


def told(project: Project, profile: Profile, language: str) -> str:
    return in_words(matched(project, profile, EQUAL).explanation, str.title, language)


def welcoming(project: Project, profile: Profile) -> Project:
    """The same project with nothing but its skills in the way."""
    return replace(
        project,
        region=profile.region,
        hours=1,
        weeks=12,
        hourly_pay=300_00,
        languages=profile.languages,
        is_open=True,
    )


def part(match: Match, name: str) -> float:
    return next(part["value"] for part in match.explanation["parts"] if part["name"] == name)


@given(projects, profiles)
def test_the_parts_add_up_to_the_score(project, profile):
    match = matched(project, profile)

    points = sum(part["points"] for part in match.explanation["parts"])
    assert abs(points - match.score) < 1e-6
    assert 0.0 <= match.score <= 1.0


@given(projects, profiles)
def test_the_skill_part_can_be_reckoned_again_from_the_record_alone(project, profile):
    match = matched(project, profile)

    held, lacking = (
        sum(skill["idf"] for skill in match.explanation[side]) for side in ("matched", "missing")
    )
    again = held / (held + lacking + match.explanation["typical_idf"])
    assert part(match, "skills") == pytest.approx(again)


@given(projects, profiles)
def test_a_closed_gate_leaves_no_match_and_no_points(project, profile):
    match = matched(project, profile)

    assert match.passed == all(gate["passed"] for gate in match.explanation["gates"])
    assert match.passed or match.score == 0.0


@given(projects, profiles, st.sampled_from(SKILLS))
def test_learning_a_skill_never_lowers_the_skill_part_nor_the_score(project, profile, skill):
    before = matched(project, profile)

    after = matched(project, replace(profile, skills=profile.skills | {skill}))

    assert part(after, "skills") >= part(before, "skills")
    assert after.score >= before.score


@given(projects, profiles)
def test_learning_an_asked_skill_always_raises_the_skill_part(project, profile):
    asked = sorted((project.required | project.must_have) - profile.skills)
    assume(asked)

    after = matched(project, replace(profile, skills=profile.skills | {asked[0]}))

    assert part(after, "skills") > part(matched(project, profile), "skills")


@given(projects, profiles, st.randoms(use_true_random=False))
def test_the_order_in_which_skills_are_told_changes_nothing(project, profile, shuffler):
    def shuffled(values: frozenset[str]) -> frozenset[str]:
        return frozenset(shuffler.sample(sorted(values), len(values)))

    project_again = replace(project, required=shuffled(project.required))
    profile_again = replace(profile, skills=shuffled(profile.skills))

    assert matched(project_again, profile_again) == matched(project, profile)


@given(projects, profiles)
def test_what_a_skill_would_bring_is_what_it_brings(project, profile):
    project = welcoming(project, profile)
    promised = matched(project, profile).explanation["counterfactual"]
    assume(promised is not None)

    learned = replace(profile, skills=profile.skills | {promised["with_skill"]})

    assert matched(project, learned).score == promised["score"]
    assert promised["score"] > matched(project, profile).score


@given(projects, profiles)
def test_an_open_project_always_tells_what_to_learn_next(project, profile):
    project = replace(welcoming(project, profile), must_have=frozenset())

    promised = matched(project, profile).explanation["counterfactual"]

    assert (promised is None) == (project.required <= profile.skills)


@given(projects, profiles, st.uuids(), st.uuids())
def test_who_they_are_changes_nothing(project, profile, project_id, person_id):
    other = matched(replace(project, project_id=project_id), replace(profile, person_id=person_id))

    assert other.explanation == matched(project, profile).explanation


@given(projects, profiles)
def test_every_explanation_survives_json_and_can_be_told(project, profile):
    explanation = matched(project, profile).explanation

    assert json.loads(json.dumps(explanation)) == explanation
    assert in_words(explanation, str, "en").endswith(".")
    assert in_words(explanation, str, "fil").endswith(".")


def test_nothing_is_known_but_terms_skills_and_interests():
    known = {field.name for field in (*fields(Profile), *fields(Project))}

    assert known == {
        *("person_id", "project_id", "version", "skills", "required", "must_have", "region"),
        *("remote", "weekly_hours", "hours", "weeks", "minimum_hourly_pay", "hourly_pay"),
        *("languages", "interests", "industry", "is_open"),
    }


@pytest.mark.parametrize("name", CLOSED)
def test_each_gate_closes_alone_and_shows_both_sides(name):
    match = matched(replace(PROJECT, **CLOSED[name]), PROFILE)

    closed = [gate for gate in match.explanation["gates"] if not gate["passed"]]
    assert [gate["name"] for gate in closed] == [name]
    assert closed[0]["project"] != closed[0]["person"]


def test_gates_at_the_very_limit_are_open():
    project = replace(PROJECT, hours=60, hourly_pay=75_00, remote=False, region="PH-00")

    assert matched(project, PROFILE).passed


def test_a_rare_skill_counts_for_more_than_a_common_one():
    rare = replace(PROFILE, skills=frozenset({"skill-0"}))
    common = replace(PROFILE, skills=frozenset({"skill-9"}))
    project = replace(PROJECT, required=frozenset({"skill-0", "skill-9"}), must_have=frozenset())

    assert matched(project, rare).score > matched(project, common).score


def test_a_project_of_one_skill_does_not_win_by_default():
    known = frozenset(SKILLS[:5])
    small = replace(PROJECT, required=frozenset(SKILLS[:1]), must_have=frozenset())
    large = replace(PROJECT, required=known, must_have=frozenset())
    profile = replace(PROFILE, skills=known)

    assert matched(large, profile).score > matched(small, profile).score


def test_who_named_no_interests_is_neither_favoured_nor_set_back():
    liked, unknown, other = (
        matched(PROJECT, replace(PROFILE, interests=frozenset(interests))).score
        for interests in (["fashion"], [], ["food"])
    )

    assert liked > unknown > other
    assert unknown == pytest.approx((liked + other) / 2)


def test_the_explanation_names_every_version_it_rests_on():
    match = score(
        PROJECT, PROFILE, RARITY, taxonomy_version="esco-1", weights=Weights("trial", 0.5, 0.5)
    )

    assert match.explanation["versions"] == {
        "scorer": "trial",
        "taxonomy": "esco-1",
        "profile": 4,
        "project": 7,
    }


def test_the_weights_add_up_to_one():
    assert WEIGHTS.skills + WEIGHTS.interest == pytest.approx(1.0)


def test_where_nothing_was_counted_yet_all_skills_weigh_the_same():
    match = matched(PROJECT, PROFILE, EQUAL)

    assert part(match, "skills") == pytest.approx(2 / 4)


def test_a_project_without_weeks_is_refused():
    with pytest.raises(ValueError, match="at least one week"):
        replace(PROJECT, weeks=0)


def test_a_fit_is_told_in_english():
    words = told(PROJECT, PROFILE, "en")

    assert words == (
        "This project fits you at 60 of 100: "
        "you have 2 of the 3 skills it asks for (Drawing and Sewing). "
        "It is in a field you like. "
        "With Photography it would be 80."
    )


def test_a_fit_is_told_in_filipino():
    words = told(PROJECT, PROFILE, "fil")

    assert words == (
        "60 sa 100 ang tugma mo sa proyektong ito: "
        "taglay mo na ang 2 sa 3 kasanayang hinahanap nito (Drawing at Sewing). "
        "Pasok din ito sa larangang gusto mo. "
        "Kung matututuhan mo ang Photography, aakyat ito sa 80."
    )


def test_a_refusal_gives_its_reasons_in_both_languages():
    project = replace(PROJECT, hours=61, hourly_pay=60_50)

    english, filipino = (told(project, PROFILE, language) for language in ("en", "fil"))

    assert english == (
        "This project does not suit you for now: "
        "it takes 15.3 hours a week and you have 15; "
        "it pays ₱60.50 an hour and your minimum is ₱75."
    )
    assert filipino == (
        "Hindi pa bagay sa iyo ang proyektong ito sa ngayon: "
        "15.3 oras kada linggo ang kailangan nito, pero 15 lang ang kaya mo; "
        "₱60.50 kada oras ang bayad, pero ₱75 ang pinakamababang tinatanggap mo."
    )


def test_one_lacking_must_have_is_what_opens_the_project():
    project = replace(PROJECT, must_have=frozenset({"photography"}))

    words = told(project, PROFILE, "en")

    assert words == (
        "This project does not suit you for now: "
        "it cannot be done without Photography, which is not in your profile yet. "
        "With Photography it would fit you at 80 of 100."
    )


def test_many_skills_are_told_by_the_most_telling_three():
    known = frozenset(SKILLS[:5])
    project = replace(PROJECT, required=known, must_have=frozenset())

    words = told(project, replace(PROFILE, skills=known), "en")

    assert "all 5 skills it asks for (Skill-0, Skill-1, Skill-2 and 2 more)" in words
