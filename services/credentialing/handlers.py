"""Decide what a badge says, and keep it. A loop signs it, in a later transaction.

The salt, the place in a status list, the time and the whole unsigned text are committed before
anything is signed. So a crash between signing and storing changes nothing: the next try signs the
same text at the same time, and Ed25519 gives the same bytes.
"""

import secrets
from functools import partial

from services.credentialing import badges, facts, places, queries
from services.credentialing.document import Holder, Issuer, build, credential_url, identity_hash
from services.credentialing.facts import Facts
from services.credentialing.proof import to_bytes
from services.credentialing.queries import NewBadge
from services.credentialing.status import PLACES
from shared import clock, log
from shared.database import Connection
from shared.errors import NotFound
from shared.events.base import Event
from shared.events.credentials import (
    CredentialAttestationSkipped,
    CredentialAttested,
    CredentialEvent,
    CredentialRefused,
    CredentialRevoked,
    CredentialSuperseded,
)
from shared.events.origin import REAL
from shared.ids import new_id
from shared.messaging import Subscription, on

READY: tuple[type[CredentialEvent], ...] = (CredentialAttested, CredentialAttestationSkipped)
ENDED: tuple[type[CredentialEvent], ...] = (
    CredentialRefused,
    CredentialRevoked,
    CredentialSuperseded,
)
HEARS: tuple[type[Event], ...] = (*READY, *ENDED)


def subscriptions(issuer: Issuer) -> list[Subscription]:
    return [
        *(on(event, partial(prepare_badge, issuer=issuer)) for event in READY),
        *(on(event, withdraw_badge) for event in ENDED),
    ]


async def prepare_badge(
    conn: Connection, event: CredentialEvent, *, issuer: Issuer, size: int = PLACES
) -> None:
    """`size` is the number of places that a status list is filled up to. What a sandbox earns is
    the issuer's twin's to say."""
    await queries.lock_credential(conn, event.credential_id)
    if await queries.has_badge(conn, event.credential_id):
        return
    known = await queries.select_facts(conn, event.credential_id)
    if known is None:
        raise NotFound("The gateway shows no such credential with its engagement.")
    if not facts.is_wanted(known):
        log.get().info("badge_unwanted", credential_id=str(known.credential_id), state=known.state)
        return
    holder = await _holder(conn, known)
    issuer = issuer.sandbox if event.envelope.tenant != REAL else issuer
    inserted = False
    while not inserted:  # another badge may take the same place at the same moment
        inserted = await _insert(conn, event, known, holder, issuer=issuer, size=size)


async def withdraw_badge(conn: Connection, event: CredentialEvent) -> None:
    await queries.lock_credential(conn, event.credential_id)
    await queries.update_withdrawn(conn, credential_id=event.credential_id, now=clock.now())


async def _holder(conn: Connection, known: Facts) -> Holder:
    email = await queries.select_email(conn, known.holder_id)
    if email is None:
        raise NotFound("The holder is no longer there; without an address no badge is theirs.")
    salt = secrets.token_hex(16)
    return Holder(identity_hash=identity_hash(email, salt), salt=salt)


async def _insert(
    conn: Connection,
    event: CredentialEvent,
    known: Facts,
    holder: Holder,
    *,
    issuer: Issuer,
    size: int,
) -> bool:
    now = clock.now().replace(microsecond=0)
    sandbox = event.envelope.tenant != REAL
    achievement = facts.earned(known, badges.offered(sandbox=sandbox), now)
    place = await places.find(conn, size, sandbox=sandbox)
    award = facts.award(
        known, achievement=achievement, issuer=issuer, holder=holder, place=place, now=now
    )
    badge = NewBadge(
        id=new_id(),
        credential_id=known.credential_id,
        engagement_id=known.engagement_id,
        achievement_slug=achievement.slug,
        achievement_version=achievement.version,
        salt=holder.salt,
        status_list_id=place.list_id,
        status_index=place.index,
        url=credential_url(issuer.url, known.credential_id),
        created_at=now,
        correlation_id=event.envelope.correlation_id,
        causation_id=event.envelope.id,
        tenant=event.envelope.tenant,
        ahead=event.envelope.ahead,
        unsigned=to_bytes(build(award)),
    )
    return await queries.insert_badge(conn, badge)
