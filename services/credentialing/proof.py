"""Embedded proofs `eddsa-rdfc-2022`. One takes about 7 ms: call it in a thread, not on the loop.

A signature covers the statements that the JSON means, not its text. Whatever would not become a
statement (undefined terms, relative ids) is therefore refused when signing and when verifying.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from threading import Lock
from typing import Any, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pyld.canon import URDNA2015
from pyld.identifier_issuer import IdentifierIssuer
from pyld.jsonld import JsonLdError, JsonLdProcessor

from services.credentialing import contexts, multibase, rules
from services.credentialing.keys import Signer
from shared.errors import Invalid

Document = dict[str, Any]
ResolveKey = Callable[[str], Ed25519PublicKey]

CRYPTOSUITE = "eddsa-rdfc-2022"
PROOF_MEMBERS = {
    "type",
    "cryptosuite",
    "created",
    "verificationMethod",
    "proofPurpose",
    "proofValue",
}
# Defined in one copy of the published context and not in others: signed here, unsigned there.
AMBIGUOUS_TERMS = {"endorsementJwt", "jti"}
PLAIN_TERM = re.compile(r"[A-Za-z][A-Za-z0-9]*")
ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
DEEPEST = 32
LARGEST = 256 * 1024
MOST_STEPS = 10_000

# pyld keeps contexts in caches of the process that two threads may not change at once.
_pyld = Lock()


def add_proof(document: Document, signer: Signer, created: datetime) -> Document:
    """Sign; the same document, key and time give the same bytes."""
    if "proof" in document:
        raise Invalid("This document has a proof already; sign the one without.")
    options = {
        "type": "DataIntegrityProof",
        "cryptosuite": CRYPTOSUITE,
        "created": rules.instant(created),
        "verificationMethod": signer.key_id,
        "proofPurpose": "assertionMethod",
    }
    signature = signer.sign(_signed_content(document, options))
    return {**document, "proof": {**options, "proofValue": multibase.base58(signature)}}


def verify_proof(document: Document, resolve_key: ResolveKey) -> None:
    """Raise Invalid unless the issuer's key signed exactly this document."""
    proof = document.get("proof")
    if not isinstance(proof, dict):
        raise Invalid("There is no proof; a credential carries one proof object.")
    _check_proof(proof, issuer=_issuer_id(document))
    signature = multibase.from_base58(proof["proofValue"])
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    unsigned = {name: value for name, value in document.items() if name != "proof"}
    content = _signed_content(unsigned, options)
    try:
        resolve_key(proof["verificationMethod"]).verify(signature, content)
    except InvalidSignature as reason:
        raise Invalid(
            "The signature does not fit: something was changed after signing."
        ) from reason


def to_bytes(document: Document) -> bytes:
    """Give the exact bytes to store and to serve."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def from_bytes(content: bytes) -> Document:
    """Read a stranger's file: small, shallow, without doubled names or impossible numbers."""
    if len(content) > LARGEST:
        raise Invalid(f"The file is larger than {LARGEST} bytes.")
    try:
        document = json.loads(content, object_pairs_hook=_unique, parse_constant=_not_a_number)
    except (ValueError, RecursionError) as reason:
        raise Invalid("The file is not proper JSON.") from reason
    if not isinstance(document, dict):
        raise Invalid("The file is not a JSON object.")
    return document


def _check_proof(proof: Document, *, issuer: str) -> None:
    if set(proof) != PROOF_MEMBERS or not all(isinstance(value, str) for value in proof.values()):
        raise Invalid(f"A proof has exactly these texts: {', '.join(sorted(PROOF_MEMBERS))}.")
    if proof["type"] != "DataIntegrityProof" or proof["cryptosuite"] != CRYPTOSUITE:
        raise Invalid(f"The proof is of another kind; it should be {CRYPTOSUITE}.")
    if proof["proofPurpose"] != "assertionMethod":
        raise Invalid("The proof serves another purpose; it should be assertionMethod.")
    did, mark, _ = proof["verificationMethod"].partition("#")
    if not mark or did != issuer:
        raise Invalid("The key is not the issuer's; its id begins with the issuer's id.")


def _issuer_id(document: Document) -> str:
    issuer = document.get("issuer")
    found = issuer.get("id") if isinstance(issuer, dict) else issuer
    if not isinstance(found, str):
        raise Invalid("There is no issuer with an id.")
    return found


def _signed_content(unsigned: Document, options: Document) -> bytes:
    _check_form(unsigned)
    stated = {"@context": unsigned["@context"], **options}
    return b"".join(
        hashlib.sha256(_canonical(part).encode()).digest() for part in (stated, unsigned)
    )


def _canonical(document: Document) -> str:
    settings = {
        "documentLoader": contexts.load,
        "produceGeneralizedRdf": False,
        "identifierIssuer": IdentifierIssuer("_:b"),
    }
    try:
        with _pyld:
            dataset = _Strict(on_property_dropped=_undefined).to_rdf(document, settings)
        return str(_Bounded().main(dataset, {"format": "application/n-quads"}))
    except JsonLdError as reason:
        raise _own_refusal(reason) from reason


def _own_refusal(reason: BaseException) -> Invalid:
    cause: BaseException | None = reason
    while cause is not None:
        if isinstance(cause, Invalid):
            return cause
        cause = cause.__cause__ or cause.__context__
    return Invalid("The document does not follow its contexts.")


class _Strict(JsonLdProcessor):  # type: ignore[misc]
    def expand(self, input_: Any, options: Any) -> Any:
        expanded = super().expand(input_, options)
        for name in _names(expanded):
            if not isinstance(name, str) or not ABSOLUTE.fullmatch(name):
                raise Invalid(f"{name} is neither an absolute id nor a defined type.")
        return expanded


class _Bounded(URDNA2015):  # type: ignore[misc]
    """Telling apart n nameless parts that look alike takes n! steps; a stranger may send many."""

    def __init__(self) -> None:
        super().__init__()
        self.steps_left = MOST_STEPS

    def create_hash_to_related(self, id_: str, issuer: IdentifierIssuer) -> dict[str, list[str]]:
        related: dict[str, list[str]] = super().create_hash_to_related(id_, issuer)
        self.steps_left -= sum(math.factorial(min(len(alike), 20)) for alike in related.values())
        if self.steps_left < 0:
            raise Invalid("Too many parts look alike; give them ids.")
        return related


def _names(expanded: Any) -> Iterator[Any]:
    """Every id and type in an expanded document."""
    if isinstance(expanded, list):
        for item in expanded:
            yield from _names(item)
    elif isinstance(expanded, dict):
        for name, value in expanded.items():
            if name in {"@id", "@type"}:
                yield from value if isinstance(value, list) else [value]
            elif name != "@value":
                yield from _names(value)


def _undefined(term: str | None) -> NoReturn:
    raise Invalid(f"The term {term} is not defined in the contexts and would not be signed.")


def _check_form(document: Document) -> None:
    _check_contexts(document.get("@context"))
    own_id = document.get("id")
    for name, value in document.items():
        if name != "@context":
            _check_member(name, value, own_id=own_id, depth=0)


def _check_contexts(listed: Any) -> None:
    if not isinstance(listed, list) or listed[:1] != [contexts.CREDENTIALS]:
        raise Invalid(f"The contexts are a list that begins with {contexts.CREDENTIALS}.")
    for context in listed:
        if not isinstance(context, str) or context not in contexts.known():
            raise Invalid("A context is not one of those kept here; none is fetched.")


def _check_member(name: str, value: Any, *, own_id: Any, depth: int) -> None:
    if not PLAIN_TERM.fullmatch(name):
        raise Invalid(f"{name} is not a plain term of the contexts.")
    if name in AMBIGUOUS_TERMS:
        raise Invalid(f"{name} is not understood alike everywhere; leave it out.")
    if name == "id" and depth and value == own_id:
        raise Invalid("A part has the id of the whole credential.")
    _check_value(value, own_id=own_id, depth=depth)


def _check_value(value: Any, *, own_id: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise Invalid("The document is nested too deeply.")
    match value:
        case dict():
            for name, inner in value.items():
                _check_member(name, inner, own_id=own_id, depth=depth + 1)
        case list():
            for inner in value:
                _check_value(inner, own_id=own_id, depth=depth + 1)
        case str():
            _check_characters(value)
        case float() if not math.isfinite(value):
            raise Invalid("A number is not finite.")
        case None:
            raise Invalid("An empty value would not be signed; leave the name out.")
        case _:
            pass


def _check_characters(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as reason:
        raise Invalid("A text has half a character (a lone surrogate).") from reason


def _unique(members: list[tuple[str, Any]]) -> Mapping[str, Any]:
    names = dict(members)
    if len(names) != len(members):
        raise ValueError("doubled name")
    return names


def _not_a_number(text: str) -> NoReturn:
    raise ValueError(text)
