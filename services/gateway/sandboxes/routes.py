from aiohttp import web

from services.gateway.http import (
    DATABASE,
    RELAY,
    SIGNED_IN,
    Route,
    answer,
    body,
    connection,
    query,
    viewer,
)
from services.gateway.sandboxes import actions, advancing, queries
from services.gateway.sandboxes.badges import ROUTES as BADGES
from services.gateway.sandboxes.schemas import (
    ClockQuery,
    ClockRequest,
    ClockView,
    InhabitantView,
    MovedView,
    NewcomersView,
    NewcomerView,
    NewSandboxView,
    PeopledSandboxView,
    PeopleRequest,
    SandboxesView,
    SandboxRequest,
    SandboxView,
)
from services.gateway.sandboxes.tenants import real_now


async def make_sandbox(request: web.Request) -> web.Response:
    wanted = await body(request, SandboxRequest)
    async with connection(request) as conn:
        sandbox, people = await actions.make(conn, viewer=viewer(request), name=wanted.name)
    return answer(
        NewSandboxView(
            sandbox=SandboxView.of(sandbox),
            people=[NewcomerView.joined(newcomer) for newcomer in people],
        ),
        status=201,
    )


async def list_sandboxes(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        found = await queries.select_owned(conn, viewer(request).id)
    return answer(SandboxesView(items=[SandboxView.of(sandbox) for sandbox in found]))


async def show_sandbox(request: web.Request) -> web.Response:
    tenant = request.match_info["tenant"]
    async with connection(request) as conn:
        sandbox = actions.owned(await queries.select_sandbox(conn, tenant), viewer(request))
        people = await queries.select_inhabitants(conn, tenant)
    return answer(
        PeopledSandboxView(
            sandbox=SandboxView.of(sandbox),
            people=[InhabitantView.of(inhabitant) for inhabitant in people],
        )
    )


async def add_people(request: web.Request) -> web.Response:
    wanted = await body(request, PeopleRequest)
    async with connection(request) as conn:
        people = await actions.add_people(
            conn,
            tenant=request.match_info["tenant"],
            viewer=viewer(request),
            role=wanted.part,
            locale=wanted.locale,
            count=wanted.count,
        )
    items = [NewcomerView.joined(newcomer) for newcomer in people]
    return answer(NewcomersView(items=items), status=201)


async def show_clock(request: web.Request) -> web.Response:
    wanted = query(request, ClockQuery)
    async with connection(request) as conn:
        sandbox = await actions.of_viewer(conn, tenant=wanted.tenant, viewer=viewer(request))
    return answer(ClockView(tenant=sandbox.tenant, now=real_now() + sandbox.ahead))


async def move_clock(request: web.Request) -> web.Response:
    """Each step is seen by the other rooms at once, so it is never part of one transaction."""
    wanted = await body(request, ClockRequest)
    async with connection(request) as conn:
        sandbox = await actions.of_viewer(conn, tenant=wanted.tenant, viewer=viewer(request))
    moved = await advancing.move_clock(
        request.app[DATABASE],
        sandbox.tenant,
        request.app[RELAY].wake,
        advance=wanted.advance,
        to=wanted.to,
    )
    return answer(MovedView.of(sandbox.tenant, moved))


ROUTES = [
    *BADGES,
    Route(
        "POST",
        "/v1/sandboxes",
        make_sandbox,
        "Make a sandbox with people of its own and a clock that moves",
        (SIGNED_IN,),
        takes=SandboxRequest,
        gives=NewSandboxView,
        gives_secrets=True,
        status=201,
    ),
    Route(
        "GET", "/v1/sandboxes", list_sandboxes, "My sandboxes", (SIGNED_IN,), gives=SandboxesView
    ),
    Route(
        "GET",
        "/v1/sandboxes/{tenant}",
        show_sandbox,
        "One sandbox and its people",
        ("owner",),
        gives=PeopledSandboxView,
    ),
    Route(
        "POST",
        "/v1/sandboxes/{tenant}/people",
        add_people,
        "More people for a sandbox",
        ("owner",),
        takes=PeopleRequest,
        gives=NewcomersView,
        gives_secrets=True,
        status=201,
    ),
    Route(
        "GET",
        "/v1/sandbox/clock",
        show_clock,
        "What time it is in a sandbox",
        (SIGNED_IN,),
        filters=ClockQuery,
        gives=ClockView,
    ),
    Route(
        "POST",
        "/v1/sandbox/clock",
        move_clock,
        "Move a sandbox's time forward, firing every timer on the way",
        (SIGNED_IN,),
        takes=ClockRequest,
        gives=MovedView,
    ),
]
