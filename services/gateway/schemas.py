"""What crosses the wire: requests refuse what they do not know, answers are plain."""

import re
import unicodedata
from datetime import date
from typing import Annotated, Generic, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

V = TypeVar("V")

# What a mail header, a log line or PostgreSQL would refuse later is refused here.
LINE_BREAKS = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
KEPT_IN_TEXT = frozenset("\n\t")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


class View(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class Page(View, Generic[V]):
    """`next` is the cursor of the following page, or null on the last one."""

    items: list[V]
    next: str | None


def one_line(text: str) -> str:
    if text.isprintable():  # as most are, and asked at once
        return text
    for character in text:
        if character in LINE_BREAKS or character in BIDI_CONTROLS or _is_control(character):
            raise ValueError(f"must be one line of plain text, without U+{ord(character):04X}")
    return text


def many_lines(text: str) -> str:
    text = text.replace("\r\n", "\n")
    if text.replace("\n", "").isprintable():
        return text
    for character in text:
        if character in BIDI_CONTROLS or (_is_control(character) and character not in KEPT_IN_TEXT):
            raise ValueError(f"must be plain text, without U+{ord(character):04X}")
    return text


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}


def shaped(pattern: str, says: str) -> AfterValidator:
    """A pattern that is refused in words."""
    found = re.compile(pattern.removesuffix("$"), re.ASCII)

    def check(text: str) -> str:
        if not found.fullmatch(text):
            raise ValueError(says)
        return text

    return AfterValidator(check)


def a_day(text: str) -> str:
    """A number would else be seconds since 1970."""
    if not DAY.fullmatch(text):
        raise ValueError("must be a day such as 2026-06-30")
    return text


def line(longest: int, *, shortest: int = 1) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=shortest, max_length=longest)


# Of an address, where everything is text.
Day = Annotated[date, Field(strict=False), BeforeValidator(a_day)]
Line80 = Annotated[str, line(80), AfterValidator(one_line)]
Line120 = Annotated[str, line(120), AfterValidator(one_line)]
Line240 = Annotated[str, line(240), AfterValidator(one_line)]
OptionalLine120 = Annotated[str, line(120, shortest=0), AfterValidator(one_line)]
Text500 = Annotated[str, line(500), AfterValidator(many_lines)]
Text4000 = Annotated[str, line(4000), AfterValidator(many_lines)]
OptionalText4000 = Annotated[str, line(4000, shortest=0), AfterValidator(many_lines)]
SLUG = r"^[a-z0-9-]{1,40}$"
REASON = r"^[a-z_]{1,40}$"
SKILL = r"^[A-Za-z0-9._-]{1,80}$"
Slug = Annotated[
    str,
    shaped(SLUG, "must be 1 to 40 small letters, digits and hyphens, such as education"),
    WithJsonSchema({"type": "string", "pattern": SLUG}),
]
ReasonCode = Annotated[
    str,
    shaped(REASON, "must be 1 to 40 small letters and underscores, such as no_time"),
    WithJsonSchema({"type": "string", "pattern": REASON}),
]
SkillId = Annotated[
    str,
    shaped(SKILL, "must be a skill's id, as GET /v1/skills?q= gives it"),
    WithJsonSchema({"type": "string", "pattern": SKILL}),
]
