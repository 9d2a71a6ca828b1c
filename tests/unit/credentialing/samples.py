"""One realistic award and a fixed key; the tests change what they are about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.credentialing import badges
from services.credentialing.awards import Language, ProofLevel
from services.credentialing.document import (
    Award,
    Employer,
    Evidence,
    Holder,
    Issuer,
    Result,
    Skill,
    build,
    identity_hash,
)
from services.credentialing.keys import FileSigner, KeyRing, did_document, public_key
from services.credentialing.proof import add_proof

FIXTURES = Path(__file__).parent / "fixtures"
DID = "did:web:sibol.example"
URL = "https://sibol.example"
SALT = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
ISSUED = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = FileSigner(f"{DID}#2026-03-a", PRIVATE)
KEYRING = KeyRing(did=DID, signer=SIGNER, public={"2026-03-a": PRIVATE.public_key()})

SKILLS = (
    Skill(
        id="http://data.europa.eu/esco/skill/143769d3-2f85-4b6e-90f4-f6f5d1ac8cf9",
        label="design user interface",
        confirmed=True,
    ),
    Skill(
        id="http://data.europa.eu/esco/skill/0005c151-5b5a-4a66-8aac-60e734beb1ab",
        label="write website text",
    ),
)

EVIDENCE = Evidence(
    url=f"{URL}/evidence/0195f0a0-0000-7000-8000-00000000000e",
    name="Order page for a bakery",
    narrative="Three pages.\n\nThe owner takes orders by phone.",
    sha256="3b" * 32,
    genre="Deliverable",
)

AWARD = Award(
    credential_id=UUID("0195f0a0-0000-7000-8000-00000000000c"),
    issuer=Issuer(did=DID, name="Sibol", url=URL),
    holder=Holder(identity_hash=identity_hash("ana@example.ph", SALT), salt=SALT),
    employer=Employer(
        id=f"{URL}/employers/0195f0a0-0000-7000-8000-0000000000e1",
        name="Panaderya ni Aling Niña",
        url="https://panaderya.example",
    ),
    achievement=badges.achievement("micro-internship-completed", 1),
    language=Language.ENGLISH,
    role="Web designer",
    level=ProofLevel.EMPLOYER_ATTESTED,
    valid_from=ISSUED,
    awarded_at=ISSUED,
    started_at=ISSUED - timedelta(days=14),
    ended_at=ISSUED - timedelta(days=1),
    status_list_url=f"{URL}/status/1",
    status_index=94_567,
    skills=SKILLS,
    evidence=(EVIDENCE,),
    results=(Result(key="accepted-milestones", value="2"), Result(key="hours", value="20")),
)


def award(**changes: Any) -> Award:
    return replace(AWARD, **changes)


def signed(**changes: Any) -> dict[str, Any]:
    return add_proof(build(award(**changes)), SIGNER, ISSUED)


def resolve(method_id: str) -> Any:
    return public_key(did_document(KEYRING), method_id)


VARIANTS: dict[str, dict[str, Any]] = {
    "full": {},
    "least": {"skills": (), "evidence": (), "results": ()},
    "in Filipino": {"language": Language.FILIPINO},
    "platform-verified": {"level": ProofLevel.PLATFORM_VERIFIED},
    "with a subject id": {"holder": replace(AWARD.holder, did="did:key:z6MkiTBz1ymuepAQ4HEHYSF1")},
    "that ends": {"valid_until": datetime(2099, 1, 1, tzinfo=UTC)},
    "with eight like skills": {
        "skills": tuple(
            replace(SKILLS[0], id=f"http://data.europa.eu/esco/skill/{n}", label=f"skill {n}")
            for n in range(8)
        )
    },
    "with script as text": {
        "role": "<script>alert(1)</script> & ]]> \"quotes\" 'n' \\ _:b0",
        "employer": replace(AWARD.employer, name="Ñandú 🌱 พนักงาน"),
    },
}
