"""Sign the badges that wait, and say so."""

import asyncio
from collections.abc import Sequence
from functools import partial

from services.credentialing import queries
from services.credentialing.keys import Signer
from services.credentialing.proof import add_proof, from_bytes, to_bytes
from services.credentialing.queries import WaitingBadge
from services.credentialing.repeating import repeat
from shared import clock, log
from shared.database import Connection, Database
from shared.errors import Invalid
from shared.events.badges import BadgeSigned
from shared.events.origin import Origin, within
from shared.messaging import Relay, record

BATCH = 20


async def run(
    stopping: asyncio.Event,
    database: Database,
    relay: Relay,
    signer: Signer,
    *,
    sandbox: bool = False,
) -> None:
    await repeat(stopping, partial(_step, database, relay, signer, sandbox=sandbox))


async def _step(database: Database, relay: Relay, signer: Signer, *, sandbox: bool) -> bool:
    async with database.acquire() as conn, conn.transaction():
        signed = await sign_waiting(conn, signer, sandbox=sandbox)
    if signed:
        relay.wake()
    return signed == BATCH


async def sign_waiting(conn: Connection, signer: Signer, *, sandbox: bool = False) -> int:
    """Return how many were taken; those of sandboxes are another signer's."""
    waiting = await queries.lock_waiting_badges(conn, BATCH, sandbox=sandbox)
    if waiting:
        outcomes = await asyncio.to_thread(_sign_all, waiting, signer)
        for badge, outcome in zip(waiting, outcomes, strict=True):
            await _settle(conn, badge, outcome)
    return len(waiting)


def _sign_all(waiting: Sequence[WaitingBadge], signer: Signer) -> list[bytes | Invalid]:
    return [_sign(badge, signer) for badge in waiting]


def _sign(badge: WaitingBadge, signer: Signer) -> bytes | Invalid:
    try:
        return to_bytes(add_proof(from_bytes(badge.unsigned), signer, badge.created_at))
    except Invalid as refusal:
        return refusal


async def _settle(conn: Connection, badge: WaitingBadge, outcome: bytes | Invalid) -> None:
    if isinstance(outcome, Invalid):
        await queries.update_refusal(conn, badge_id=badge.id, refusal=outcome.detail)
        log.get().error("badge_refused", badge_id=str(badge.id), reason=outcome.detail)
        return
    await queries.update_signed(conn, badge_id=badge.id, document=outcome, now=clock.now())
    origin = Origin(
        correlation_id=badge.correlation_id,
        causation_id=badge.causation_id,
        tenant=badge.tenant,
        ahead=badge.ahead,
    )
    with within(origin), clock.advanced(badge.ahead):
        await record(
            conn,
            BadgeSigned(badge_id=badge.id, credential_id=badge.credential_id, url=badge.url),
        )
    log.get().info("badge_signed", badge_id=str(badge.id), credential_id=str(badge.credential_id))
