"""How others check a badge: with their own libraries and nothing but what is published."""

import json
from typing import Any

from openbadgeslib.ob3.ldp import OB3LdpVerifier
from openvc.did.base import DidResolverRegistry
from openvc.did.did_web import DidWebResolver
from openvc.resolvers import default_status_list_resolver
from openvc.verify import VerificationPolicy, verify_credential

from services.credentialing import contexts
from shared.database import Database


async def check(database: Database, document: bytes) -> None:
    did, did_document = await database.fetchrow("SELECT did, did_document FROM public_issuer")
    badge = json.loads(document)
    strangers = DidResolverRegistry([DidWebResolver(lambda _url: did_document)])
    published = await _published_list(database, badge)
    OB3LdpVerifier.for_issuer_did(did).verify(
        document, download=lambda _url: json.dumps(did_document).encode()
    )
    verify_credential(
        badge,
        resolver=strangers,
        resolve_status_list=default_status_list_resolver(
            resolver=strangers, fetch=published.__getitem__, expected_issuer=did
        ),
        policy=VerificationPolicy(
            require_status_issuer_binding=True, expected_types=["OpenBadgeCredential"]
        ),
        extra_contexts=contexts.known(),
    )


async def _published_list(database: Database, badge: dict[str, Any]) -> dict[str, str]:
    url = badge["credentialStatus"]["statusListCredential"]
    document = await database.fetchval(
        "SELECT document FROM public_status_lists WHERE id = $1", int(url.rsplit("/", 1)[1])
    )
    return {url: document.decode()}
