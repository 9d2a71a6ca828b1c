"""Which achievement a finished engagement earns. The achievements themselves are in badges/."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.errors import Conflict


class Language(StrEnum):
    ENGLISH = "en"
    FILIPINO = "fil"


class ProofLevel(StrEnum):
    PLATFORM_VERIFIED = "platform-verified"
    EMPLOYER_ATTESTED = "employer-attested"


TRIAL = {
    Language.ENGLISH: "SANDBOX: a trial. Nobody worked for this, and nobody earned it.",
    Language.FILIPINO: "SANDBOX: pagsubok lamang. Walang gumawa para rito, at walang nakakuha nito.",
}


@dataclass(frozen=True, kw_only=True)
class Wording:
    name: str
    description: str
    criteria: str
    caption: str

    def for_sandbox(self, language: Language) -> "Wording":
        said = TRIAL[language]
        return replace(
            self,
            name=f"SANDBOX: {self.name}",
            description=f"{said} {self.description}",
            criteria=f"{said}\n\n{self.criteria}",
        )


@dataclass(frozen=True, kw_only=True)
class ResultKind:
    key: str
    type: str
    names: Mapping[Language, str]
    allowed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Requires:
    accepted_milestones: int
    confirmed_skills: int


@dataclass(frozen=True, kw_only=True)
class Achievement:
    slug: str
    version: int
    type: str
    tags: tuple[str, ...]
    image: bytes
    requires: Requires
    wording: Mapping[Language, Wording]
    results: tuple[ResultKind, ...]

    @property
    def sandbox(self) -> "Achievement":
        """The same for trials, which says so."""
        wording = {
            language: words.for_sandbox(language) for language, words in self.wording.items()
        }
        return replace(self, wording=wording)


@dataclass(frozen=True, kw_only=True)
class Engagement:
    started_at: datetime | None
    work_accepted_at: datetime | None
    accepted_milestones: int
    paid: bool
    ended_early: bool
    attested: bool
    confirmed_skills: int


def level(engagement: Engagement) -> ProofLevel:
    return ProofLevel.EMPLOYER_ATTESTED if engagement.attested else ProofLevel.PLATFORM_VERIFIED


def earned(engagement: Engagement, achievements: Iterable[Achievement]) -> tuple[Achievement, ...]:
    """Give the newest version of every achievement whose conditions are met."""
    check_may_earn(engagement)
    newest: dict[str, Achievement] = {}
    for achievement in sorted(achievements, key=lambda each: each.version):
        newest[achievement.slug] = achievement
    return tuple(each for each in newest.values() if _meets(engagement, each.requires))


def check_may_earn(engagement: Engagement) -> None:
    if engagement.ended_early:
        raise Conflict("An engagement that ended early earns no credential.")
    if engagement.started_at is None or engagement.work_accepted_at is None:
        raise Conflict("A credential needs work that was begun and accepted.")
    if engagement.work_accepted_at < engagement.started_at:
        raise Conflict("This work was accepted before it began; look at the engagement's history.")
    if not engagement.paid:
        raise Conflict("A credential waits until the accepted work is paid.")


def _meets(engagement: Engagement, requires: Requires) -> bool:
    return (
        engagement.accepted_milestones >= max(1, requires.accepted_milestones)
        and engagement.confirmed_skills >= requires.confirmed_skills
    )
