"""The issuer's signing keys: files named by a date label, such as `2026-11-a.pem`.

A retired or coming key is listed without signing: `2026-11-a.pub.pem`. To rotate, publish the next
public key longer than caches keep the DID document, then add its private half.
"""

import fcntl
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.credentialing import multibase
from shared.errors import Invalid

DID_CONTEXTS = ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"]
FILE_NAME = re.compile(r"(\d{4}-\d{2}-[a-z])(\.pub)?\.pem")
ED25519_PUBLIC = b"\xed\x01"  # multicodec's sign for such a key


class Signer(Protocol):
    @property
    def key_id(self) -> str:
        """The DID, `#` and the label."""

    def sign(self, content: bytes) -> bytes: ...


@dataclass(frozen=True)
class FileSigner:
    key_id: str
    private: Ed25519PrivateKey

    def sign(self, content: bytes) -> bytes:
        return self.private.sign(content)


@dataclass(frozen=True)
class KeyRing:
    """One label signs; all are listed, so that old credentials still verify."""

    did: str
    signer: Signer
    public: Mapping[str, Ed25519PublicKey]


def did_web(public_url: str) -> str:
    parts = urlsplit(public_url)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username is not None:
        raise Invalid(f"{public_url} cannot carry an identity; give it as https://host.")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise Invalid(f"{public_url} has more than a host; the identity is the host alone.")
    port = f":{parts.port}" if parts.port else ""
    return f"did:web:{quote(parts.hostname + port, safe='')}"


def open_keyring(directory: Path, *, did: str, now: datetime) -> KeyRing:
    """Make the first key when there is none; several processes may open at once."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(directory):
        if not list(directory.glob("*.pem")):
            _write(directory / f"{now:%Y-%m}-a.pem", _pem(Ed25519PrivateKey.generate()))
        return _read(directory, did)


def did_document(keyring: KeyRing) -> dict[str, Any]:
    did = keyring.did
    methods = [
        {
            "id": f"{did}#{label}",
            "type": "Multikey",
            "controller": did,
            "publicKeyMultibase": multikey(public),
        }
        for label, public in sorted(keyring.public.items())
    ]
    return {
        "@context": DID_CONTEXTS,
        "id": did,
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
    }


def multikey(public: Ed25519PublicKey) -> str:
    return multibase.base58(ED25519_PUBLIC + public.public_bytes_raw())


def public_key(document: Mapping[str, Any], method_id: str) -> Ed25519PublicKey:
    """Find the key that a DID document allows to issue credentials under this id."""
    did = document.get("id")
    allowed = document.get("assertionMethod")
    if not isinstance(allowed, list) or method_id not in allowed:
        raise Invalid(f"The issuer does not list {method_id} for issuing credentials.")
    methods = document.get("verificationMethod")
    for method in methods if isinstance(methods, list) else []:
        if isinstance(method, dict) and method.get("id") == method_id:
            if method.get("type") != "Multikey" or method.get("controller") != did:
                raise Invalid(f"{method_id} is not a Multikey controlled by the issuer.")
            return _from_multikey(method.get("publicKeyMultibase"))
    raise Invalid(f"The issuer has no key {method_id}.")


def _from_multikey(text: Any) -> Ed25519PublicKey:
    raw = multibase.from_base58(text) if isinstance(text, str) else b""
    if not raw.startswith(ED25519_PUBLIC) or len(raw) != len(ED25519_PUBLIC) + 32:
        raise Invalid("The issuer's key is not an Ed25519 Multikey.")
    return Ed25519PublicKey.from_public_bytes(raw[len(ED25519_PUBLIC) :])


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read(directory: Path, did: str) -> KeyRing:
    private: dict[str, Ed25519PrivateKey] = {}
    public: dict[str, Ed25519PublicKey] = {}
    for path in sorted(directory.glob("*.pem")):
        label, is_public = _label(path)
        if is_public:
            public.setdefault(label, _public(path))
        else:
            private[label] = _private(path)
            public[label] = private[label].public_key()
    if not private:
        raise Invalid(f"{directory} has no private key; add one named like 2026-11-a.pem.")
    newest = max(private)
    return KeyRing(did=did, signer=FileSigner(f"{did}#{newest}", private[newest]), public=public)


def _label(path: Path) -> tuple[str, bool]:
    named = FILE_NAME.fullmatch(path.name)
    if named is None:
        raise Invalid(f"{path} is not a key's name; it should be like 2026-11-a.pem.")
    return named[1], named[2] is not None


def _private(path: Path) -> Ed25519PrivateKey:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise Invalid(f"{path} may be read by others (mode {mode:o}); set it to 600.")
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as reason:
        raise Invalid(f"{path} is not an unencrypted PEM private key.") from reason
    if not isinstance(key, Ed25519PrivateKey):
        raise Invalid(f"{path} holds another kind of key; it should be Ed25519.")
    return key


def _public(path: Path) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm) as reason:
        raise Invalid(f"{path} is not a PEM public key.") from reason
    if not isinstance(key, Ed25519PublicKey):
        raise Invalid(f"{path} holds another kind of key; it should be Ed25519.")
    return key


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> None:
    """Write whole or not at all, readable by the owner alone from the first byte."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
