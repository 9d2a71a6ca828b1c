"""Bitstring status lists: one bit per credential tells whether it was withdrawn."""

import gzip
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from services.credentialing import contexts, multibase, rules
from services.credentialing.keys import Signer
from services.credentialing.proof import add_proof
from shared.errors import Invalid

PLACES = 131_072  # the least that the standard allows, for the holders' privacy
VALID_FOR = timedelta(hours=24)
PURPOSE = "revocation"


def entry(list_url: str, index: int) -> dict[str, Any]:
    """The `credentialStatus` of one credential."""
    _check_index(index)
    return {
        "id": f"{rules.address(list_url, 'status list')}#{index}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": PURPOSE,
        "statusListIndex": str(index),
        "statusListCredential": list_url,
    }


def build(
    *, list_url: str, issuer_did: str, withdrawn: Iterable[int], now: datetime
) -> dict[str, Any]:
    return {
        "@context": [contexts.CREDENTIALS],
        "id": rules.address(list_url, "status list"),
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": issuer_did,
        "validFrom": rules.instant(now),
        "validUntil": rules.instant(now + VALID_FOR),
        "credentialSubject": {
            "id": f"{list_url}#list",
            "type": "BitstringStatusList",
            "statusPurpose": PURPOSE,
            "encodedList": encode(withdrawn),
        },
    }


def build_signed(
    *, list_url: str, withdrawn: Iterable[int], now: datetime, issuer_did: str, signer: Signer
) -> dict[str, Any]:
    unsigned = build(list_url=list_url, issuer_did=issuer_did, withdrawn=withdrawn, now=now)
    return add_proof(unsigned, signer, now)


def encode(withdrawn: Iterable[int]) -> str:
    bits = bytearray(PLACES // 8)
    for index in withdrawn:
        _check_index(index)
        bits[index // 8] |= 0x80 >> index % 8
    return multibase.base64url(gzip.compress(bytes(bits), mtime=0))


def decode(encoded: str, largest: int = 16 * PLACES // 8) -> bytes:
    """Unpack a list that may be a stranger's: never more than `largest` bytes."""
    unpacking = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        bits = unpacking.decompress(multibase.from_base64url(encoded), largest)
    except zlib.error as reason:
        raise Invalid("The status list is not packed with gzip.") from reason
    if not unpacking.eof:
        raise Invalid("The status list is cut off or too large.")
    if len(bits) < PLACES // 8:
        raise Invalid(f"The status list has fewer than {PLACES} places.")
    return bits


def is_withdrawn(bits: bytes, index: int) -> bool:
    if not 0 <= index < len(bits) * 8:
        raise Invalid("The status list has no such place.")
    return bool(bits[index // 8] & 0x80 >> index % 8)


def _check_index(index: int) -> None:
    if not 0 <= index < PLACES:
        raise Invalid(f"A status list has places 0 to {PLACES - 1}, not {index}.")
