"""Composition root: what runs in this room."""

import asyncio

from services.credentialing import publishing, relisting, signing
from services.credentialing.document import Issuer
from services.credentialing.keys import KeyRing
from shared.database import Database
from shared.messaging import Relay
from shared.worker import Loop, MakeLoops


def loops(issuer: Issuer, keyring: KeyRing, *, sandbox: bool = False) -> MakeLoops:
    def make_loops(database: Database, relay: Relay) -> list[Loop]:
        async def issue(stopping: asyncio.Event) -> None:
            """First the keys are published, then they sign."""
            async with database.acquire() as conn:
                await publishing.publish(conn, issuer, keyring, sandbox=sandbox)
            signer = keyring.signer
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(
                    relisting.run(stopping, database, issuer, signer, sandbox=sandbox)
                )
                tasks.create_task(signing.run(stopping, database, relay, signer, sandbox=sandbox))

        return [issue]

    return make_loops


def both(real: MakeLoops, sandbox: MakeLoops) -> MakeLoops:
    def make_loops(database: Database, relay: Relay) -> list[Loop]:
        return [*real(database, relay), *sandbox(database, relay)]

    return make_loops
