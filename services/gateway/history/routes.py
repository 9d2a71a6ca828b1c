from aiohttp import web

from services.gateway.history import actions
from services.gateway.history.records import SELECT
from services.gateway.history.schemas import HistoryView, TraceView
from services.gateway.http import (
    ANYONE,
    SIGNED_IN,
    VIEWER,
    Handler,
    Paging,
    Route,
    answer,
    connection,
    cursor,
    path_id,
    query,
    viewer,
)

OPERATORS = ("moderator", "operator")


def _shows(record: str) -> Handler:
    async def show(request: web.Request) -> web.Response:
        at = cursor(query(request, Paging))
        async with connection(request) as conn:
            found = await actions.read_history(
                conn,
                record,
                path_id(request, f"{record}_id"),
                viewer=request.get(VIEWER),
                accept_language=request.headers.get("Accept-Language", ""),
                after=at.before,
                limit=at.limit,
            )
        response = answer(HistoryView.of(found, at.limit))
        response.headers.update({"Content-Language": found.locale, "Vary": "Accept-Language"})
        return response

    return show


async def trace(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        found = await actions.follow(
            conn, path_id(request, "thing_id"), tenant=viewer(request).tenant
        )
    return answer(TraceView.of(found))


ROUTES = [
    *(
        Route(
            "GET",
            f"/v1/{record}s/{{{record}_id}}/history",
            _shows(record),
            f"Where is it? What has happened to one {record}, and what happens next",
            (ANYONE,) if record == "project" else (SIGNED_IN,),
            filters=Paging,
            gives=HistoryView,
            notes="\nIn the language of Accept-Language (fil or en), else in your own. Whoever may "
            f"not see the {record} may not see this. You find what you were told yourself, never "
            "what others were.",
        )
        for record in ("project", *SELECT)
    ),
    Route(
        "GET",
        "/v1/operations/trace/{thing_id}",
        trace,
        "The path of one record, request or event through all rooms",
        OPERATORS,
        gives=TraceView,
        duties=frozenset(OPERATORS),
        notes="\nEverything that began with the same requests, as a tree by cause: ids, times and "
        "outcomes, no names, addresses or texts. Dead letters are not in the database; list them "
        "with `./sibol dead list`.",
    ),
]
