"""What strangers' software fetches of a sandbox's badges: all of it under `/sandbox`, by an issuer
of its own, so that no trial passes for the real thing."""

import json

from aiohttp import web

from services.gateway.http import ANYONE, PUBLIC_URL, Route, connection, path_id
from services.gateway.sandboxes import queries
from shared.errors import NotFound
from shared.wire import encode

CREDENTIAL_TYPE = "application/vc"
JSON_LD = "application/ld+json"
SVG = "image/svg+xml"
HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "public, max-age=60",
}
NOTES = "\nOf a sandbox: a trial that nobody earned."


def _served(body: bytes, media_type: str) -> web.Response:
    return web.Response(body=body, headers={**HEADERS, "Content-Type": media_type})


async def show_did(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        document = await queries.select_did_document(conn)
    if document is None:
        raise NotFound("The credentialing room has not started yet.")
    return _served(encode(document), "application/did+json")


async def show_badge(request: web.Request) -> web.Response:
    return _served(await _badge(request), CREDENTIAL_TYPE)


async def show_evidence(request: web.Request) -> web.Response:
    evidence = json.loads(await _badge(request)).get("evidence", [])
    number = request.match_info["number"]
    for item in evidence:
        if item["id"].endswith(f"/evidence/{number}"):
            return _served(encode(item), JSON_LD)
    raise NotFound("No such evidence.")


async def _badge(request: web.Request) -> bytes:
    async with connection(request) as conn:
        document = await queries.select_badge(conn, path_id(request, "credential_id"))
    if document is None:
        raise NotFound("No sandbox has issued a badge here.")
    return document


async def show_status_list(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        document = await queries.select_status_list(conn, request.match_info["list"])
    if document is None:
        raise NotFound("No such status list.")
    return _served(document, CREDENTIAL_TYPE)


async def show_achievement(request: web.Request) -> web.Response:
    document, _ = await _achievement(request, request.match_info.get("language", "en"))
    return _served(document, "application/json")


async def show_image(request: web.Request) -> web.Response:
    _, image = await _achievement(request, "en")
    return _served(image.encode(), SVG)


async def _achievement(request: web.Request, language: str) -> tuple[bytes, str]:
    slug, version = request.match_info["slug"], request.match_info["version"]
    async with connection(request) as conn:
        found = await queries.select_achievement(
            conn, slug=slug, version=version.removeprefix("v"), language=language
        )
    if found is None:
        raise NotFound("No such achievement; its version is v1, v2 and so on.")
    return found


async def show_employer(request: web.Request) -> web.Response:
    organization_id = path_id(request, "organization_id")
    async with connection(request) as conn:
        name = await queries.select_employer_name(conn, organization_id)
    if name is None:
        raise NotFound("No such employer.")
    own_id = f"{request.app[PUBLIC_URL]}/sandbox/employers/{organization_id}"
    profile = {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        ],
        "id": own_id,
        "type": ["Profile"],
        "name": name,
    }
    return _served(encode(profile), JSON_LD)


PAGES = (
    ("/did.json", show_did, "The keys of the issuer of trials", "application/did+json"),
    ("/credentials/{credential_id}", show_badge, "A sandbox's badge", CREDENTIAL_TYPE),
    (
        "/credentials/{credential_id}/evidence/{number}",
        show_evidence,
        "What a sandbox's badge rests on",
        JSON_LD,
    ),
    (
        "/status/{list}",
        show_status_list,
        "Which badges of sandboxes were withdrawn",
        CREDENTIAL_TYPE,
    ),
    (
        "/achievements/{slug}/{version}",
        show_achievement,
        "What a sandbox's badge would stand for",
        "application/json",
    ),
    ("/achievements/{slug}/{version}/image.svg", show_image, "Its picture", SVG),
    (
        "/achievements/{slug}/{version}/{language}",
        show_achievement,
        "What a sandbox's badge would stand for, in another language",
        "application/json",
    ),
    ("/employers/{organization_id}", show_employer, "A sandbox's employer", JSON_LD),
)
ROUTES = [
    Route(
        "GET",
        f"/sandbox{path}",
        handler,
        summary,
        (ANYONE,),
        media_type=media_type,
        notes=NOTES,
    )
    for path, handler, summary, media_type in PAGES
]
