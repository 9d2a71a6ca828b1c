"""Composition root: the areas, and what surrounds every request."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import asyncpg
import structlog
from aiohttp import web
from limits import RateLimitItem

from services.gateway import auth, metrics, openapi
from services.gateway.accounts.routes import ROUTES as ACCOUNTS
from services.gateway.applications.routes import APPLY, VIEW
from services.gateway.applications.routes import ROUTES as APPLICATIONS
from services.gateway.credentials.routes import ROUTES as CREDENTIALS
from services.gateway.disputes.routes import ROUTES as DISPUTES
from services.gateway.engagements.routes import CHECK_IN
from services.gateway.engagements.routes import ROUTES as ENGAGEMENTS
from services.gateway.files.routes import ROUTES as FILES
from services.gateway.files.storage import open_folder
from services.gateway.freezes.routes import ROUTES as FREEZES
from services.gateway.handlers import SUBSCRIPTIONS
from services.gateway.history.routes import ROUTES as HISTORY
from services.gateway.http import (
    CLIENT_SECONDS,
    CONNECTION,
    DATABASE,
    FOLDER,
    LARGEST_BODY,
    OPENAPI,
    PUBLIC_URL,
    RATES,
    RELAY,
    ROUTE,
    VIEWER,
    Handler,
    Route,
    check_address,
    database,
    require_duty,
    viewer,
)
from services.gateway.idempotency import Claim, claim_all, keep_all
from services.gateway.interviews.routes import ROUTES as INTERVIEWS
from services.gateway.limits import READ, WRITE, Rates
from services.gateway.matches.routes import ROUTES as MATCHES
from services.gateway.milestones.routes import ROUTES as MILESTONES
from services.gateway.notices.routes import ROUTES as NOTICES
from services.gateway.organizations.routes import ROUTES as ORGANIZATIONS
from services.gateway.payments.routes import PROVIDER_SECRET
from services.gateway.payments.routes import ROUTES as PAYMENTS
from services.gateway.problems import problems
from services.gateway.profiles.routes import ROUTES as PROFILES
from services.gateway.projects.routes import ROUTES as PROJECTS
from services.gateway.public.routes import ROUTES as PUBLIC
from services.gateway.reference.routes import ROUTES as REFERENCE
from services.gateway.sandboxes.routes import ROUTES as SANDBOXES
from services.gateway.selection.routes import ROUTES as SELECTION
from services.gateway.settings import Settings
from services.gateway.skills.routes import ROUTES as SKILLS
from services.gateway.standing.routes import ROUTES as STANDING
from services.gateway.together import (
    COALESCERS,
    claim_of,
    coalescer,
    found_again,
    kept_of,
    replayed,
)
from services.gateway.viewer import Viewer
from shared import crashing, log, skills, tracing
from shared.database import Connection, Database, connect
from shared.database.coalescing import Coalescer
from shared.errors import Refusal, Unavailable
from shared.events.origin import REAL, Origin, within
from shared.health import Health
from shared.ids import new_id
from shared.messaging import Consumer, Relay
from shared.worker import add_checks, end_late, hearing

ROUTES: list[Route] = [
    *ACCOUNTS,
    *PROFILES,
    *SKILLS,
    *ORGANIZATIONS,
    *PROJECTS,
    *APPLICATIONS,
    *ENGAGEMENTS,
    *MILESTONES,
    *SELECTION,
    *INTERVIEWS,
    *STANDING,
    *PAYMENTS,
    *DISPUTES,
    *FREEZES,
    *HISTORY,
    *SANDBOXES,
    *FILES,
    *CREDENTIALS,
    *MATCHES,
    *NOTICES,
    *PUBLIC,
    *REFERENCE,
]
PROBES = ("/livez", "/readyz", "/metrics")
COMMANDS = (APPLY, VIEW, CHECK_IN)
DEADLOCKS = 2
# After the last request was answered.
LATE_SECONDS = 3
HEALTH: web.AppKey[Health] = web.AppKey("health", Health)
SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)


def create_app(settings: Settings) -> web.Application:
    crashing.choose(settings.crash_at)
    app = web.Application(
        middlewares=[context, problems, auth.authenticate], client_max_size=LARGEST_BODY
    )
    app[SETTINGS] = settings
    app[HEALTH] = Health()
    app[PUBLIC_URL] = settings.public_url.rstrip("/")
    app[CLIENT_SECONDS] = settings.client_seconds
    app[PROVIDER_SECRET] = settings.provider_secret
    app[FOLDER] = open_folder(settings.files_url)
    app[RATES] = Rates()
    for route in ROUTES:
        handler = handled(route)
        app.router.add_route(route.method, route.path, handler)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, handler)
    app[OPENAPI] = openapi.describe(ROUTES, settings.public_url)
    for path in PROBES:
        app.router.add_get(path, probe)
    app.cleanup_ctx.append(room)
    return app


async def room(app: web.Application) -> AsyncIterator[None]:
    """The pool, the relay and the gateway's own consumer; if one dies, so does the process."""
    settings = app[SETTINGS]
    async with connect(
        settings.database_url,
        "gateway",
        connections=settings.database_connections,
        tenant=REAL,
    ) as database:
        app[DATABASE] = database
        app[RELAY] = relay = Relay(database, settings.amqp_url, "gateway")
        consumer = Consumer(
            "gateway", SUBSCRIPTIONS, database, settings.amqp_url, after_commit=relay.wake
        )
        add_checks(app[HEALTH], database, relay, needs_broker=False)
        loops = hearing(app[HEALTH], database, consumer, "gateway", vital=False)
        stopping = asyncio.Event()
        async with _coalescing(app, database), asyncio.TaskGroup() as tasks:
            # Beside the first requests: whoever asks for a skill first would wait for the index.
            tasks.create_task(asyncio.to_thread(skills.load().warm))
            running = [tasks.create_task(loop(stopping)) for loop in (relay.run, *loops)]
            tasks.create_task(end_late(running, stopping, LATE_SECONDS))
            yield
            stopping.set()


@asynccontextmanager
async def _coalescing(app: web.Application, database: Database) -> AsyncIterator[None]:
    """What is given together with others: the hot commands, and who is asking."""
    app[COALESCERS] = {command.name: coalescer(command, database) for command in COMMANDS}
    app[auth.VIEWERS] = viewers = auth.viewers(database)
    all_of_them: list[Coalescer[Any, Any]] = [viewers, *app[COALESCERS].values()]
    async with AsyncExitStack() as stack:
        for each in all_of_them:
            await stack.enter_async_context(each.running())
        yield


async def probe(request: web.Request) -> web.Response:
    status, media_type, body = await request.app[HEALTH].answer(request.path)
    return web.Response(body=body, status=status, headers={"Content-Type": media_type})


@web.middleware
async def context(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Bind the request's id, and log one line when it is answered."""
    request_id = new_id()
    started = time.perf_counter()
    route = _template(request)
    with (
        structlog.contextvars.bound_contextvars(request_id=str(request_id)),
        tracing.request(request.method, route, request.headers.get("traceparent")) as span,
    ):
        origin = Origin(
            correlation_id=request_id, actor_kind="person", traceparent=span.traceparent
        )
        with within(origin):
            response = await handler(request)
        span.answered(response.status)
        response.headers["X-Request-Id"] = str(request_id)
        if request.path not in PROBES:
            _note(request, route, response.status, time.perf_counter() - started)
    return response


def _note(request: web.Request, route: str, status: int, took: float) -> None:
    seconds, requests = metrics.of(request.method, route, status)
    seconds.observe(took)
    requests.inc()
    log.get().info(
        "request_answered",
        method=request.method,
        route=route,
        status=status,
        duration_ms=round(took * 1000, 1),
    )


def _template(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unknown"


def handled(route: Route) -> Handler:
    """What every declared route gets: sign-in, rates, the idempotent answer, the relay's wake."""

    async def handle(request: web.Request) -> web.StreamResponse:
        request[ROUTE] = route
        check_address(request)
        if not route.open:
            viewer(request)
            require_duty(request, route.duties)
        await request.app[RATES].check(*_rate(request))
        if route.method == "GET":
            return await route.handler(request)
        if request.app[RELAY].is_full():
            raise Unavailable("Too much waits to be told. Nothing was done; try again later.")
        try:
            return await _commanded_patiently(request, route)
        finally:
            request.app[RELAY].wake()

    return handle


def _rate(request: web.Request) -> tuple[RateLimitItem, str]:
    viewer: Viewer | None = request.get(VIEWER)
    who = str(viewer.id) if viewer else request.remote or "nowhere"
    return (READ if request.method in {"GET", "HEAD"} else WRITE), who


async def _commanded_patiently(request: web.Request, route: Route) -> web.StreamResponse:
    """Of two that wait for each other PostgreSQL ends one, with nothing done; it is done again. A
    batch of events may hold records in another order than a command."""
    for _ in range(DEADLOCKS):
        with suppress(asyncpg.DeadlockDetectedError):
            return await _commanded(request, route)
    return await _commanded(request, route)


async def _commanded(request: web.Request, route: Route) -> web.StreamResponse:
    if "Idempotency-Key" not in request.headers or route.open:
        return await route.handler(request)
    if route.takes_file or route.gives_secrets:
        return await route.handler(request)
    return await (_once_together if route.together else _once)(request, route)


async def _once_together(request: web.Request, route: Route) -> web.StreamResponse:
    """The batch claims the key; a request that does not get so far may have been answered before."""
    try:
        return await route.handler(request)
    except Refusal:
        answered = await found_again(request, database(request))
        if answered is None:
            raise
        return answered


async def _once(request: web.Request, route: Route) -> web.StreamResponse:
    claim = await claim_of(request)
    assert claim is not None
    async with database(request) as conn:
        async with conn.transaction():
            response = await _claimed(request, route, claim, conn)
            crashing.at("gateway.before_commit")
        crashing.at("gateway.after_commit")
    return response


async def _claimed(
    request: web.Request, route: Route, claim: Claim, conn: Connection
) -> web.StreamResponse:
    (kept,) = await claim_all(conn, [claim])
    if isinstance(kept, Refusal):
        raise kept
    if kept is not None:
        return replayed(kept)
    request[CONNECTION] = conn
    response = await route.handler(request)
    assert isinstance(response, web.Response)
    await keep_all(conn, [(claim, kept_of(response))])
    return response
