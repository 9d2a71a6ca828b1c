"""What happened, in words: one file per language, which a translator edits."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
LOCALES = ("fil", "en")
# Browsers of the Philippines name the language either way.
SAME_LANGUAGE = {"tl": "fil"}


def sentence(event_name: str, locale: str) -> str:
    record, happened, _version = event_name.split(".")
    return _sentences(locale)[record][happened]


@cache
def _sentences(locale: str) -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((FOLDER / f"words.{locale}.toml").read_text("utf-8"))


def preferred(accept_language: str, own: str) -> str:
    """The first language of the header that there are words in, else the person's own."""
    asked = sorted(map(_weighed, accept_language.split(",")), key=lambda each: -each[1])
    return next((locale for locale, weight in asked if locale in LOCALES and weight > 0), own)


def _weighed(part: str) -> tuple[str, float]:
    tag, _, weight = part.partition(";")
    language = tag.strip().lower().partition("-")[0]
    try:
        found = float(weight.strip().removeprefix("q=") or 1)
    except ValueError:
        found = 0.0
    return SAME_LANGUAGE.get(language, language), found
