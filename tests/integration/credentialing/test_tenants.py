"""A sandbox's badge never passes for a real one."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from services.credentialing import handlers, publishing, relisting, signing
from services.credentialing.keys import KeyRing, open_keyring, public_key
from services.credentialing.proof import from_bytes, verify_proof
from shared import clock
from shared.errors import Invalid
from shared.events.credentials import CredentialAttested
from tests.integration.credentialing.support import said

SANDBOX = "sandbox-01"


@pytest.fixture
def sandbox_keyring(tmp_path, issuer) -> KeyRing:
    return open_keyring(tmp_path / "sandbox", did=issuer.sandbox.did, now=clock.now())


@pytest.fixture
def inside(room, issuer, sandbox_keyring):
    """Attest a credential in the sandbox, and let its own issuer sign."""

    async def issue(credential, *, ahead: timedelta = timedelta()) -> None:
        event = said(CredentialAttested, credential)
        event = event.received(replace(event.envelope, tenant=SANDBOX, ahead=ahead))
        signer = sandbox_keyring.signer
        async with room.database.acquire() as conn:
            await publishing.publish(conn, issuer.sandbox, sandbox_keyring, sandbox=True)
            async with conn.transaction():
                with clock.advanced(ahead):
                    await handlers.prepare_badge(conn, event, issuer=issuer)
            async with conn.transaction():
                while await relisting.relist(conn, issuer.sandbox, signer, sandbox=True):
                    pass
                await signing.sign_waiting(conn, signer, sandbox=True)

    return issue


async def document_of(room, credential) -> bytes | None:
    return await room.database.fetchval(
        "SELECT document FROM public_sandbox_badges WHERE credential_id = $1", credential.id
    )


async def did_of(room, kind: str):
    return await room.database.fetchval(f"SELECT did_document FROM public_{kind}")


async def test_it_is_signed_by_its_own_issuer_with_its_own_key(world, room, inside):
    await room.publish()
    credential = await world.credential()

    await inside(credential)

    document = from_bytes(await document_of(room, credential))
    trial, real = await did_of(room, "sandbox_issuer"), await did_of(room, "issuer")
    verify_proof(document, lambda method: public_key(trial, method))
    assert document["issuer"]["id"] == "did:web:sibol.example:sandbox"
    assert trial["id"] != real["id"]


async def test_the_real_issuers_keys_do_not_verify_it(world, room, inside, keyring):
    await room.publish()
    credential = await world.credential()
    await inside(credential)
    document, real = from_bytes(await document_of(room, credential)), await did_of(room, "issuer")

    with pytest.raises(Invalid):
        verify_proof(document, lambda method: public_key(real, method))
    for key in keyring.public.values():
        with pytest.raises(Invalid, match="does not fit"):
            verify_proof(document, lambda _, key=key: key)


async def test_who_claims_that_it_is_real_breaks_its_signature(world, room, inside):
    await room.publish()
    credential = await world.credential()
    await inside(credential)
    text = (await document_of(room, credential)).decode()

    forged = from_bytes(
        text.replace("did:web:sibol.example:sandbox", "did:web:sibol.example").encode()
    )

    real = await did_of(room, "issuer")
    with pytest.raises(Invalid):
        verify_proof(forged, lambda method: public_key(real, method))


async def test_it_says_sandbox_wherever_it_is_read(world, room, inside):
    credential = await world.credential()

    await inside(credential)

    badge = json.loads(await document_of(room, credential))
    achievement = badge["credentialSubject"]["achievement"]
    assert badge["name"].startswith("SANDBOX")
    assert "SANDBOX" in badge["issuer"]["name"]
    assert achievement["name"].startswith("SANDBOX")
    assert achievement["description"].startswith("SANDBOX")
    assert achievement["criteria"]["narrative"].startswith("SANDBOX")
    for address in (badge["id"], achievement["id"], badge["credentialStatus"]["id"]):
        assert address.startswith("https://sibol.example/sandbox/")


async def test_it_is_not_among_the_real_ones(world, room, inside):
    await room.publish()
    credential = await world.credential()

    await inside(credential)

    assert await room.document(credential) is None
    assert await document_of(room, credential)
    assert await room.database.fetchval("SELECT count(*) FROM public_status_lists") == 0
    names = await room.database.fetch("SELECT document FROM public_achievements")
    assert not any(b"SANDBOX" in row["document"] for row in names)


async def test_the_real_signer_leaves_it_alone(world, room, issuer):
    credential = await world.credential()
    event = said(CredentialAttested, credential)
    event = event.received(replace(event.envelope, tenant=SANDBOX))
    async with room.database.acquire() as conn, conn.transaction():
        await handlers.prepare_badge(conn, event, issuer=issuer)

    assert await room.sign() == 0


async def test_its_signing_is_said_at_the_sandboxs_time(world, room, inside):
    credential = await world.credential()

    await inside(credential, ahead=timedelta(days=40))

    row = await room.database.fetchrow(
        "SELECT tenant, ahead, occurred_at - ahead AS really FROM events"
    )
    assert (row["tenant"], row["ahead"]) == (SANDBOX, timedelta(days=40))
    assert abs(row["really"] - clock.now()) < timedelta(minutes=1)
    badge = json.loads(await document_of(room, credential))
    assert badge["validFrom"] > f"{clock.now() + timedelta(days=39):%Y-%m-%dT%H:%M:%SZ}"
