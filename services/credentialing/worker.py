"""Composition root: what runs in this room."""

import asyncio

from services.credentialing import publishing, relisting, signing
from services.credentialing.document import Issuer
from services.credentialing.keys import KeyRing
from shared.database import Database
from shared.messaging import Relay
from shared.worker import Loop, MakeLoops


def loops(issuer: Issuer, keyring: KeyRing) -> MakeLoops:
    def make_loops(database: Database, relay: Relay) -> list[Loop]:
        async def issue(stopping: asyncio.Event) -> None:
            """First the keys are published, then they sign."""
            async with database.acquire() as conn:
                await publishing.publish(conn, issuer, keyring)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(relisting.run(stopping, database, issuer, keyring.signer))
                tasks.create_task(signing.run(stopping, database, relay, keyring.signer))

        return [issue]

    return make_loops
