"""Sign each status list anew when a badge on it was withdrawn, and long before it lapses."""

import asyncio
from functools import partial

from services.credentialing import queries, status
from services.credentialing.document import Issuer
from services.credentialing.facts import status_list_url
from services.credentialing.keys import Signer
from services.credentialing.proof import to_bytes
from services.credentialing.repeating import repeat
from shared import clock, log
from shared.database import Connection, Database

RENEWED_AFTER = status.VALID_FOR / 3


async def run(
    stopping: asyncio.Event,
    database: Database,
    issuer: Issuer,
    signer: Signer,
    *,
    sandbox: bool = False,
) -> None:
    await repeat(stopping, partial(_step, database, issuer, signer, sandbox=sandbox))


async def _step(database: Database, issuer: Issuer, signer: Signer, *, sandbox: bool) -> bool:
    async with database.acquire() as conn, conn.transaction():
        return await relist(conn, issuer, signer, sandbox=sandbox)


async def relist(
    conn: Connection, issuer: Issuer, signer: Signer, *, sandbox: bool = False
) -> bool:
    """Sign the list that needs it most; False when none does."""
    now = clock.now().replace(microsecond=0)
    list_id = await queries.lock_due_list(conn, signed_before=now - RENEWED_AFTER, sandbox=sandbox)
    if list_id is None:
        return False
    signed = await asyncio.to_thread(
        status.build_signed,
        list_url=status_list_url(issuer, list_id),
        withdrawn=await queries.select_withdrawn_places(conn, list_id),
        now=now,
        issuer_did=issuer.did,
        signer=signer,
    )
    await queries.update_list(
        conn,
        list_id=list_id,
        document=to_bytes(signed),
        signed_at=now,
        valid_until=now + status.VALID_FOR,
    )
    log.get().info("status_list_signed", list_id=list_id)
    return True
