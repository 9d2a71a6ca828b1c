"""Who is asking, by the token they carry."""

from aiohttp import web

from services.gateway.accounts.queries import select_viewer
from services.gateway.http import VIEWER, bearer, database
from services.gateway.problems import Handler
from services.gateway.tokens import token_hash
from shared.errors import Unauthenticated


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    token = bearer(request)
    if token is not None:
        async with database(request) as conn:
            viewer = await select_viewer(conn, token_hash(token))
        if viewer is None:
            raise Unauthenticated("This token is unknown or has expired. Sign in again.")
        request[VIEWER] = viewer
    return await handler(request)
