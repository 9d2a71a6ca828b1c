"""What strangers' software fetches: badges, the issuer's keys, status lists, achievements."""

import json

from aiohttp import web

from services.gateway.http import ANYONE, PUBLIC_URL, Route, connection, path_id
from services.gateway.organizations.queries import select_organization
from services.gateway.public import queries
from shared.errors import NotFound
from shared.wire import encode

CREDENTIAL_TYPE = "application/vc"
EVERYBODY = {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}


def _served(body: bytes, media_type: str, *, seconds: int) -> web.Response:
    headers = {
        **EVERYBODY,
        "Content-Type": media_type,
        "Cache-Control": f"public, max-age={seconds}",
    }
    return web.Response(body=body, headers=headers)


async def show_badge(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        document = await queries.select_badge(conn, path_id(request, "credential_id"))
    if document is None:
        raise NotFound("No badge has been issued here.")
    accepted = request.headers.get("Accept", "")
    media_type = "application/json" if "application/json" in accepted else CREDENTIAL_TYPE
    if "application/vc+ld+json" in accepted:
        media_type = "application/vc+ld+json"
    return _served(document, media_type, seconds=300)


async def show_evidence(request: web.Request) -> web.Response:
    """One piece of evidence, as the badge states it: a digest, never the work itself."""
    async with connection(request) as conn:
        document = await queries.select_badge(conn, path_id(request, "credential_id"))
    evidence = json.loads(document).get("evidence", []) if document else []
    number = request.match_info["number"]
    found = [item for item in evidence if item["id"].endswith(f"/evidence/{number}")]
    if not found:
        raise NotFound("No such evidence.")
    return _served(encode(found[0]), "application/ld+json", seconds=300)


async def show_status_list(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        document = await queries.select_status_list(conn, request.match_info["list"])
    if document is None:
        raise NotFound("No such status list.")
    return _served(document, CREDENTIAL_TYPE, seconds=60)


async def show_did(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        document = await queries.select_did_document(conn)
    if document is None:
        raise NotFound("The credentialing room has not started yet.")
    return _served(encode(document), "application/did+json", seconds=300)


async def show_achievement(request: web.Request) -> web.Response:
    found = await _achievement(request, request.match_info.get("language", "en"))
    return _served(found.document, "application/json", seconds=3600)


async def show_image(request: web.Request) -> web.Response:
    found = await _achievement(request, "en")
    return _served(found.image.encode(), "image/svg+xml", seconds=3600)


async def _achievement(request: web.Request, language: str) -> queries.PublicAchievement:
    number = request.match_info["version"].removeprefix("v")
    if not number.isascii() or not number.isdigit() or len(number) > 6:
        raise NotFound("No such achievement; its version is v1, v2 and so on.")
    async with connection(request) as conn:
        found = await queries.select_achievement(
            conn, slug=request.match_info["slug"], version=int(number), language=language
        )
    if found is None:
        raise NotFound("No such achievement.")
    return found


async def show_employer(request: web.Request) -> web.Response:
    """The employer as an Open Badges profile."""
    async with connection(request) as conn:
        found = await select_organization(conn, path_id(request, "organization_id"))
    if found is None:
        raise NotFound("No such employer.")
    profile = {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        ],
        "id": request.app[PUBLIC_URL] + request.path,
        "type": ["Profile"],
        "name": found.name,
        **({"url": found.website} if found.website else {}),
    }
    return _served(encode(profile), "application/ld+json", seconds=300)


ROUTES = [
    Route(
        "GET",
        "/.well-known/did.json",
        show_did,
        "The issuer's keys",
        (ANYONE,),
        media_type="application/did+json",
    ),
    Route(
        "GET",
        "/credentials/{credential_id}",
        show_badge,
        "A signed badge",
        (ANYONE,),
        media_type=CREDENTIAL_TYPE,
    ),
    Route(
        "GET",
        "/credentials/{credential_id}/evidence/{number}",
        show_evidence,
        "What a badge rests on",
        (ANYONE,),
        media_type="application/ld+json",
    ),
    Route(
        "GET",
        "/status/{list}",
        show_status_list,
        "Which badges were withdrawn",
        (ANYONE,),
        media_type=CREDENTIAL_TYPE,
    ),
    Route(
        "GET",
        "/achievements/{slug}/{version}",
        show_achievement,
        "What a badge stands for",
        (ANYONE,),
    ),
    Route(
        "GET",
        "/achievements/{slug}/{version}/image.svg",
        show_image,
        "A badge's picture",
        (ANYONE,),
        media_type="image/svg+xml",
    ),
    Route(
        "GET",
        "/achievements/{slug}/{version}/{language}",
        show_achievement,
        "What a badge stands for, in another language",
        (ANYONE,),
    ),
    Route(
        "GET",
        "/employers/{organization_id}",
        show_employer,
        "An employer, as badges name it",
        (ANYONE,),
        media_type="application/ld+json",
    ),
]
