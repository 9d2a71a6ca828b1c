import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from uuid import UUID

import jsonschema
import pytest

from services.credentialing import document
from services.credentialing.awards import Language
from services.credentialing.document import build
from services.credentialing.proof import to_bytes
from shared.errors import Invalid
from tests.unit.credentialing import samples
from tests.unit.credentialing.samples import AWARD, EVIDENCE, ISSUED, SKILLS, award, signed

OFFICIAL = json.loads(
    (samples.FIXTURES / "ob_v3p0_achievementcredential_schema.json").read_text(encoding="utf-8")
)


def test_the_golden_credential_keeps_its_bytes():
    golden = (samples.FIXTURES / "credential.json").read_bytes()

    assert to_bytes(signed()) == golden


@pytest.mark.parametrize("variant", samples.VARIANTS)
def test_every_credential_follows_the_official_schema(variant):
    credential = signed(**samples.VARIANTS[variant])

    jsonschema.validate(credential, OFFICIAL, cls=jsonschema.Draft201909Validator)


def test_the_holder_is_known_by_a_salted_hash_alone():
    expected = hashlib.sha256(f"ana@example.ph{samples.SALT}".encode()).hexdigest()

    text = to_bytes(signed()).decode()

    assert f"sha256${expected}" in text
    assert "ana@example.ph" not in text


def test_an_address_hashes_alike_however_it_is_capitalised():
    assert document.identity_hash("Ana@Example.ph ", samples.SALT) == AWARD.holder.identity_hash


def test_what_the_employer_confirmed_is_told_from_what_they_did_not():
    results = build(AWARD)["credentialSubject"]["result"]

    skills = {
        each["alignment"][0]["targetName"]: each["value"] for each in results if "alignment" in each
    }
    assert skills == {"design user interface": "confirmed", "write website text": "not confirmed"}


def test_each_language_is_an_achievement_of_its_own_that_names_the_other():
    english = build(award(language=Language.ENGLISH))["credentialSubject"]["achievement"]
    filipino = build(award(language=Language.FILIPINO))["credentialSubject"]["achievement"]

    assert filipino["inLanguage"] == "fil"
    assert filipino["id"] == english["related"][0]["id"]
    assert english["id"] == filipino["related"][0]["id"]


def test_no_term_is_used_that_contexts_understand_differently():
    assert b"endorsementJwt" not in to_bytes(signed())
    assert b'"jti"' not in to_bytes(signed())


def test_the_image_and_the_evidence_are_pinned_by_digest():
    image, evidence = build(AWARD)["relatedResource"]

    assert image["digestSRI"].startswith("sha256-")
    assert evidence["digestMultibase"] == document.multibase.base64url(
        b"\x12\x20" + bytes.fromhex(EVIDENCE.sha256)
    )


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"role": "Web\0designer"}, id="nul"),
        pytest.param({"role": "Web\x1bdesigner"}, id="control character"),
        pytest.param({"role": "Web\ndesigner"}, id="two lines"),
        pytest.param({"role": "Web \u202erengised"}, id="bidi override"),
        pytest.param({"role": "Web \u2067designer"}, id="bidi isolate"),
        pytest.param({"role": "Web\u200bdesigner"}, id="zero width space"),
        pytest.param({"role": "Web\u2028designer"}, id="line separator"),
        pytest.param({"role": "Web \ud800"}, id="lone surrogate"),
        pytest.param({"role": "x" * 201}, id="over-long"),
        pytest.param({"role": "  "}, id="empty"),
        pytest.param({"role": "write to ana@example.ph"}, id="e-mail address in a text"),
        pytest.param({"employer": replace(AWARD.employer, name="\u202eacme")}, id="bidi in a name"),
        pytest.param({"employer": replace(AWARD.employer, id="/employers/1")}, id="relative id"),
        pytest.param(
            {"employer": replace(AWARD.employer, url="http://panaderya.example")}, id="plain http"
        ),
        pytest.param(
            {"evidence": (replace(EVIDENCE, url="javascript:alert(1)"),)}, id="javascript"
        ),
        pytest.param({"evidence": (replace(EVIDENCE, url="file:///etc/passwd"),)}, id="file"),
        pytest.param({"evidence": (replace(EVIDENCE, url="https://a:b@c.ph/"),)}, id="user-info"),
        pytest.param({"evidence": (replace(EVIDENCE, url="https://c.ph:99999/"),)}, id="port"),
        pytest.param({"evidence": (replace(EVIDENCE, url="https://c.ph/a b"),)}, id="space"),
        pytest.param({"evidence": (replace(EVIDENCE, sha256="3b"),)}, id="short digest"),
        pytest.param({"evidence": (replace(EVIDENCE, narrative="x" * 5001),)}, id="long narrative"),
        pytest.param({"evidence": (replace(EVIDENCE, narrative="a\n\x07b"),)}, id="bell"),
        pytest.param({"evidence": (EVIDENCE, EVIDENCE)}, id="the same evidence twice"),
        pytest.param({"skills": (replace(SKILLS[0], id="javascript:1"),)}, id="no ESCO skill"),
        pytest.param(
            {"holder": replace(AWARD.holder, identity_hash="ana@example.ph")}, id="plain e-mail"
        ),
        pytest.param({"holder": replace(AWARD.holder, salt="")}, id="no salt"),
        pytest.param({"holder": replace(AWARD.holder, salt="ab" * 8)}, id="short salt"),
        pytest.param({"holder": replace(AWARD.holder, did="ana")}, id="holder without a DID"),
        pytest.param({"valid_until": ISSUED - timedelta(seconds=1)}, id="ends before it begins"),
        pytest.param({"ended_at": AWARD.started_at - timedelta(days=1)}, id="activity backwards"),
        pytest.param({"awarded_at": ISSUED.replace(tzinfo=None)}, id="time without a zone"),
        pytest.param({"awarded_at": ISSUED.replace(microsecond=1)}, id="parts of a second"),
        pytest.param(
            {"awarded_at": datetime(2026, 3, 2, 8, tzinfo=timezone(timedelta(hours=8)))},
            id="not UTC",
        ),
        pytest.param({"status_index": -1}, id="negative place"),
        pytest.param({"status_index": 131_072}, id="place beyond the list"),
        pytest.param({"results": (document.Result(key="pay", value="900"),)}, id="unknown result"),
    ],
)
def test_hostile_or_broken_facts_are_refused(changes):
    with pytest.raises(Invalid):
        build(award(**changes))


@pytest.mark.parametrize("salt", ["", "short", "Z" * 32])
def test_an_address_is_never_hashed_without_a_proper_salt(salt):
    with pytest.raises(Invalid):
        document.identity_hash("ana@example.ph", salt)


def test_a_platform_on_this_machine_may_issue_without_https():
    local = replace(AWARD.issuer, did="did:web:localhost%3A8181", url="http://localhost:8181")

    credential = build(award(issuer=local))

    assert credential["id"] == f"http://localhost:8181/credentials/{AWARD.credential_id}"


def test_the_same_facts_give_the_same_id():
    assert document.credential_url("https://sibol.example/", UUID(int=7)) == (
        "https://sibol.example/credentials/00000000-0000-0000-0000-000000000007"
    )
