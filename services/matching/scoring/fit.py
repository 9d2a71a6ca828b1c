"""How well a project and a person fit. Pure: the same values always give the same record.

Gates come first and are never weighed against skills. What stands behind the gates is a weighted
sum, so that every point can be shown. Only the part of skills rests on measurements; its
weight against interest is judgement until there are outcomes to learn from.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import fsum, log1p
from typing import TypedDict
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Profile:
    person_id: UUID
    version: int
    skills: frozenset[str]
    region: str
    remote: bool
    weekly_hours: int
    minimum_hourly_pay: int
    languages: frozenset[str]
    interests: frozenset[str]


@dataclass(frozen=True, slots=True)
class Project:
    project_id: UUID
    version: int
    required: frozenset[str]
    must_have: frozenset[str]
    region: str
    remote: bool
    hours: int
    weeks: int
    hourly_pay: int
    languages: frozenset[str]
    industry: str
    is_open: bool

    def __post_init__(self) -> None:
        if self.weeks < 1 or self.hours < 1:
            raise ValueError("A project lasts at least one week and one hour.")


@dataclass(frozen=True, slots=True)
class Rarity:
    """What a skill weighs: the fewer lists name it, the more it tells."""

    weights: Mapping[str, float]
    unseen: float
    typical: float

    @classmethod
    def of(cls, frequencies: Mapping[str, int], total: int) -> "Rarity":
        """Count in how many of `total` lists each skill is named."""
        weights = {skill: log1p((total + 1) / (count + 1)) for skill, count in frequencies.items()}
        unseen = log1p(total + 1)
        named = sum(frequencies.values())
        typical = fsum(frequencies[skill] * weight for skill, weight in weights.items())
        return cls(weights, unseen, typical / named if named else unseen)

    def __getitem__(self, skill: str) -> float:
        return self.weights.get(skill, self.unseen)


@dataclass(frozen=True, slots=True)
class Weights:
    version: str
    skills: float
    interest: float


WEIGHTS = Weights(version="1", skills=0.8, interest=0.2)

# who has named no interests yet sits in the middle, neither favoured nor set back
UNKNOWN_INTEREST = 0.5


class Gate(TypedDict):
    name: str
    passed: bool
    project: float | list[str] | str
    person: float | list[str] | str | None


class Part(TypedDict):
    name: str
    weight: float
    value: float
    points: float


class WeighedSkill(TypedDict):
    skill: str
    idf: float


class Counterfactual(TypedDict):
    with_skill: str
    score: float


class Versions(TypedDict):
    scorer: str
    taxonomy: str
    profile: int
    project: int


class Explanation(TypedDict):
    """JSON-able, and enough to tell the person and to check the figure."""

    score: float
    passed: bool
    gates: list[Gate]
    parts: list[Part]
    matched: list[WeighedSkill]
    missing: list[WeighedSkill]
    typical_idf: float
    counterfactual: Counterfactual | None
    versions: Versions


@dataclass(frozen=True, slots=True)
class Match:
    project_id: UUID
    person_id: UUID
    passed: bool
    score: float
    explanation: Explanation


def score(
    project: Project,
    profile: Profile,
    rarity: Rarity,
    *,
    taxonomy_version: str,
    weights: Weights = WEIGHTS,
) -> Match:
    """A closed gate leaves no points; the values still tell what the fit would be."""
    asked = project.required | project.must_have
    matched = _weigh(asked & profile.skills, rarity)
    missing = _weigh(asked - profile.skills, rarity)
    gates = check_gates(project, profile)
    passed = all(gate["passed"] for gate in gates)
    coverage = _coverage(matched, missing, rarity)
    parts = _parts(coverage, _interest(project, profile), weights, counts=passed)
    points = fsum(part["points"] for part in parts)
    explanation: Explanation = {
        "score": points,
        "passed": passed,
        "gates": gates,
        "parts": parts,
        "matched": matched,
        "missing": missing,
        "typical_idf": rarity.typical,
        "counterfactual": None,
        "versions": {
            "scorer": weights.version,
            "taxonomy": taxonomy_version,
            "profile": profile.version,
            "project": project.version,
        },
    }
    explanation["counterfactual"] = _counterfactual(explanation, project, rarity, weights)
    return Match(project.project_id, profile.person_id, passed, points, explanation)


def check_gates(project: Project, profile: Profile) -> list[Gate]:
    return [_open(project), _must_have(project, profile), *_terms(project, profile)]


def _open(project: Project) -> Gate:
    return {"name": "open", "passed": project.is_open, "project": project.is_open, "person": None}


def _must_have(project: Project, profile: Profile) -> Gate:
    held = project.must_have & profile.skills
    return {
        "name": "must_have",
        "passed": held == project.must_have,
        "project": sorted(project.must_have),
        "person": sorted(held),
    }


def _terms(project: Project, profile: Profile) -> list[Gate]:
    return [
        {
            "name": "hours",
            "passed": project.hours <= profile.weekly_hours * project.weeks,
            "project": project.hours / project.weeks,
            "person": profile.weekly_hours,
        },
        {
            "name": "pay",
            "passed": project.hourly_pay >= profile.minimum_hourly_pay,
            "project": project.hourly_pay,
            "person": profile.minimum_hourly_pay,
        },
        _language(project, profile),
        _place(project, profile),
    ]


def _language(project: Project, profile: Profile) -> Gate:
    """A project that names no language asks for none."""
    return {
        "name": "language",
        "passed": not project.languages or not project.languages.isdisjoint(profile.languages),
        "project": sorted(project.languages),
        "person": sorted(profile.languages),
    }


def _place(project: Project, profile: Profile) -> Gate:
    return {
        "name": "place",
        "passed": (project.remote and profile.remote) or project.region == profile.region,
        "project": "remote" if project.remote else project.region,
        "person": profile.region,
    }


def _weigh(skills: Collection[str], rarity: Rarity) -> list[WeighedSkill]:
    return [{"skill": skill, "idf": rarity[skill]} for skill in sorted(skills)]


def _coverage(matched: list[WeighedSkill], missing: list[WeighedSkill], rarity: Rarity) -> float:
    """One typical skill more than asked, so that a project of two skills does not win by default."""
    held = [skill["idf"] for skill in matched]
    lacking = [skill["idf"] for skill in missing]
    return fsum(held) / fsum([*held, *lacking, rarity.typical])


def _interest(project: Project, profile: Profile) -> float:
    if not profile.interests:
        return UNKNOWN_INTEREST
    return 1.0 if project.industry in profile.interests else 0.0


def _parts(coverage: float, interest: float, weights: Weights, *, counts: bool) -> list[Part]:
    return [
        _part("skills", weights.skills, coverage, counts=counts),
        _part("interest", weights.interest, interest, counts=counts),
    ]


def _part(name: str, weight: float, value: float, *, counts: bool) -> Part:
    points = weight * value if counts else 0.0
    return {"name": name, "weight": weight, "value": value, "points": points}


def _counterfactual(
    explanation: Explanation, project: Project, rarity: Rarity, weights: Weights
) -> Counterfactual | None:
    """What the most telling missing skill would bring; None where no single skill helps."""
    learned = _worth_learning(explanation, project)
    if learned is None:
        return None
    matched = [*explanation["matched"], learned]
    missing = [skill for skill in explanation["missing"] if skill is not learned]
    interest = explanation["parts"][1]["value"]
    parts = _parts(_coverage(matched, missing, rarity), interest, weights, counts=True)
    return {"with_skill": learned["skill"], "score": fsum(part["points"] for part in parts)}


def _worth_learning(explanation: Explanation, project: Project) -> WeighedSkill | None:
    missing = explanation["missing"]
    closed = [gate["name"] for gate in explanation["gates"] if not gate["passed"]]
    if closed == ["must_have"]:
        needed = [skill for skill in missing if skill["skill"] in project.must_have]
        return needed[0] if len(needed) == 1 else None
    return None if closed else max(missing, key=lambda skill: skill["idf"], default=None)
