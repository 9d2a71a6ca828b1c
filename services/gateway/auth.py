"""Who is asking, by the token they carry, and at which time of their tenant."""

from collections.abc import Sequence
from dataclasses import replace

from aiohttp import web

from services.gateway.accounts.queries import select_viewers
from services.gateway.http import CONNECTION_SECONDS, VIEWER, bearer
from services.gateway.problems import Handler
from services.gateway.tokens import token_hash
from services.gateway.viewer import Viewer
from shared import clock
from shared.database import Database
from shared.database.coalescing import Coalescer, Errand
from shared.errors import Unauthenticated
from shared.events.origin import current, within

VIEWERS: web.AppKey[Coalescer[bytes, Viewer | None]] = web.AppKey("viewers")


def viewers(database: Database) -> Coalescer[bytes, Viewer | None]:
    """Looked up together; never kept, so that who signs out is out at once."""

    async def look_up(asked: Sequence[Errand[bytes]]) -> list[Viewer | None]:
        async with database.acquire(timeout=CONNECTION_SECONDS) as conn:
            found = await select_viewers(conn, {each.wanted for each in asked})
        return [found.get(each.wanted) for each in asked]

    return Coalescer(look_up, keys_of=lambda _: ())


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    token = bearer(request)
    if token is None:
        return await handler(request)
    viewer = await request.app[VIEWERS].ask(token_hash(token))
    if viewer is None:
        raise Unauthenticated("This token is unknown or has expired. Sign in again.")
    request[VIEWER] = viewer
    origin = replace(current(), tenant=viewer.tenant, ahead=viewer.ahead)
    with within(origin), clock.advanced(viewer.ahead):
        return await handler(request)
