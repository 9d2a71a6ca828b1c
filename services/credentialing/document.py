"""The credential as a JSON document: Open Badges 3.0 over Verifiable Credentials 2.0.

Public for ever: no name of the holder, address, letter, pay or rating stands in it.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.credentialing import contexts, multibase, rules, status
from services.credentialing.awards import Achievement, Language, ProofLevel, ResultKind, Wording
from shared.errors import Invalid

SCHEMA = (
    "https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json"
)
HASHED = re.compile(r"sha256\$[0-9a-f]{64}")
SALT = re.compile(r"[0-9a-f]{32,}")
DID = re.compile(r"did:[a-z0-9]+:[A-Za-z0-9._:%-]+")
SHA256 = re.compile(r"[0-9a-f]{64}")
ESCO_SKILL = re.compile(r"https?://data\.europa\.eu/esco/skill/[A-Za-z0-9.-]+")


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """`url` is the public address under which credentials and achievements are served."""

    did: str
    name: str
    url: str

    @property
    def sandbox(self) -> "Issuer":
        """Its twin for trials: no key, address or list of the one is the other's."""
        return Issuer(
            did=f"{self.did}:sandbox",
            name=f"{self.name} SANDBOX",
            url=f"{self.url.rstrip('/')}/sandbox",
        )


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Known by a salted hash; the salt is new for every credential. A DID only if they gave one."""

    identity_hash: str
    salt: str
    did: str | None = None


@dataclass(frozen=True, kw_only=True)
class Employer:
    id: str
    name: str
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Skill:
    """An ESCO skill; `confirmed` says whether the employer attested it."""

    id: str
    label: str
    confirmed: bool = False


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """`sha256` is the hex digest of what stands at `url`."""

    url: str
    name: str
    narrative: str
    sha256: str
    genre: str | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """A value for one of the achievement's kinds of result."""

    key: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Award:
    credential_id: UUID
    issuer: Issuer
    holder: Holder
    employer: Employer
    achievement: Achievement
    language: Language
    role: str
    level: ProofLevel
    valid_from: datetime
    awarded_at: datetime
    started_at: datetime
    ended_at: datetime
    status_list_url: str
    status_index: int
    skills: tuple[Skill, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    results: tuple[Result, ...] = ()
    valid_until: datetime | None = None


def identity_hash(email: str, salt: str) -> str:
    """Hash in lower case, as people rarely remember how they once wrote their address."""
    if not SALT.fullmatch(salt):
        raise Invalid("The salt is missing or weak; it is 128 random bits in hex.")
    content = email.strip().lower() + salt
    return "sha256$" + hashlib.sha256(content.encode()).hexdigest()


def credential_url(issuer_url: str, credential_id: UUID) -> str:
    return f"{_base(issuer_url)}/credentials/{credential_id}"


def achievement_url(issuer_url: str, achievement: Achievement, language: Language) -> str:
    """English has the short address; each other language is a sibling of its own."""
    short = f"{_base(issuer_url)}/achievements/{achievement.slug}/v{achievement.version}"
    return short if language is Language.ENGLISH else f"{short}/{language}"


def image_url(issuer_url: str, achievement: Achievement) -> str:
    return f"{_base(issuer_url)}/achievements/{achievement.slug}/v{achievement.version}/image.svg"


def build(award: Award) -> dict[str, Any]:
    _check_times(award)
    until = {} if award.valid_until is None else {"validUntil": rules.instant(award.valid_until)}
    evidence = [_evidence(each) for each in award.evidence]
    return {
        "@context": [contexts.CREDENTIALS, contexts.OPEN_BADGES, contexts.OPEN_BADGES_EXTENSIONS],
        "id": credential_url(award.issuer.url, award.credential_id),
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": _wording(award).name,
        "issuer": _issuer(award.issuer),
        "validFrom": rules.instant(award.valid_from),
        **until,
        "awardedDate": rules.instant(award.awarded_at),
        "credentialSubject": _subject(award),
        **({"evidence": evidence} if evidence else {}),
        "credentialStatus": status.entry(award.status_list_url, award.status_index),
        "credentialSchema": [{"id": SCHEMA, "type": "1EdTechJsonSchemaValidator2019"}],
        "relatedResource": list(_digests(award)),
    }


def build_achievement(
    achievement: Achievement, *, issuer: Issuer, language: Language
) -> dict[str, Any]:
    """What stands at the achievement's own address: the same for every holder."""
    own_id = achievement_url(issuer.url, achievement, language)
    wording = achievement.wording[language]
    return {
        "id": own_id,
        "type": ["Achievement"],
        "achievementType": achievement.type,
        "version": str(achievement.version),
        "name": wording.name,
        "description": wording.description,
        "criteria": {"id": f"{own_id}#criteria", "narrative": wording.criteria.strip()},
        "image": {
            "id": image_url(issuer.url, achievement),
            "type": "Image",
            "caption": wording.caption,
        },
        "creator": _creator(issuer),
        "inLanguage": str(language),
        "tag": list(achievement.tags),
        "related": [
            {
                "id": achievement_url(issuer.url, achievement, other),
                "type": ["Related"],
                "inLanguage": str(other),
                "version": str(achievement.version),
            }
            for other in Language
            if other is not language
        ],
        "resultDescription": [
            _result_description(own_id, kind, language) for kind in achievement.results
        ],
    }


def _subject(award: Award) -> dict[str, Any]:
    alignments = [_alignment(skill) for skill in award.skills]
    achievement = build_achievement(award.achievement, issuer=award.issuer, language=award.language)
    return {
        **({} if award.holder.did is None else {"id": _did(award.holder.did)}),
        "type": ["AchievementSubject"],
        "identifier": [_identity(award.holder)],
        "activityStartDate": rules.instant(award.started_at),
        "activityEndDate": rules.instant(award.ended_at),
        "role": rules.line(award.role, "role"),
        "source": _employer(award.employer),
        "achievement": {**achievement, **({"alignment": alignments} if alignments else {})},
        "result": _results(award, achievement["id"]),
    }


def _results(award: Award, achievement_id: str) -> list[dict[str, Any]]:
    results = [
        _result(award, achievement_id, Result(key="proof-level", value=award.level)),
        *(_skill_result(award, achievement_id, skill) for skill in award.skills),
        *(_result(award, achievement_id, result) for result in award.results),
    ]
    own_id = credential_url(award.issuer.url, award.credential_id)
    # A part with an id is quicker to sign and to verify than a nameless one.
    return [{"id": f"{own_id}#result-{n}", **result} for n, result in enumerate(results, start=1)]


def _skill_result(award: Award, achievement_id: str, skill: Skill) -> dict[str, Any]:
    value = "confirmed" if skill.confirmed else "not confirmed"
    stated = _result(award, achievement_id, Result(key="skill", value=value))
    return {**stated, "alignment": [_alignment(skill)]}


def _result(award: Award, achievement_id: str, result: Result) -> dict[str, Any]:
    kinds = {kind.key: kind for kind in award.achievement.results}
    kind = kinds.get(result.key)
    if kind is None or (kind.allowed and result.value not in kind.allowed):
        raise Invalid(f"The achievement has no result {result.key} with the value {result.value}.")
    return {
        "type": ["Result"],
        "resultDescription": f"{achievement_id}#{result.key}",
        "value": rules.line(result.value, "result"),
    }


def _result_description(
    achievement_id: str, kind: ResultKind, language: Language
) -> dict[str, Any]:
    return {
        "id": f"{achievement_id}#{kind.key}",
        "type": ["ResultDescription"],
        "name": kind.names[language],
        "resultType": kind.type,
        **({"allowedValue": list(kind.allowed)} if kind.allowed else {}),
    }


def _issuer(issuer: Issuer) -> dict[str, Any]:
    return {
        "id": _did(issuer.did),
        "type": ["Profile"],
        "name": rules.line(issuer.name, "issuer's name"),
        "url": _base(issuer.url),
    }


def _creator(issuer: Issuer) -> dict[str, Any]:
    """The issuer by its address: said twice of one id, a statement could be cut out once unseen."""
    return {**_issuer(issuer), "id": _base(issuer.url)}


def _employer(employer: Employer) -> dict[str, Any]:
    url = None if employer.url is None else rules.address(employer.url, "employer's page")
    return {
        "id": rules.address(employer.id, "employer's id"),
        "type": ["Profile"],
        "name": rules.line(employer.name, "employer's name"),
        **({} if url is None else {"url": url}),
    }


def _identity(holder: Holder) -> dict[str, Any]:
    if not HASHED.fullmatch(holder.identity_hash) or not SALT.fullmatch(holder.salt):
        raise Invalid("The holder is known by sha256$, a hash in hex, and its 128-bit salt in hex.")
    return {
        "type": "IdentityObject",
        "hashed": True,
        "identityHash": holder.identity_hash,
        "identityType": "emailAddress",
        "salt": holder.salt,
    }


def _alignment(skill: Skill) -> dict[str, Any]:
    if not ESCO_SKILL.fullmatch(skill.id):
        raise Invalid(f"{skill.id} is not an ESCO skill.")
    return {
        "type": ["Alignment"],
        "targetName": rules.line(skill.label, "skill"),
        # ESCO names its skills with http; the page behind answers to https.
        "targetUrl": re.sub("^http:", "https:", skill.id),
        "targetCode": skill.id,
        "targetFramework": "ESCO",
        "targetType": "ext:ESCOSkill",
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    genre = None if evidence.genre is None else rules.line(evidence.genre, "genre")
    return {
        "id": rules.address(evidence.url, "evidence"),
        "type": ["Evidence"],
        "name": rules.line(evidence.name, "evidence's name"),
        "narrative": rules.paragraph(evidence.narrative, "evidence's narrative"),
        **({} if genre is None else {"genre": genre}),
    }


def _digests(award: Award) -> Iterator[dict[str, Any]]:
    image = award.achievement.image
    yield _digest(image_url(award.issuer.url, award.achievement), hashlib.sha256(image).digest())
    for evidence in award.evidence:
        if not SHA256.fullmatch(evidence.sha256):
            raise Invalid("The evidence's digest is SHA-256 in hex.")
        yield _digest(evidence.url, bytes.fromhex(evidence.sha256))


def _digest(url: str, sha256: bytes) -> dict[str, Any]:
    return {
        "id": url,
        "digestSRI": "sha256-" + base64.b64encode(sha256).decode(),
        "digestMultibase": multibase.base64url(
            b"\x12\x20" + sha256
        ),  # multihash: SHA-256, 32 bytes
    }


def _wording(award: Award) -> Wording:
    return award.achievement.wording[award.language]


def _did(did: str) -> str:
    if not DID.fullmatch(did):
        raise Invalid(f"{did} is not a DID.")
    return did


def _base(url: str) -> str:
    return rules.address(url, "issuer's address").rstrip("/")


def _check_times(award: Award) -> None:
    if award.ended_at < award.started_at:
        raise Invalid("The activity ends before it starts.")
    if award.valid_until is not None and award.valid_until <= award.valid_from:
        raise Invalid("The credential ends before it begins.")
    urls = [evidence.url for evidence in award.evidence]
    if len(set(urls)) != len(urls):
        raise Invalid("Two pieces of evidence have the same address.")
