from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.credentialing.document import build
from services.credentialing.keys import did_document, did_web, open_keyring, public_key
from services.credentialing.proof import add_proof, verify_proof
from shared.errors import Invalid
from tests.unit.credentialing.samples import AWARD, DID, ISSUED

NOW = datetime(2026, 11, 5, tzinfo=UTC)


def private_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def put(path, content, mode=0o600):
    path.write_bytes(content)
    path.chmod(mode)


def test_the_first_key_is_made_for_the_owner_alone(tmp_path):
    keyring = open_keyring(tmp_path / "keys", did=DID, now=NOW)

    made = tmp_path / "keys" / "2026-11-a.pem"
    assert made.stat().st_mode & 0o777 == 0o600
    assert keyring.signer.key_id == f"{DID}#2026-11-a"


def test_opening_again_keeps_the_key(tmp_path):
    first = open_keyring(tmp_path, did=DID, now=NOW)
    again = open_keyring(tmp_path, did=DID, now=NOW.replace(month=12))

    assert did_document(first) == did_document(again)


def test_racing_processes_agree_on_one_key(tmp_path):
    with ThreadPoolExecutor(8) as threads:
        opened = list(
            threads.map(lambda _: open_keyring(tmp_path / "keys", did=DID, now=NOW), range(16))
        )

    assert len({str(did_document(each)) for each in opened}) == 1
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["2026-11-a.pem"]


def test_an_old_credential_verifies_after_rotation(tmp_path):
    before = open_keyring(tmp_path, did=DID, now=NOW)
    old = add_proof(build(AWARD), before.signer, ISSUED)
    put(tmp_path / "2026-12-a.pem", private_pem(Ed25519PrivateKey.generate()))

    after = open_keyring(tmp_path, did=DID, now=NOW)

    new = add_proof(build(AWARD), after.signer, ISSUED)
    published = did_document(after)
    assert new["proof"]["verificationMethod"] == f"{DID}#2026-12-a"
    for credential in (old, new):
        verify_proof(credential, lambda method: public_key(published, method))


def test_a_coming_key_is_listed_before_it_signs(tmp_path):
    open_keyring(tmp_path, did=DID, now=NOW)
    coming = Ed25519PrivateKey.generate().public_key()
    put(
        tmp_path / "2026-12-a.pub.pem",
        coming.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        0o644,
    )

    keyring = open_keyring(tmp_path, did=DID, now=NOW)

    assert keyring.signer.key_id == f"{DID}#2026-11-a"
    assert did_document(keyring)["assertionMethod"] == [f"{DID}#2026-11-a", f"{DID}#2026-12-a"]


def test_a_removed_key_no_longer_verifies(tmp_path):
    before = open_keyring(tmp_path, did=DID, now=NOW)
    stolen = add_proof(build(AWARD), before.signer, ISSUED)
    (tmp_path / "2026-11-a.pem").unlink()
    put(tmp_path / "2026-11-b.pem", private_pem(Ed25519PrivateKey.generate()))

    published = did_document(open_keyring(tmp_path, did=DID, now=NOW))

    with pytest.raises(Invalid, match="does not list"):
        verify_proof(stolen, lambda method: public_key(published, method))


def test_a_key_listed_only_for_signing_in_does_not_issue(tmp_path):
    published = did_document(open_keyring(tmp_path, did=DID, now=NOW))
    published["authentication"] = published.pop("assertionMethod")

    with pytest.raises(Invalid):
        public_key(published, f"{DID}#2026-11-a")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_key_that_others_may_read_is_refused(tmp_path, mode):
    put(tmp_path / "2026-11-a.pem", private_pem(Ed25519PrivateKey.generate()), mode)

    with pytest.raises(Invalid, match="600"):
        open_keyring(tmp_path, did=DID, now=NOW)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("2026-11-a.pem", b"not a key"),
        ("2026-11-a.pem", private_pem(rsa.generate_private_key(65537, 2048))),
        ("key.pem", private_pem(Ed25519PrivateKey.generate())),
        ("2026-11-a.pub.pem", b"not a key"),
    ],
)
def test_a_file_that_is_no_proper_key_is_refused(tmp_path, name, content):
    put(tmp_path / name, content)

    with pytest.raises(Invalid, match=name):
        open_keyring(tmp_path, did=DID, now=NOW)


def test_the_did_document_is_what_verifiers_ask_for(tmp_path):
    document = did_document(open_keyring(tmp_path, did=DID, now=NOW))

    (method,) = document["verificationMethod"]
    assert document["id"] == method["controller"] == DID
    assert method["id"] == f"{DID}#2026-11-a"
    assert method["type"] == "Multikey"
    assert method["publicKeyMultibase"].startswith("z6Mk")
    assert document["assertionMethod"] == [method["id"]]


@pytest.mark.parametrize(
    ("url", "did"),
    [
        ("https://sibol.example", "did:web:sibol.example"),
        ("https://Sibol.example/", "did:web:sibol.example"),
        ("http://localhost:8181", "did:web:localhost%3A8181"),
    ],
)
def test_the_identity_is_the_host(url, did):
    assert did_web(url) == did


@pytest.mark.parametrize(
    "url", ["sibol.example", "ftp://a.ph", "https://a@b.ph", "https://a.ph/x", "https://a.ph?x=1"]
)
def test_an_address_that_is_more_than_a_host_is_no_identity(url):
    with pytest.raises(Invalid):
        did_web(url)
