from collections.abc import Iterable

from shared import skills
from shared.errors import Invalid


def check_known(ids: Iterable[str]) -> None:
    known = skills.load()
    unknown = [skill for skill in ids if known.get(skill) is None]
    if unknown:
        raise Invalid(
            f"Not a skill we know: {', '.join(unknown[:5])}. Ask GET /v1/skills?q= for ids.",
            unknown=unknown,
        )


def labels(ids: Iterable[str]) -> dict[str, str]:
    known = skills.load()
    return {skill: found.label for skill in ids if (found := known.get(skill))}
