"""The demo's people, employers, postings and letters, as they are kept and as the API wants them."""

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher.errors import Refused
from shared import skills

DATA = Path(__file__).parent / "data"

Item = dict[str, Any]


@dataclass(frozen=True)
class World:
    organizations: list[Item]
    projects: list[Item]
    people: list[Item]
    letters: list[Item]

    @property
    def last_letter(self) -> Item:
        """Sent when all else is there: whoever finds it finds the whole demo."""
        return self.letters[-1]

    def projects_of(self, organization: Item) -> list[Item]:
        return [item for item in self.projects if item["organization"] == organization["slug"]]


@functools.cache
def world() -> World:
    return World(*(read(name) for name in ("organizations", "projects", "people", "letters")))


def read(name: str) -> Any:
    path = DATA / f"{name}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Refused(f"The demo's {path.name} cannot be read: {error}.") from error


@functools.cache
def skill_id(label: str) -> str:
    known = skills.load()
    named = known.identify(label)
    if named is None:
        found = known.suggest(label, limit=1)
        if not found:
            raise Refused(f"The demo names a skill that the taxonomy does not know: {label}.")
        named = found[0].skill
    return named.id


def organization_body(organization: Item) -> Item:
    return _picked(organization, ("name", "about", "industry", "region", "city", "website"))


def project_body(project: Item) -> Item:
    plain = (
        "title summary description language languages industry region remote hours weeks seats "
        "answer_days criteria"
    )
    wanted = {skill_id(skill["label"]): skill["must_have"] for skill in project["skills"]}
    return _picked(project, plain.split()) | {
        "fee": project["fee_centavos"],
        "skills": [{"skill_id": key, "must_have": must} for key, must in wanted.items()],
        "milestones": _milestones(project),
    }


def _milestones(project: Item) -> list[Item]:
    planned = project["milestones"]
    fees = shared_out(project["fee_centavos"], [milestone["share"] for milestone in planned])
    return [
        _picked(milestone, ("title", "description", "due_days")) | {"fee": fee}
        for milestone, fee in zip(planned, fees, strict=True)
    ]


def shared_out(fee: int, shares: list[int]) -> list[int]:
    """Whole centavos that sum to the fee; the last part takes what rounding leaves."""
    parts = [fee * share // sum(shares) for share in shares[:-1]]
    return [*parts, fee - sum(parts)]


def profile_body(person: Item) -> Item:
    plain = "headline about region city remote weekly_hours languages interests school experience"
    levels = {skill_id(skill["label"]): skill["level"] for skill in person["skills"]}
    return _picked(person, plain.split()) | {
        "minimum_hourly_pay": person["minimum_hourly_pay_centavos"],
        "skills": [{"skill_id": key, "level": level} for key, level in levels.items()],
    }


def _picked(item: Item, names: Iterable[str]) -> Item:
    return {name: item[name] for name in names if name in item}
