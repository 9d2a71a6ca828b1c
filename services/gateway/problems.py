"""Error class to status, as `application/problem+json` (RFC 9457)."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog
from aiohttp import web

from shared import log
from shared.database import is_away
from shared.errors import (
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    Refusal,
    Stale,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from shared.wire import encode

STATUS: dict[type[Refusal], int] = {
    Invalid: 422,
    Unauthenticated: 401,
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    Stale: 412,
    TooMany: 429,
    Unavailable: 503,
}
RETRY_SECONDS = "2"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class TooLarge(Invalid):
    code = "too_large"


class NotJson(Invalid):
    code = "not_json"


class NotThisKind(Invalid):
    code = "unsupported_media_type"


class TooSlow(Invalid):
    code = "too_slow"


def status_of(refusal: Refusal) -> int:
    own: dict[type, int] = {TooLarge: 413, NotJson: 400, NotThisKind: 415, TooSlow: 408}
    for kind in type(refusal).__mro__:
        if kind in own:
            return own[kind]
        if kind in STATUS:
            return STATUS[kind]
    return 400


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return problem(status_of(refusal), refusal.code, refusal.detail, **refusal.extra)
    except web.HTTPException as refused:
        return _framework_problem(refused)
    except Exception as error:
        return _unexpected(request, error)


def _unexpected(request: web.Request, error: Exception) -> web.Response:
    # The second is what asyncpg says of a connection that the server is just closing.
    away = is_away(error)
    if isinstance(error, web.RequestPayloadError) or (away and request.transport is None):
        return problem(400, "incomplete", "The body ended early or is wrongly encoded.")
    if away:
        log.get().warning("neighbour_away", error=type(error).__name__)
        return problem(503, "unavailable", "Something we need is away. Try again soon.")
    log.get().error("request_failed", exc_info=error)
    return problem(500, "internal", "This is our fault. The request was not carried out.")


def problem(status: int, code: str, detail: str, **extra: object) -> web.Response:
    body = {
        "type": f"https://sibol.ph/problems/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "instance": structlog.contextvars.get_contextvars().get("request_id"),
        **extra,
    }
    headers = {"Cache-Control": "no-store"}
    if status in {429, 503}:
        headers["Retry-After"] = RETRY_SECONDS
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="sibol"'
    return web.Response(
        body=encode(body), status=status, content_type="application/problem+json", headers=headers
    )


def _framework_problem(refused: web.HTTPException) -> web.Response:
    if isinstance(refused, web.HTTPMethodNotAllowed):
        allowed = sorted(refused.allowed_methods)
        answer = problem(
            405, "method_not_allowed", f"Use {' or '.join(allowed)} here.", allowed=allowed
        )
        answer.headers["Allow"] = ", ".join(allowed)
        return answer
    if isinstance(refused, web.HTTPNotFound):
        return problem(404, "not_found", "Nothing is here. The addresses are at /docs.")
    if isinstance(refused, web.HTTPRequestEntityTooLarge):
        return problem(413, "too_large", "The body is too large.")
    return problem(refused.status, "refused", refused.reason or "The request was refused.")
