"""Of all pairs, those worth keeping."""

from collections.abc import AsyncIterator, Iterable, Mapping
from uuid import UUID

from services.matching.scoring import Match, Profile, Project, Rarity, score
from shared import skills

KEPT = 200


def judge(project: Project, profile: Profile, rarity: Rarity) -> Match:
    return score(project, profile, rarity, taxonomy_version=skills.load().version)


def is_useful(match: Match) -> bool:
    """Passed, and with a skill in common where any is asked for."""
    explanation = match.explanation
    return match.passed and bool(explanation["matched"] or not explanation["missing"])


def foremost(matches: Iterable[Match]) -> list[Match]:
    """The best first, alike ones in the order of their ids."""
    return sorted(matches, key=lambda match: (-match.score, match.person_id))[:KEPT]


async def choose_people(
    project: Project, people: AsyncIterator[Profile], rarity: Rarity
) -> list[Match]:
    best: list[Match] = []
    async for person in people:
        match = judge(project, person, rarity)
        if is_useful(match):
            best.append(match)
        if len(best) == 2 * KEPT:
            best = foremost(best)
    return foremost(best)


async def choose_projects(
    person: Profile,
    projects: AsyncIterator[Project],
    rarity: Rarity,
    floors: Mapping[UUID, float],
) -> list[Match]:
    """Without those that a full list would not keep."""
    matches = [judge(project, person, rarity) async for project in projects]
    return [
        match
        for match in matches
        if is_useful(match) and match.score >= floors.get(match.project_id, 0.0)
    ]
