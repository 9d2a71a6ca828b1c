"""What the gateway knows of one credential, and the award that follows from it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.credentialing import awards, texts
from services.credentialing.awards import Achievement, Language
from services.credentialing.document import (
    Award,
    Employer,
    Evidence,
    Holder,
    Issuer,
    Result,
    Skill,
    credential_url,
)
from shared import skills
from shared.errors import Conflict

ESCO = "http://data.europa.eu/esco/skill/"
DONE = frozenset({"wrapping_up", "completed"})
ENDED_EARLY = frozenset({"not_agreed", "not_started", "terminated"})
UNWANTED = frozenset({"refused", "revoked", "superseded", "expired"})
NARRATIVE = {
    Language.ENGLISH: "Handed in for this milestone and accepted by the employer.",
    Language.FILIPINO: "Inihatid para sa milestone na ito at tinanggap ng employer.",
}


@dataclass(frozen=True, kw_only=True)
class Work:
    """One accepted file; `title` is its milestone's."""

    title: str
    sha256: bytes
    submitted_at: datetime


@dataclass(frozen=True, kw_only=True)
class Facts:
    credential_id: UUID
    engagement_id: UUID
    holder_id: UUID
    state: str
    skills: tuple[str, ...]
    attested_skills: tuple[str, ...]
    attested: bool
    engagement_state: str
    started_at: datetime | None
    ended_at: datetime | None
    accepted_milestones: int
    open_milestones: int
    title: str
    hours: int
    language: Language
    organization_id: UUID
    organization_name: str
    website: str | None
    works: tuple[Work, ...]


@dataclass(frozen=True)
class Place:
    list_id: int
    index: int


def is_wanted(facts: Facts) -> bool:
    return facts.state not in UNWANTED


def earned(facts: Facts, achievements: Iterable[Achievement], now: datetime) -> Achievement:
    found = awards.earned(_engagement(facts, now), achievements)
    if not found:
        raise Conflict("This engagement meets the conditions of no achievement.")
    return found[0]


def status_list_url(issuer: Issuer, list_id: int) -> str:
    return f"{issuer.url.rstrip('/')}/status/{list_id}"


def award(
    facts: Facts,
    *,
    achievement: Achievement,
    issuer: Issuer,
    holder: Holder,
    place: Place,
    now: datetime,
) -> Award:
    assert facts.started_at is not None, "Only what was begun is earned."
    return Award(
        credential_id=facts.credential_id,
        issuer=issuer,
        holder=holder,
        employer=_employer(facts, issuer),
        achievement=achievement,
        language=facts.language,
        role=texts.line(facts.title),
        level=awards.level(_engagement(facts, now)),
        valid_from=now,
        awarded_at=now,
        started_at=_whole(facts.started_at),
        ended_at=_worked_until(facts, now),
        status_list_url=status_list_url(issuer, place.list_id),
        status_index=place.index,
        skills=tuple(_skills(facts)),
        evidence=tuple(_evidence(facts, issuer)),
        results=(
            Result(key="accepted-milestones", value=str(facts.accepted_milestones)),
            Result(key="hours", value=str(facts.hours)),
        ),
    )


def _engagement(facts: Facts, now: datetime) -> awards.Engagement:
    return awards.Engagement(
        started_at=facts.started_at and _whole(facts.started_at),
        work_accepted_at=_worked_until(facts, now) if facts.engagement_state in DONE else None,
        accepted_milestones=facts.accepted_milestones,
        # The fee is held before a milestone begins, and released by its acceptance.
        paid=facts.open_milestones == 0,
        ended_early=facts.engagement_state in ENDED_EARLY,
        attested=facts.attested,
        confirmed_skills=len(facts.attested_skills) if facts.attested else 0,
    )


def _worked_until(facts: Facts, now: datetime) -> datetime:
    """The last accepted delivery; without files in it, the end as far as it is known."""
    submitted = [work.submitted_at for work in facts.works]
    return _whole(max(submitted, default=facts.ended_at or now))


def _employer(facts: Facts, issuer: Issuer) -> Employer:
    return Employer(
        id=f"{issuer.url.rstrip('/')}/employers/{facts.organization_id}",
        name=texts.line(facts.organization_name),
        url=texts.page(facts.website),
    )


def _skills(facts: Facts) -> Iterator[Skill]:
    """Those the employer struck are left out; so is one that our copy of ESCO has no name for."""
    known = skills.load()
    for skill_id in facts.attested_skills if facts.attested else facts.skills:
        found = known.get(skill_id)
        if found is not None:
            yield Skill(id=ESCO + skill_id, label=texts.line(found.label), confirmed=facts.attested)


def _evidence(facts: Facts, issuer: Issuer) -> Iterator[Evidence]:
    own_url = credential_url(issuer.url, facts.credential_id)
    for number, work in enumerate(facts.works, start=1):
        yield Evidence(
            url=f"{own_url}/evidence/{number}",
            name=texts.line(work.title),
            narrative=NARRATIVE[facts.language],
            sha256=work.sha256.hex(),
        )


def _whole(time: datetime) -> datetime:
    return time.replace(microsecond=0)
