"""The reference for those who build on the API and the events, in one viewer that needs no network."""

from pathlib import Path

from aiohttp import web

from services.gateway.http import ANYONE, OPENAPI, Route
from shared.errors import NotFound
from shared.events import CATALOGUE
from shared.events.describe import asyncapi, schema
from shared.wire import encode

STATIC = Path(__file__).parents[1] / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
HTML = "text/html; charset=utf-8"
JAVASCRIPT = "text/javascript; charset=utf-8"


def _file(name: str, media_type: str) -> web.Response:
    headers = {
        "Content-Type": media_type,
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "public, max-age=3600",
    }
    path = STATIC / name
    if path.suffix == ".gz":
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=path.read_bytes(), headers=headers)


def _json(body: bytes) -> web.Response:
    headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=300"}
    return web.Response(body=body, content_type="application/json", headers=headers)


async def home(_request: web.Request) -> web.Response:
    return _file("index.html", HTML)


async def style(_request: web.Request) -> web.Response:
    return _file("style.css", "text/css; charset=utf-8")


async def docs(_request: web.Request) -> web.Response:
    return _file("docs.html", HTML)


async def event_docs(_request: web.Request) -> web.Response:
    return _file("events.html", HTML)


async def viewer_script(_request: web.Request) -> web.Response:
    return _file("scalar.js.gz", JAVASCRIPT)


async def start_script(_request: web.Request) -> web.Response:
    return _file("docs.js", JAVASCRIPT)


async def show_openapi(request: web.Request) -> web.Response:
    return _json(request.app[OPENAPI])


async def show_asyncapi(_request: web.Request) -> web.Response:
    return _json(encode(asyncapi()))


async def show_schema(request: web.Request) -> web.Response:
    event = CATALOGUE.get(request.match_info["event"])
    if event is None:
        raise NotFound("No such event; all of them are at /docs/events.")
    return _json(encode(schema(event)))


ROUTES = [
    Route("GET", "/", home, "Where everything is", (ANYONE,), media_type=HTML),
    Route("GET", "/style.css", style, "The look of the pages", (ANYONE,), media_type="text/css"),
    Route("GET", "/docs", docs, "The API reference", (ANYONE,), media_type=HTML),
    Route("GET", "/docs/events", event_docs, "The event reference", (ANYONE,), media_type=HTML),
    Route(
        "GET",
        "/docs/scalar.js",
        viewer_script,
        "The viewer of the references",
        (ANYONE,),
        media_type=JAVASCRIPT,
    ),
    Route(
        "GET",
        "/docs/docs.js",
        start_script,
        "Starts the viewer",
        (ANYONE,),
        media_type=JAVASCRIPT,
    ),
    Route("GET", "/openapi.json", show_openapi, "The API as OpenAPI 3.1", (ANYONE,)),
    Route("GET", "/asyncapi.json", show_asyncapi, "The events as AsyncAPI 3.0", (ANYONE,)),
    Route("GET", "/schemas/{event}.json", show_schema, "One event as JSON Schema", (ANYONE,)),
]
