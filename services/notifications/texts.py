"""The words of every notice: one file per area and language, which a translator edits."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from services.notifications.audience import Reminded, Role
from shared.events.base import Event
from shared.events.freezes import FreezeEvent

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
    """What is the same in every notice of a language. `parts_of_day` are known by the hour in which
    they begin."""

    locale: str
    greeting: str
    farewell: str
    footer: str
    reason: str
    moment: str
    parts_of_day: Mapping[str, str]
    missing: Mapping[str, str]
    changes: Mapping[str, str]
    reasons: Mapping[str, str]


def template_of(event: Event, role: Role, locale: str) -> Template:
    return templates(locale)[key(event), role]


def key(event: Event) -> str:
    """The name without version; of a reminder also what it reminds of, of a freeze whom it helps."""
    name = event.name.rpartition(".")[0]
    if isinstance(event, Reminded):
        return f"{name}.{event.timer}"
    return f"{name}.{event.scope}" if isinstance(event, FreezeEvent) else name


@cache
def words(locale: str) -> Words:
    return Words(locale=locale, **_read(TEMPLATES / f"words.{locale}.toml"))


@cache
def templates(locale: str) -> Mapping[tuple[str, Role], Template]:
    return {
        (event, Role(role)): Template(**texts)
        for path in sorted((TEMPLATES / "events").glob(f"*.{locale}.toml"))
        for event, roles in _read(path).items()
        for role, texts in roles.items()
    }


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))
