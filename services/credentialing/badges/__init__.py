"""The achievements as data. A published version never changes: add the next one beside it."""

import hashlib
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from services.credentialing.awards import Achievement, Language, Requires, ResultKind, Wording
from shared.errors import Invalid, NotFound

FOLDER = Path(__file__).parent


@cache
def achievements(folder: Path = FOLDER) -> tuple[Achievement, ...]:
    return tuple(_read(path) for path in sorted(folder.glob("*.toml")))


def offered(*, sandbox: bool) -> tuple[Achievement, ...]:
    return tuple(each.sandbox if sandbox else each for each in achievements())


def achievement(slug: str, version: int) -> Achievement:
    for each in achievements():
        if (each.slug, each.version) == (slug, version):
            return each
    raise NotFound("There is no such achievement.")


def _read(path: Path) -> Achievement:
    stated = tomllib.loads(path.read_text(encoding="utf-8"))
    if path.stem != f"{stated['slug']}-v{stated['version']}":
        raise Invalid(f"{path.name} should be named by its slug and version.")
    return Achievement(
        slug=stated["slug"],
        version=stated["version"],
        type=stated["type"],
        tags=tuple(stated["tags"]),
        image=_image(path.parent / stated["image"]["file"], stated["image"]["sha256"]),
        requires=Requires(**stated["requires"]),
        wording={language: Wording(**stated["wording"][language]) for language in Language},
        results=tuple(_result(each) for each in stated["result"]),
    )


def _image(path: Path, sha256: str) -> bytes:
    image = path.read_bytes()
    if hashlib.sha256(image).hexdigest() != sha256:
        raise Invalid(f"{path.name} changed under a published badge; make a new version instead.")
    return image


def _result(stated: dict[str, Any]) -> ResultKind:
    return ResultKind(
        key=stated["key"],
        type=stated["type"],
        names={language: stated["name"][language] for language in Language},
        allowed=tuple(stated.get("allowed", ())),
    )
