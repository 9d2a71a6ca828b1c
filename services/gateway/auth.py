"""Who is asking, by the token they carry, and at which time of their tenant."""

from dataclasses import replace

from aiohttp import web

from services.gateway.accounts.queries import select_viewer
from services.gateway.http import VIEWER, bearer, database
from services.gateway.problems import Handler
from services.gateway.tokens import token_hash
from shared import clock
from shared.errors import Unauthenticated
from shared.events.origin import current, within


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    token = bearer(request)
    if token is None:
        return await handler(request)
    async with database(request) as conn:
        viewer = await select_viewer(conn, token_hash(token))
    if viewer is None:
        raise Unauthenticated("This token is unknown or has expired. Sign in again.")
    request[VIEWER] = viewer
    origin = replace(current(), tenant=viewer.tenant, ahead=viewer.ahead)
    with within(origin), clock.advanced(viewer.ahead):
        return await handler(request)
