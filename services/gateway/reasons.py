"""Why something was refused, ended or asked: a closed list of codes for each command, so that reasons
can be counted, translated and answered. What a person wants to say beyond that is a message."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, create_model
from pydantic_core import core_schema

from services.gateway.schemas import Request

R = TypeVar("R", bound=Request)

_OF_LIFE = ("health", "exams", "family", "calamity")
_OF_THE_INTERN = ("found_other", "no_time", "schedule", "location", "pay", "plans_changed")
_OF_THE_EMPLOYER = ("no_budget", "no_time", "plans_changed", "scope_changed")
_OF_A_BAD_POSTING = ("fraud", "spam", "discrimination", "pay_too_low", "duplicate", "rules")

REASONS: dict[str, tuple[str, ...]] = {
    "project.request_changes": ("unclear", "scope", "pay_too_low", "discrimination", "other"),
    "project.reject": ("not_an_internship", *_OF_A_BAD_POSTING, "other"),
    "project.cancel": (*_OF_THE_EMPLOYER, "position_filled", "calamity", "mistake", "other"),
    "project.suspend": (*_OF_A_BAD_POSTING, "other"),
    "project.remove": (*_OF_A_BAD_POSTING, "other"),
    "application.invite": (
        "skills_fit",
        "experience_fit",
        "interests_fit",
        "schedule_fits",
        "nearby",
        "worked_before",
    ),
    "application.not_select": (
        "skills_not_shown",
        "experience",
        "schedule",
        "location",
        "language",
        "position_filled",
        "incomplete",
        "other",
    ),
    "application.rescind": (*_OF_THE_EMPLOYER, "position_filled", "mistake", "other"),
    "application.withdraw": (*_OF_THE_INTERN, *_OF_LIFE, "hours_taken", "mistake", "other"),
    "application.decline": (*_OF_THE_INTERN, *_OF_LIFE, "hours_taken", "terms", "other"),
    "application.remove": ("spam", "fraud", "misconduct", "rules", "other"),
    "engagement.decline": (
        *_OF_THE_INTERN,
        "terms",
        "no_budget",
        "scope_changed",
        *_OF_LIFE,
        "other",
    ),
    "engagement.cancel": (*_OF_THE_INTERN, "no_budget", "scope_changed", *_OF_LIFE, "other"),
    "engagement.pause": (*_OF_LIFE, "schedule", "other"),
    "engagement.terminate": (
        "mutual",
        *_OF_THE_INTERN,
        "no_budget",
        "scope_changed",
        "quality",
        "silence",
        "misconduct",
        *_OF_LIFE,
        "other",
    ),
    "milestone.cancel": (*_OF_THE_EMPLOYER, "mutual", "mistake", "other"),
    "credential.refuse": ("not_wanted", "mistake", "other"),
    "credential.suspend": ("mistake", "fraud", "rules", "other"),
    "credential.reinstate": ("corrected", "mistake", "other"),
    "credential.revoke": ("mistake", "corrected", "fraud", "rules", "other"),
}


@dataclass(frozen=True)
class Words:
    fil: str
    en: str


def _words() -> dict[str, Words]:
    found = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    return {code: Words(**both) for code, both in found.items()}


# Also of those codes that only the system writes.
WORDS = _words()


@dataclass(frozen=True)
class Reason:
    """One of the codes of a command such as project.cancel: `Annotated[str, Reason(...)]`."""

    command: str

    @property
    def codes(self) -> tuple[str, ...]:
        return REASONS[self.command]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.codes)}

    def _check(self, code: str) -> str:
        if code not in self.codes:
            raise ValueError(f"must be one of {', '.join(self.codes)}")
        return code


def reason_of(command: str) -> Any:
    return Annotated[str, Reason(command)]


def narrowed(model: type[R], command: str, *, optional: bool = False) -> type[R]:
    """The same request, whose `reason` is one of the command's codes."""
    one = reason_of(command)
    field = (one | None, None) if optional else (one, ...)
    name = "".join(part.capitalize() for part in re.split(r"\W|_", command))
    return create_model(f"{name}Request", __base__=model, __doc__=model.__doc__, reason=field)
