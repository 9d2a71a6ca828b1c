import asyncio
import json
from datetime import timedelta
from uuid import uuid4

import pytest

from services.credentialing import handlers, signing
from services.credentialing.document import identity_hash
from services.credentialing.keys import public_key
from services.credentialing.proof import from_bytes, verify_proof
from shared import clock
from shared.errors import Conflict, NotFound
from shared.events.credentials import (
    CredentialAttestationSkipped,
    CredentialAttested,
    CredentialRefused,
    CredentialRevoked,
)
from tests.integration.credentialing import strangers
from tests.integration.credentialing.support import (
    EMAIL,
    SHOWN,
    STRUCK,
    Credential,
    said,
)


async def count_badges(database) -> int:
    return await database.fetchval("SELECT count(*) FROM badges")


async def test_an_attested_credential_becomes_a_badge_that_everybody_can_check(world, room):
    await room.publish()
    credential = await world.credential(email=EMAIL)

    document = await room.issue(credential)

    did_document = await room.database.fetchval("SELECT did_document FROM public_issuer")
    verify_proof(from_bytes(document), lambda method: public_key(did_document, method))
    await strangers.check(room.database, document)
    assert await room.said() == ["badge.signed.v1"]


async def test_the_badge_says_what_the_employer_confirmed_and_nothing_struck(world, room):
    credential = await world.credential()

    badge = json.loads(await room.issue(credential))

    subject = badge["credentialSubject"]
    level, *shown, milestones, hours = [result["value"] for result in subject["result"]]
    assert (level, shown, milestones, hours) == ("employer-attested", ["confirmed"], "1", "20")
    assert SHOWN in json.dumps(badge)
    assert STRUCK not in json.dumps(badge)
    assert subject["role"] == "Talaan ng paninda"
    assert subject["activityStartDate"] == "2026-02-01T01:02:03Z"
    assert subject["activityEndDate"] == "2026-02-11T01:02:03Z"
    assert subject["achievement"]["inLanguage"] == "fil"
    assert badge["evidence"][0]["name"] == "Pahina ng paninda"


async def test_a_silent_employer_leaves_the_skills_unconfirmed(world, room):
    credential = await world.credential(attested=False)

    await room.hear(said(CredentialAttestationSkipped, credential))
    await room.sign()

    badge = json.loads(await room.document(credential))
    values = [result["value"] for result in badge["credentialSubject"]["result"]]
    assert values[:3] == ["platform-verified", "not confirmed", "not confirmed"]


@pytest.mark.parametrize(
    "events",
    [
        (CredentialAttested, CredentialAttested),
        (CredentialAttested, CredentialAttestationSkipped),
        (CredentialAttestationSkipped, CredentialAttested),
    ],
)
async def test_hearing_twice_gives_one_badge_and_says_so_once(world, room, events):
    credential = await world.credential()
    first, second = (said(event, credential) for event in events)
    await room.hear(first)
    await room.sign()
    before = await room.document(credential)

    await room.hear(second)
    await room.sign()

    assert await count_badges(room.database) == 1
    assert await room.document(credential) == before
    assert await room.said() == ["badge.signed.v1"]


async def test_two_workers_at_once_give_one_badge(world, room):
    credential = await world.credential()
    events = [said(CredentialAttested, credential) for _ in range(4)]

    await asyncio.gather(*(room.hear(event) for event in events))
    taken = await asyncio.gather(room.sign(), room.sign())

    assert await count_badges(room.database) == 1
    assert sum(taken) == 1
    assert await room.said() == ["badge.signed.v1"]


async def test_a_crash_after_signing_gives_the_same_bytes_later(world, room):
    credential = await world.credential()
    await room.hear(said(CredentialAttested, credential))
    await room.relist()
    async with room.database.acquire() as conn:
        crashing = conn.transaction()
        await crashing.start()
        await signing.sign_waiting(conn, room.keyring.signer)
        lost = await conn.fetchval("SELECT document FROM badges")
        await crashing.rollback()

    await world.rename_employer("Iba na")
    await world.change_email(credential, "iba.na@example.ph")
    with clock.advanced(timedelta(hours=1)):
        await room.sign()

    assert await room.document(credential) == lost
    assert await room.said() == ["badge.signed.v1"]


async def test_a_new_address_of_the_holder_leaves_the_badge_as_it_was(world, room):
    credential = await world.credential(email=EMAIL)
    before = await room.issue(credential)

    await world.change_email(credential, "ana.bago@example.ph")
    await room.hear(said(CredentialAttested, credential))
    await room.sign()

    assert await room.document(credential) == before
    identity = json.loads(before)["credentialSubject"]["identifier"][0]
    assert identity["identityHash"] == identity_hash(EMAIL, identity["salt"])


async def test_the_holders_name_address_and_files_names_stay_out(world, room, capfd):
    credential = await world.credential(email=EMAIL)

    document = await room.issue(credential)

    rows = await room.database.fetch(
        """SELECT badges::text AS text FROM badges
            UNION ALL SELECT events::text FROM events
            UNION ALL SELECT outbox::text FROM outbox"""
    )
    logged = "".join(capfd.readouterr())
    assert "badge_signed" in logged
    for private in (EMAIL, "Ana Reyes", "ana-reyes.pdf"):
        for shown in (document.decode(), logged, *(row["text"] for row in rows)):
            assert private not in shown
            assert private.encode().hex() not in shown


async def test_an_unknown_credential_is_refused(room):
    with pytest.raises(NotFound):
        await room.hear(said(CredentialAttested, Credential(uuid4(), uuid4(), uuid4())))


@pytest.mark.parametrize("state", ["terminated", "not_started", "active", "disputed"])
async def test_an_engagement_that_did_not_end_well_earns_no_badge(world, room, state):
    credential = await world.credential(engagement_state=state)

    with pytest.raises(Conflict):
        await room.hear(said(CredentialAttested, credential))

    assert await count_badges(room.database) == 0


@pytest.mark.parametrize("state", ["submitted", "cancelled"])
async def test_work_that_was_not_accepted_earns_no_badge(world, room, state):
    credential = await world.credential(milestone_state=state)

    with pytest.raises(Conflict):
        await room.hear(said(CredentialAttested, credential))


async def test_a_badge_that_the_learner_refused_first_is_not_made(world, room):
    credential = await world.credential(state="refused")

    await room.hear(said(CredentialRefused, credential), said(CredentialAttested, credential))

    assert await count_badges(room.database) == 0


async def test_a_badge_refused_before_its_signature_is_never_signed(world, room):
    credential = await world.credential()

    await room.hear(said(CredentialAttested, credential), said(CredentialRefused, credential))
    await room.sign()

    assert await room.document(credential) is None
    assert await room.said() == []


async def test_odd_texts_of_an_employer_keep_nobody_from_their_badge(world, room):
    await room.publish()
    credential = await world.credential(
        title="  Sumulat\tkay boss@kape.example \u202e" + "x" * 300,
        name="\u200bKape\x07",
        website="https://kape.example/<menu>",
        milestone="Una\r\npangalawa",
    )

    document = await room.issue(credential)

    await strangers.check(room.database, document)
    badge = json.loads(document)
    assert badge["credentialSubject"]["role"].startswith("Sumulat kay … xxx")
    assert badge["credentialSubject"]["source"]["name"] == "Kape"
    assert "url" not in badge["credentialSubject"]["source"]
    assert badge["evidence"][0]["name"] == "Una pangalawa"


async def test_a_full_status_list_is_followed_by_a_new_one(world, room):
    credentials = [await world.credential() for _ in range(5)]

    async with room.database.acquire() as conn, conn.transaction():
        for credential in credentials:
            event = said(CredentialAttested, credential)
            await handlers.prepare_badge(conn, event, issuer=room.issuer, size=2)

    rows = await room.database.fetch(
        "SELECT status_list_id, status_index FROM badges ORDER BY 1, 2"
    )
    assert [tuple(row) for row in rows] == [(1, 0), (1, 1), (2, 0), (2, 1), *[tuple(rows[-1])]]
    assert rows[-1]["status_list_id"] == 3


async def test_many_workers_never_share_a_place(world, room):
    credentials = [await world.credential() for _ in range(6)]

    async def prepare(credential):
        async with room.database.acquire() as conn, conn.transaction():
            event = said(CredentialAttested, credential)
            await handlers.prepare_badge(conn, event, issuer=room.issuer, size=3)

    await asyncio.gather(*map(prepare, credentials))

    assert await count_badges(room.database) == 6
    assert await room.database.fetchval("SELECT count(*) FROM status_lists") == 2


async def test_no_badge_is_shown_before_its_status_list(world, room):
    credential = await world.credential()
    await room.hear(said(CredentialAttested, credential))

    async with room.database.acquire() as conn, conn.transaction():
        taken = await signing.sign_waiting(conn, room.keyring.signer)

    assert taken == 0


async def test_a_text_that_cannot_be_signed_stops_no_other(world, room, capfd):
    bad, good = await world.credential(), await world.credential()
    await room.hear(said(CredentialAttested, bad), said(CredentialAttested, good))
    await room.database.execute(
        "UPDATE badges SET unsigned = '{\"@context\": []}' WHERE credential_id = $1", bad.id
    )

    await room.sign()

    assert await room.document(good) is not None
    assert await room.sign() == 0
    assert "badge_refused" in "".join(capfd.readouterr())


async def test_a_revoked_badge_is_seen_as_withdrawn_by_everybody(world, room):
    await room.publish()
    revoked, other = await world.credential(), await world.credential()
    documents = [await room.issue(revoked), await room.issue(other)]

    await room.hear(said(CredentialRevoked, revoked))
    await room.hear(said(CredentialRevoked, revoked))
    relisted = await room.relist()

    assert relisted == 1
    await strangers.check(room.database, documents[1])
    with pytest.raises(Exception, match="revoked"):
        await strangers.check(room.database, documents[0])
    assert await room.database.fetchval("SELECT count(withdrawn_at) FROM public_badges") == 1
