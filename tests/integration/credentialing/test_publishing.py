"""What the gateway serves to strangers, and how long it stays good."""

import asyncio
import json
from datetime import timedelta

from services.credentialing import status
from services.credentialing.keys import public_key
from services.credentialing.proof import from_bytes, verify_proof
from services.credentialing.worker import loops
from shared import clock
from shared.events.credentials import CredentialAttested, CredentialRevoked
from shared.messaging import Relay
from tests.integration.credentialing.support import said


async def test_the_issuer_lists_the_key_that_signed(world, room, keyring):
    await room.publish()

    document = json.loads(await room.issue(await world.credential()))

    did_document = await room.database.fetchval("SELECT did_document FROM public_issuer")
    assert document["proof"]["verificationMethod"] in did_document["assertionMethod"]
    assert next(iter(did_document)) == "@context"


async def test_the_gateway_sees_what_is_published_and_nothing_else(world, room):
    await room.publish()
    await room.issue(await world.credential())

    for view in ("badges", "status_lists", "achievements", "issuer"):
        assert await world.conn.fetch(f"SELECT * FROM credentialing.public_{view}")
    allowed = await world.conn.fetchval(
        "SELECT has_table_privilege('credentialing.badges', 'SELECT')"
    )
    assert not allowed


async def test_each_achievement_stands_at_the_address_its_badges_name(world, room):
    await room.publish()
    badge = json.loads(await room.issue(await world.credential()))

    row = await room.database.fetchrow(
        """SELECT document, image FROM public_achievements
            WHERE slug = 'micro-internship-completed' AND version = 1 AND language = 'fil'"""
    )

    published = json.loads(row["document"])
    named = badge["credentialSubject"]["achievement"]
    assert published == {name: value for name, value in named.items() if name != "alignment"}
    assert row["image"].startswith("<svg")


async def test_publishing_again_changes_nothing_but_the_time(room):
    await room.publish()
    await room.publish()

    assert await room.database.fetchval("SELECT count(*) FROM public_achievements") == 2
    assert await room.database.fetchval("SELECT count(*) FROM issuer") == 1


async def test_a_status_list_is_signed_and_renewed_long_before_it_lapses(world, room, keyring):
    await room.issue(await world.credential())
    select = "SELECT document, valid_until FROM public_status_lists"
    first = await room.database.fetchrow(select)

    at_once = await room.relist()
    with clock.advanced(status.VALID_FOR / 3 + timedelta(seconds=1)):
        later = await room.relist()

    second = await room.database.fetchrow(select)
    assert (at_once, later) == (0, 1)
    assert second["valid_until"] - first["valid_until"] >= status.VALID_FOR / 3
    for row in (first, second):
        verify_proof(
            from_bytes(row["document"]), lambda _method: next(iter(keyring.public.values()))
        )


async def test_the_running_room_signs_and_relists_within_two_seconds(world, room):
    stopping = asyncio.Event()
    relay = Relay(room.database, "amqp://127.0.0.1:1", "credentialing")
    credential = await world.credential()
    (issue,) = loops(room.issuer, room.keyring)(room.database, relay)

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(issue(stopping))
        await room.hear(said(CredentialAttested, credential))
        while await room.document(credential) is None:
            await asyncio.sleep(0.02)
        async with asyncio.timeout(2):
            await room.hear(said(CredentialRevoked, credential))
            while not await _is_withdrawn(room, credential):
                await asyncio.sleep(0.02)
        stopping.set()

    did_document = await room.database.fetchval("SELECT did_document FROM public_issuer")
    badge = from_bytes(await room.document(credential))
    verify_proof(badge, lambda method: public_key(did_document, method))


async def _is_withdrawn(room, credential) -> bool:
    badge = json.loads(await room.document(credential))
    published = json.loads(await room.database.fetchval("SELECT document FROM public_status_lists"))
    bits = status.decode(published["credentialSubject"]["encodedList"])
    return status.is_withdrawn(bits, int(badge["credentialStatus"]["statusListIndex"]))
