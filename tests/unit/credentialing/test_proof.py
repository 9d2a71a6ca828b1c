import json
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st
from openbadgeslib.ob3.ldp import OB3LdpVerifier, add_data_integrity_proof
from openvc.did.base import DidResolverRegistry
from openvc.did.did_web import DidWebResolver
from openvc.keys import Ed25519SigningKey
from openvc.proof.data_integrity import DataIntegrityProofSuite
from openvc.verify import VerificationPolicy, verify_credential

from services.credentialing import contexts
from services.credentialing.document import build
from services.credentialing.keys import did_document
from services.credentialing.proof import add_proof, from_bytes, to_bytes, verify_proof
from shared.errors import Invalid
from tests.unit.credentialing.samples import (
    AWARD,
    DID,
    ISSUED,
    KEYRING,
    PRIVATE,
    SIGNER,
    VARIANTS,
    award,
    resolve,
    signed,
)

PEM = PRIVATE.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)


def published(_url):
    return did_document(KEYRING)


def published_bytes(url):
    return json.dumps(published(url)).encode()


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_credential_verifies_here(variant):
    verify_proof(signed(**VARIANTS[variant]), resolve)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_credential_verifies_in_openbadgeslib(variant):
    credential = to_bytes(signed(**VARIANTS[variant]))

    OB3LdpVerifier.for_issuer_did(DID).verify(credential, download=published_bytes)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_credential_verifies_in_openvc(variant):
    strangers = DidResolverRegistry([DidWebResolver(published)])

    verify_credential(
        signed(**VARIANTS[variant]),
        resolver=strangers,
        policy=VerificationPolicy(require_status=False, expected_types=["OpenBadgeCredential"]),
        extra_contexts=contexts.known(),
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_other_libraries_sign_with_the_very_same_value(variant):
    unsigned = build(award(**VARIANTS[variant]))

    ours = add_proof(unsigned, SIGNER, ISSUED)["proof"]
    openbadgeslib = add_data_integrity_proof(unsigned, PEM, SIGNER.key_id, created=ISSUED)["proof"]
    openvc = DataIntegrityProofSuite().add_proof(
        unsigned,
        signing_key=Ed25519SigningKey(PRIVATE, SIGNER.key_id),
        verification_method=SIGNER.key_id,
        created=ISSUED,
        extra_contexts=contexts.known(),
    )["proof"]

    assert ours == openbadgeslib == openvc


@settings(max_examples=25, deadline=None)
@given(
    st.text(
        alphabet=st.characters(exclude_categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"]),
        min_size=1,
        max_size=80,
    ).filter(lambda text: text.strip() and "@" not in text)
)
def test_any_text_that_is_let_in_is_signed_as_elsewhere(role):
    unsigned = build(award(role=role))

    ours = add_proof(unsigned, SIGNER, ISSUED)

    verify_proof(from_bytes(to_bytes(ours)), resolve)
    assert ours == add_data_integrity_proof(unsigned, PEM, SIGNER.key_id, created=ISSUED)


def test_signing_again_gives_the_same_bytes():
    assert to_bytes(signed()) == to_bytes(signed())


def test_threads_sign_side_by_side():
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: to_bytes(signed()), range(24)))

    assert set(made) == {to_bytes(signed())}


def leaves(value, path=()):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from leaves(inner, (*path, position))
    else:
        yield path


GENUINE = signed()
PATHS = list(leaves(GENUINE))


def at(document, path):
    for step in path:
        document = document[step]
    return document


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
def test_no_value_can_be_changed(path):
    forged = deepcopy(GENUINE)
    value = at(forged, path)
    at(forged, path[:-1])[path[-1]] = (not value) if isinstance(value, bool) else f"{value}0"

    with pytest.raises(Invalid):
        verify_proof(forged, resolve)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
def test_no_value_can_be_removed(path):
    forged = deepcopy(GENUINE)
    del at(forged, path[:-1])[path[-1]]

    with pytest.raises(Invalid):
        verify_proof(forged, resolve)


def forgery(change):
    credential = deepcopy(GENUINE)
    change(credential)
    return credential


FORGERIES = {
    "defined claim added": lambda it: it.update(validUntil="2099-01-01T00:00:00Z"),
    "undefined claim added": lambda it: it.update(honours="summa cum laude"),
    "claim added by its full name": lambda it: it.update({"https://schema.org/award": "x"}),
    "type added": lambda it: it["type"].append("Doctorate"),
    "empty claim added": lambda it: it.update(description=None),
    "endorsement added": lambda it: it.update(endorsementJwt="e.y.J"),
    "end of the credential described inside": lambda it: it["evidence"][0].update(id=it["id"]),
    "part moved out of sight": lambda it: it.update({"@graph": [it.pop("evidence")]}),
    "reverse claim": lambda it: it.update({"@reverse": {"evidence": []}}),
    "contexts out of order": lambda it: it["@context"].reverse(),
    "context left out": lambda it: it["@context"].pop(),
    "foreign context": lambda it: it["@context"].append("https://evil.example/context"),
    "inline context": lambda it: it["@context"].append({"role": "https://schema.org/x"}),
    "nested context": lambda it: it["credentialSubject"].update({"@context": {}}),
    "no proof": lambda it: it.pop("proof"),
    "two proofs": lambda it: it.update(proof=[it["proof"], it["proof"]]),
    "other purpose": lambda it: it["proof"].update(proofPurpose="authentication"),
    "other suite": lambda it: it["proof"].update(cryptosuite="eddsa-jcs-2022"),
    "claim in the proof": lambda it: it["proof"].update(domain="evil.example"),
    "key not listed": lambda it: it["proof"].update(verificationMethod=f"{DID}#2026-04-a"),
    "key of another": lambda it: it["proof"].update(verificationMethod="did:web:evil.ph#2026-03-a"),
    "key in the fragment": lambda it: it["proof"].update(
        verificationMethod=f"{DID}#z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"
    ),
    "key without a fragment": lambda it: it["proof"].update(verificationMethod=DID),
    "issuer changed": lambda it: it.update(issuer="did:web:evil.example"),
    "no issuer": lambda it: it.pop("issuer"),
    "status removed": lambda it: it.pop("credentialStatus"),
    "status elsewhere": lambda it: it["credentialStatus"].update(statusListIndex="5"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_no_forgery_passes(name):
    forged = forgery(FORGERIES[name])

    with pytest.raises(Invalid):
        verify_proof(forged, resolve)


def test_nothing_is_signed_that_the_contexts_do_not_define():
    unsigned = {**build(AWARD), "honours": "summa cum laude"}

    with pytest.raises(Invalid, match="honours"):
        add_proof(unsigned, SIGNER, ISSUED)


def test_a_signed_document_is_not_signed_twice():
    with pytest.raises(Invalid):
        add_proof(signed(), SIGNER, ISSUED)


def test_a_strangers_maze_of_nameless_parts_is_refused_quickly():
    maze = build(AWARD)
    twin = {"type": ["Result"], "alignment": [{"type": ["Alignment"]} for _ in range(12)]}
    maze["credentialSubject"]["result"] = [twin, twin]

    with pytest.raises(Invalid, match="alike"):
        add_proof(maze, SIGNER, ISSUED)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b'{"id": "a", "id": "b"}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"[" * 100_000,
        b'{"a": "' + b"x" * 300_000 + b'"}',
    ],
)
def test_a_strangers_broken_file_is_refused(content):
    with pytest.raises(Invalid):
        from_bytes(content)


def test_deep_nesting_and_endless_numbers_are_refused():
    deep = {**signed(), "evidence": json.loads("[" * 200 + "]" * 200)}
    endless = {**signed(), "evidence": [{"value": float("inf")}]}
    halved = {**signed(), "name": "\ud800"}

    for hostile in (deep, endless, halved):
        with pytest.raises(Invalid):
            verify_proof(hostile, resolve)
