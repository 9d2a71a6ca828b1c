"""The words of every notice: one file per area and language, which a translator edits."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from services.notifications.audience import Role

TEMPLATES = Path(__file__).parent / "templates"
LOCALES = ("fil", "en")


@dataclass(frozen=True)
class Template:
    """Jinja sources: one line, some paragraphs, the words on the button."""

    title: str
    text: str
    action: str


@dataclass(frozen=True)
class Words:
    """What is the same in every notice of a language."""

    greeting: str
    farewell: str
    footer: str
    reason: str
    missing: Mapping[str, str]
    reasons: Mapping[str, str]


def template_of(event_name: str, role: Role, locale: str) -> Template:
    return templates(locale)[event_name.rpartition(".")[0], role]


@cache
def words(locale: str) -> Words:
    return Words(**_read(TEMPLATES / f"words.{locale}.toml"))


@cache
def templates(locale: str) -> Mapping[tuple[str, Role], Template]:
    """By event name without version, and role."""
    return {
        (event, Role(role)): Template(**texts)
        for path in sorted((TEMPLATES / "events").glob(f"*.{locale}.toml"))
        for event, roles in _read(path).items()
        for role, texts in roles.items()
    }


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))
