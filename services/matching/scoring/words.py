"""An explanation told to the person it is about, in two or three sentences."""

from collections.abc import Callable
from math import ceil
from typing import Any, Literal

from services.matching.scoring.fit import Explanation, Gate, WeighedSkill

Language = Literal["en", "fil"]
Labels = Callable[[str], str]

_NAMED = 3

_PHRASES: dict[Language, dict[str, str]] = {
    "en": {
        "fit": "This project fits you at {points} of 100: {skills}.",
        "none_asked": "it asks for no particular skill",
        "has_one": "you have the skill it asks for ({named})",
        "has_all": "you have all {asked} skills it asks for ({named})",
        "has_some": "you have {held} of the {asked} skills it asks for ({named})",
        "lacks_one": "the skill it asks for is not in your profile yet",
        "lacks_all": "none of the {asked} skills it asks for is in your profile yet",
        "liked": "It is in a field you like.",
        "not_liked": "It is outside the fields you chose.",
        "learn": "With {skill} it would be {points}.",
        "learn_opens": "With {skill} it would fit you at {points} of 100.",
        "closed": "This project does not suit you for now: {reasons}.",
        "and": "and",
        "more": "{count} more",
        "or": "or",
        "open": "it no longer takes applications",
        "must_have": "it cannot be done without {project}, which is not in your profile yet",
        "hours": "it takes {project} hours a week and you have {person}",
        "pay": "it pays {project} an hour and your minimum is {person}",
        "language": "the work is in {project}, which is not among your languages",
        "place": "it is done on site, outside your region",
        "remote": "it is done remotely, and you do not work remotely",
    },
    "fil": {
        "fit": "{points} sa 100 ang tugma mo sa proyektong ito: {skills}.",
        "none_asked": "wala itong hinihinging partikular na kasanayan",
        "has_one": "taglay mo na ang kasanayang hinahanap nito ({named})",
        "has_all": "taglay mo na ang lahat ng {asked} kasanayang hinahanap nito ({named})",
        "has_some": "taglay mo na ang {held} sa {asked} kasanayang hinahanap nito ({named})",
        "lacks_one": "wala pa sa profile mo ang kasanayang hinahanap nito",
        "lacks_all": "wala pa sa profile mo ang alinman sa {asked} kasanayang hinahanap nito",
        "liked": "Pasok din ito sa larangang gusto mo.",
        "not_liked": "Wala ito sa mga larangang pinili mo.",
        "learn": "Kung matututuhan mo ang {skill}, aakyat ito sa {points}.",
        "learn_opens": "Kung matututuhan mo ang {skill}, magiging {points} sa 100 ang tugma mo rito.",
        "closed": "Hindi pa bagay sa iyo ang proyektong ito sa ngayon: {reasons}.",
        "and": "at",
        "more": "{count} pa",
        "or": "o",
        "open": "hindi na ito tumatanggap ng aplikante",
        "must_have": "kailangang-kailangan dito ang {project}, na wala pa sa profile mo",
        "hours": "{project} oras kada linggo ang kailangan nito, pero {person} lang ang kaya mo",
        "pay": "{project} kada oras ang bayad, pero {person} ang pinakamababang tinatanggap mo",
        "language": "{project} ang gamit na wika rito, na wala sa mga wikang inilista mo",
        "place": "kailangang pumunta sa lugar ng trabaho, na labas sa rehiyon mo",
        "remote": "remote ang trabaho, at hindi ka tumatanggap ng remote",
    },
}

_LANGUAGES: dict[Language, dict[str, str]] = {
    "en": {
        "en": "English",
        "fil": "Filipino",
        "tl": "Filipino",
        "ceb": "Cebuano",
        "ilo": "Ilocano",
    },
    "fil": {"en": "Ingles", "fil": "Filipino", "tl": "Filipino", "ceb": "Bisaya", "ilo": "Ilokano"},
}


def in_words(explanation: Explanation, labels: Labels, language: Language) -> str:
    sentences = _fit if explanation["passed"] else _closed
    return " ".join(sentences(explanation, labels, language))


def _fit(explanation: Explanation, labels: Labels, language: Language) -> list[str]:
    phrases = _PHRASES[language]
    skills = _skills(explanation, labels, language)
    interest = {1.0: [phrases["liked"]], 0.0: [phrases["not_liked"]]}
    return [
        phrases["fit"].format(points=_points(explanation["score"]), skills=skills),
        *interest.get(explanation["parts"][1]["value"], []),
        *_learn(explanation, labels, phrases["learn"]),
    ]


def _closed(explanation: Explanation, labels: Labels, language: Language) -> list[str]:
    phrases = _PHRASES[language]
    reasons = [
        _reason(gate, labels, language) for gate in explanation["gates"] if not gate["passed"]
    ]
    return [
        phrases["closed"].format(reasons="; ".join(reasons)),
        *_learn(explanation, labels, phrases["learn_opens"]),
    ]


def _learn(explanation: Explanation, labels: Labels, phrase: str) -> list[str]:
    learned = explanation["counterfactual"]
    if learned is None:
        return []
    skill = labels(learned["with_skill"])
    return [phrase.format(skill=skill, points=_points(learned["score"]))]


def _skills(explanation: Explanation, labels: Labels, language: Language) -> str:
    held = len(explanation["matched"])
    asked = held + len(explanation["missing"])
    phrase = _PHRASES[language][_kind(held, asked)]
    named = _most_telling(explanation["matched"], labels, language)
    return phrase.format(held=held, asked=asked, named=named)


def _kind(held: int, asked: int) -> str:
    if asked == 0:
        return "none_asked"
    if held == 0:
        return "lacks_one" if asked == 1 else "lacks_all"
    if held == asked:
        return "has_one" if asked == 1 else "has_all"
    return "has_some"


def _most_telling(skills: list[WeighedSkill], labels: Labels, language: Language) -> str:
    phrases = _PHRASES[language]
    rarest = sorted(skills, key=lambda skill: -skill["idf"])
    named = [labels(skill["skill"]) for skill in rarest[:_NAMED]]
    if len(rarest) > _NAMED:
        named.append(phrases["more"].format(count=len(rarest) - _NAMED))
    return _listed(named, phrases["and"])


def _reason(gate: Gate, labels: Labels, language: Language) -> str:
    phrases = _PHRASES[language]
    project: Any = gate["project"]
    person: Any = gate["person"]
    match gate["name"]:
        case "must_have":
            lacking = [labels(skill) for skill in project if skill not in person]
            return phrases["must_have"].format(project=_listed(lacking, phrases["and"]))
        case "hours":
            return phrases["hours"].format(project=_hours(project), person=person)
        case "pay":
            return phrases["pay"].format(project=_pesos(project), person=_pesos(person))
        case "language":
            names = [_LANGUAGES[language].get(code, code) for code in project]
            return phrases["language"].format(project=_listed(names, phrases["or"]))
        case "place" if project == "remote":
            return phrases["remote"]
        case name:
            return phrases[name]


def _listed(names: list[str], conjunction: str) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {conjunction} {names[-1]}"


def _points(score: float) -> int:
    return round(score * 100)


def _hours(weekly: float) -> str:
    """Rounded up, so that what is too much never looks like enough."""
    return f"{ceil(weekly * 10) / 10:g}"


def _pesos(centavos: int) -> str:
    return f"₱{centavos / 100:,.2f}".removesuffix(".00")
