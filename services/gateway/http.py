"""The words of a handler: body, path_id, query, viewer, connection, answer; and one declaration
per route, which gives validation, the OpenAPI description and who may call it."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from aiohttp import web
from obstore.store import ObjectStore
from pydantic import BaseModel, ValidationError

from services.gateway.limits import Rates
from services.gateway.problems import NotJson, NotThisKind, TooLarge, TooSlow
from services.gateway.schemas import Page, Request
from services.gateway.tokens import PREFIX
from services.gateway.viewer import Viewer
from shared.database import Connection, Database
from shared.errors import Invalid, NotAllowed, NotFound, Stale, Unauthenticated
from shared.messaging import Relay
from shared.wire import faults

R = TypeVar("R", bound=Request)
T = TypeVar("T")

DATABASE: web.AppKey[Database] = web.AppKey("database")
RELAY: web.AppKey[Relay] = web.AppKey("relay", Relay)
RATES: web.AppKey[Rates] = web.AppKey("rates", Rates)
OPENAPI: web.AppKey[bytes] = web.AppKey("openapi", bytes)
PUBLIC_URL: web.AppKey[str] = web.AppKey("public_url", str)
CLIENT_SECONDS: web.AppKey[float] = web.AppKey("client_seconds", float)
FOLDER: web.AppKey[ObjectStore] = web.AppKey("folder")
VIEWER: web.RequestKey[Viewer] = web.RequestKey("viewer", Viewer)
CONNECTION: web.RequestKey[Connection] = web.RequestKey("connection")
ROUTE: web.RequestKey["Route"] = web.RequestKey("route")

LARGEST_BODY = 256 * 1024
CONNECTION_SECONDS = 5
LARGEST_PAGE = 100
MOST_ERRORS = 50
MACHINE_WORDS = re.compile(r"^\w+ should ")
WRONG_TAG = re.compile(r"^Input tag .* found using '(\w+)' does not match .* tags: (.*)$")
WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known here; leave it out",
    "model_type": "must be a JSON object",
    "time_delta_parsing": 'must be a duration, such as "P14D" or "PT12H"',
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

JSON = re.compile(r"application/(?:[a-z0-9.-]+\+)?json")
IDENTIFIER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
UNSPEAKABLE = re.compile("[\x00\ud800-\udfff]")
ETAG = re.compile(r'(?:W/)?"(\d{1,9})"', re.ASCII)

ANYONE = "anyone"
SIGNED_IN = "signed in"


@dataclass(frozen=True)
class Route:
    """`who` is ANYONE, SIGNED_IN or the roles that the record itself will check. `proposes`: what one
    side asks for may wait for the other, and is then accepted, not done. `together`: many of them share
    a transaction."""

    method: str
    path: str
    handler: Handler
    summary: str
    who: tuple[str, ...]
    takes: type[Request] | None = None
    filters: type[Request] | None = None
    gives: type[BaseModel] | None = None
    status: int = 200
    proposes: bool = False
    takes_file: bool = False
    gives_secrets: bool = False
    together: bool = False
    media_type: str = "application/json"
    duties: frozenset[str] = frozenset()
    notes: str = ""

    @property
    def open(self) -> bool:
        return self.who == (ANYONE,)


async def body(request: web.Request, model: type[R]) -> R:
    raw = await read(request)
    if not raw.strip():
        raw = b"{}"
    elif "Content-Type" in request.headers and not JSON.fullmatch(request.content_type):
        raise NotThisKind("Send JSON, with Content-Type: application/json.")
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        found = in_words(error)
        if found[0]["code"] == "json_invalid":
            raise NotJson(f"The body is not JSON. {found[0]['detail']}.") from None
        raise Invalid(_sentence(found), errors=found[:MOST_ERRORS]) from None


async def read(request: web.Request) -> bytes:
    if (request.content_length or 0) > LARGEST_BODY:
        raise TooLarge(f"The body may hold at most {LARGEST_BODY // 1024} KiB.")
    try:
        async with asyncio.timeout(request.app[CLIENT_SECONDS]):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise TooLarge(f"The body may hold at most {LARGEST_BODY // 1024} KiB.") from None
    except TimeoutError:
        raise TooSlow("The body did not arrive in time. Send it again, without a pause.") from None


def _sentence(found: list[dict[str, str]]) -> str:
    if len(found) == 1:
        return f"{found[0]['pointer'] or 'The body'}: {found[0]['detail']}."
    return f"{len(found)} things are wrong; each is listed in errors, up to {MOST_ERRORS}."


def in_words(error: ValidationError) -> list[dict[str, str]]:
    """Each fault in a sentence about the field it points to."""
    found = faults(error)
    for fault in found:
        plain = MACHINE_WORDS.sub("must ", fault["detail"].removeprefix("Value error, "))
        plain = WRONG_TAG.sub(r"\1 must be one of \2", plain)
        fault["detail"] = WORDS.get(fault["code"], plain)
    return found


def query(request: web.Request, model: type[R]) -> R:
    known = model.model_fields
    values = {name: value for name, value in request.query.items() if name in known}
    unknown = sorted(set(request.query) - set(known))
    if unknown:
        raise Invalid(
            f"Unknown: {', '.join(unknown)[:200]}. Known here: {', '.join(sorted(known)) or 'none'}."
        )
    try:
        return model.model_validate_strings(values)
    except ValidationError as error:
        found = in_words(error)
        raise Invalid(_sentence(found), errors=found) from None


def check_address(request: web.Request) -> None:
    """What PostgreSQL, or the answer's JSON, could not hold."""
    given = (*request.match_info.values(), *request.query.keys(), *request.query.values())
    if any(UNSPEAKABLE.search(text) for text in given):
        raise Invalid("The address must be UTF-8 text without U+0000.")


def path_id(request: web.Request, name: str) -> UUID:
    given = request.match_info[name]
    if not IDENTIFIER.fullmatch(given):
        raise NotFound(f"No such {name.removesuffix('_id')}; its id is a UUID.")
    return UUID(given)


def bearer(request: web.Request) -> str | None:
    given = request.headers.get("Authorization")
    if given is None:
        return None
    scheme, _, token = given.partition(" ")
    if scheme.lower() != "bearer" or not token.startswith(PREFIX):
        raise Unauthenticated(f"Authorization must read: Bearer {PREFIX}...")
    return token


def viewer(request: web.Request) -> Viewer:
    found: Viewer | None = request.get(VIEWER)
    if found is None:
        raise Unauthenticated("Sign in first: POST /v1/sessions, then Authorization: Bearer TOKEN.")
    return found


def require_duty(request: web.Request, duties: frozenset[str]) -> None:
    if duties and not viewer(request).duties & duties:
        raise NotAllowed(f"This is for the {' or the '.join(sorted(duties))} alone.")


@asynccontextmanager
async def connection(request: web.Request) -> AsyncIterator[Connection]:
    """The connection of this request: one that is already in a transaction when the answer is to
    be kept under an Idempotency-Key."""
    kept = request.get(CONNECTION)
    if kept is not None:
        yield kept
        return
    async with database(request) as conn:
        yield conn


def database(request: web.Request) -> AbstractAsyncContextManager[Connection]:
    """A connection of its own; too long a wait for one is an answer."""
    return request.app[DATABASE].acquire(timeout=CONNECTION_SECONDS)


def answer(view: BaseModel, *, status: int = 200, version: int | None = None) -> web.Response:
    response = web.Response(
        body=view.model_dump_json().encode(), status=status, content_type="application/json"
    )
    response.headers["Cache-Control"] = "private, no-cache"
    if version is not None:
        response.etag = str(version)
    return response


def expected_version(request: web.Request) -> int | None:
    """The version named by If-Match, or None when the caller does not mind."""
    given = request.headers.get("If-Match")
    if given is None or given.strip() == "*":
        return None
    tag = ETAG.fullmatch(given.strip())
    if tag is None:
        raise Stale('If-Match must be the ETag of the record as you last read it, such as "3".')
    return int(tag[1])


class Paging(Request):
    cursor: str | None = None
    limit: int = 25


@dataclass(frozen=True)
class Cursor:
    """Keyset paging: the newest first, `before` an id."""

    before: UUID | None
    limit: int


def cursor(paging: Paging) -> Cursor:
    if not 1 <= paging.limit <= LARGEST_PAGE:
        raise Invalid(f"limit must lie between 1 and {LARGEST_PAGE}.")
    return Cursor(_before(paging.cursor), paging.limit)


def _before(text: str | None) -> UUID | None:
    if text is None:
        return None
    try:
        return UUID(bytes=base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        raise Invalid("cursor must be the `next` of the page before.") from None


def page(found: list[T], limit: int, id_of: Callable[[T], UUID]) -> Page[T]:
    """`found` holds one more than `limit` when there is a further page."""
    items = found[:limit]
    more = len(found) > limit
    after = base64.urlsafe_b64encode(id_of(items[-1]).bytes).rstrip(b"=").decode() if more else None
    return Page(items=items, next=after)
