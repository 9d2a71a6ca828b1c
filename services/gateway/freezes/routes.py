from aiohttp import web

from services.gateway.freezes import actions, queries
from services.gateway.freezes.rules import Reason, Scope
from services.gateway.freezes.schemas import (
    ClockRequest,
    ClockView,
    EndRequest,
    FreezeRequest,
    FreezesView,
    FreezeView,
    MovedView,
)
from services.gateway.http import SIGNED_IN, Route, answer, body, connection, path_id, viewer


async def declare(request: web.Request) -> web.Response:
    wanted = await body(request, FreezeRequest)
    who = viewer(request)
    async with connection(request) as conn:
        freeze, timers = await actions.declare(
            conn,
            viewer=who,
            scope=Scope(wanted.scope),
            place=wanted.place,
            starts_at=wanted.starts_at,
            ends_at=wanted.ends_at,
            reason=Reason(wanted.reason),
        )
    return answer(MovedView(freeze=FreezeView.of(freeze, who.id), timers=timers), status=201)


async def end(request: web.Request) -> web.Response:
    await body(request, EndRequest)
    who = viewer(request)
    async with connection(request) as conn:
        freeze, timers = await actions.end(
            conn, freeze_id=path_id(request, "freeze_id"), viewer=who
        )
    return answer(MovedView(freeze=FreezeView.of(freeze, who.id), timers=timers))


async def list_freezes(request: web.Request) -> web.Response:
    who = viewer(request)
    async with connection(request) as conn:
        found = await queries.select_freezes(
            conn,
            viewer_id=who.id,
            places=await queries.select_places(conn, who.id),
            sees_all="operator" in who.duties,
        )
    return answer(FreezesView(items=[FreezeView.of(freeze, who.id) for freeze in found]))


async def show_clock(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        multiplier = await queries.select_multiplier(conn, viewer(request).id)
    return answer(ClockView(multiplier=multiplier))


async def set_clock(request: web.Request) -> web.Response:
    wanted = await body(request, ClockRequest)
    async with connection(request) as conn:
        await queries.update_multiplier(conn, viewer(request).id, wanted.multiplier)
    return answer(ClockView(multiplier=wanted.multiplier))


ROUTES = [
    Route(
        "POST",
        "/v1/freezes",
        declare,
        "Let the clocks of a region, a school or oneself stand still",
        (SIGNED_IN,),
        takes=FreezeRequest,
        gives=MovedView,
        status=201,
        notes="\nA region: moderators and operators, at most 30 days. A school: its members and "
        "operators, at most 30 days. Oneself: at most 14 days, twice in 180 days.",
    ),
    Route(
        "POST",
        "/v1/freezes/{freeze_id}/end",
        end,
        "End a freeze before its time",
        (SIGNED_IN,),
        takes=EndRequest,
        gives=MovedView,
    ),
    Route(
        "GET",
        "/v1/freezes",
        list_freezes,
        "What stands still for me, now or soon; all of it for operators",
        (SIGNED_IN,),
        gives=FreezesView,
    ),
    Route(
        "GET",
        "/v1/me/clock",
        show_clock,
        "How much longer my clocks run",
        (SIGNED_IN,),
        gives=ClockView,
    ),
    Route(
        "PUT",
        "/v1/me/clock",
        set_clock,
        "Take more time, as a right",
        (SIGNED_IN,),
        takes=ClockRequest,
        gives=ClockView,
    ),
]
