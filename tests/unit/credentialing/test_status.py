import gzip

import pytest
from openvc.did.base import DidResolverRegistry
from openvc.did.did_web import DidWebResolver
from openvc.resolvers import default_status_list_resolver
from openvc.status import CredentialRevoked
from openvc.status.bitstring import decode_bitstring, get_status_bit
from openvc.verify import VerificationPolicy, verify_credential

from services.credentialing import contexts, multibase, status
from services.credentialing.document import build
from services.credentialing.keys import did_document
from services.credentialing.proof import add_proof, to_bytes, verify_proof
from shared import clock
from shared.errors import Invalid
from tests.unit.credentialing.samples import AWARD, DID, ISSUED, KEYRING, SIGNER, resolve

URL = AWARD.status_list_url


def signed_list(withdrawn, now=ISSUED):
    return status.build_signed(
        list_url=URL, withdrawn=withdrawn, now=now, issuer_did=DID, signer=SIGNER
    )


@pytest.mark.parametrize("index", [0, 7, 8, 94_567, 131_071])
def test_a_withdrawn_place_is_told_from_its_neighbours(index):
    encoded = status.encode([index])

    bits = status.decode(encoded)

    found = [place for place in range(status.PLACES) if status.is_withdrawn(bits, place)]
    assert found == [index]


def test_other_libraries_read_the_same_list():
    bits = decode_bitstring(status.encode([5, 94_567]))

    assert len(bits) * 8 == status.PLACES
    assert [get_status_bit(bits, place) for place in (4, 5, 6, 94_567)] == [0, 1, 0, 1]


def test_the_list_is_signed_by_the_issuer_and_ends_in_a_day():
    published = signed_list([1])

    verify_proof(published, resolve)
    assert published["validFrom"] == "2026-03-02T08:30:00Z"
    assert published["validUntil"] == "2026-03-03T08:30:00Z"


def test_the_same_list_has_the_same_bytes():
    assert to_bytes(signed_list([1, 2])) == to_bytes(signed_list([2, 1]))


def strangers_check(withdrawn):
    published = to_bytes(signed_list(withdrawn, clock.now().replace(microsecond=0)))
    strangers = DidResolverRegistry([DidWebResolver(lambda _url: did_document(KEYRING))])
    verify_credential(
        add_proof(build(AWARD), SIGNER, ISSUED),
        resolver=strangers,
        resolve_status_list=default_status_list_resolver(
            resolver=strangers, fetch={URL: published.decode()}.__getitem__, expected_issuer=DID
        ),
        policy=VerificationPolicy(require_status_issuer_binding=True),
        extra_contexts=contexts.known(),
    )


def test_a_stranger_accepts_a_credential_that_was_not_withdrawn():
    strangers_check(withdrawn=[AWARD.status_index - 1])


def test_a_stranger_sees_a_withdrawal():
    with pytest.raises(CredentialRevoked):
        strangers_check(withdrawn=[AWARD.status_index])


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "zabc",
        "u***",
        "uAAAA",
        multibase.base64url(gzip.compress(bytes(100))),
        multibase.base64url(gzip.compress(bytes(10_000_000))),
        status.encode([])[:-12],
    ],
    ids=["empty", "base58", "signs", "not gzip", "too short", "bomb", "cut off"],
)
def test_a_strangers_broken_list_is_refused(encoded):
    with pytest.raises(Invalid):
        status.decode(encoded)


@pytest.mark.parametrize("index", [-1, status.PLACES])
def test_a_place_outside_the_list_is_refused(index):
    with pytest.raises(Invalid):
        status.encode([index])
    with pytest.raises(Invalid):
        status.is_withdrawn(status.decode(status.encode([])), index)
