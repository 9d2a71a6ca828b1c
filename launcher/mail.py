"""A mail server that delivers nowhere: it keeps what Sibol sends and shows it on a page."""

import argparse
import asyncio
import dataclasses
import functools
import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session
from jinja2 import Environment, FileSystemLoader

from launcher.mailbox import Mail, Mailbox

MAILBOX = web.AppKey("MAILBOX", Mailbox)
PAGE = 50
# The page is for this machine; another name in the Host header is a page elsewhere reaching in.
OWN_NAMES = frozenset({"localhost", "127.0.0.1"})
PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True, trim_blocks=True
)


class Keeping:
    """What aiosmtpd calls for every message."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        content = envelope.content or b""
        self._mailbox.put(
            content if isinstance(content, bytes) else content.encode(),
            to=list(envelope.rcpt_tos),
            at=datetime.now(UTC),
        )
        return "250 Kept"


async def show_list(request: web.Request) -> web.Response:
    to, skip = _wanted(request)
    mails = request.app[MAILBOX].newest(to=to, count=PAGE + 1, skip=skip)
    return _page(
        "mails.html", mails=mails[:PAGE], to=to, skip=skip, more=len(mails) > PAGE, page=PAGE
    )


async def show_mail(request: web.Request) -> web.Response:
    return _page("mail.html", mail=_found(request))


async def show_html(request: web.Request) -> web.Response:
    """Foreign markup: it runs no script and knows no origin, in a frame or alone."""
    answer = web.Response(text=_found(request).html, content_type="text/html")
    answer.headers["Content-Security-Policy"] = (
        "sandbox allow-popups allow-popups-to-escape-sandbox; "
        "default-src 'none'; img-src data: http: https:; style-src 'unsafe-inline'"
    )
    return answer


async def show_source(request: web.Request) -> web.Response:
    source = request.app[MAILBOX].source(request.match_info["id"])
    if source is None:
        raise web.HTTPNotFound(text="No such mail.")
    return web.Response(body=source, content_type="text/plain", charset="utf-8")


async def list_messages(request: web.Request) -> web.Response:
    to, skip = _wanted(request)
    mails = request.app[MAILBOX].newest(to=to, count=PAGE, skip=skip)
    messages = [dataclasses.asdict(mail) for mail in mails]
    return web.json_response(messages, dumps=functools.partial(json.dumps, default=str))


async def say_yes(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


ROUTES = [
    web.get("/", show_list),
    web.get("/messages.json", list_messages),
    web.get("/messages/{id}", show_mail),
    web.get("/messages/{id}/html", show_html),
    web.get("/messages/{id}/source", show_source),
    web.get("/livez", say_yes),
    web.get("/readyz", say_yes),
]


def create_app(mailbox: Mailbox) -> web.Application:
    app = web.Application(middlewares=[own_names_only])
    app[MAILBOX] = mailbox
    app.add_routes(ROUTES)
    return app


@web.middleware
async def own_names_only(request: web.Request, handler: Any) -> web.StreamResponse:
    if (request.url.host or "") not in OWN_NAMES:
        raise web.HTTPForbidden(text="These mails are shown on this machine only.")
    answer: web.StreamResponse = await handler(request)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


async def serve(folder: Path, *, smtp_port: int, http_port: int) -> None:
    mailbox = Mailbox(folder)
    loop = asyncio.get_running_loop()
    receive = functools.partial(SMTP, Keeping(mailbox), enable_SMTPUTF8=True, ident="Sibol")
    smtp = await loop.create_server(receive, "127.0.0.1", smtp_port)
    runner = web.AppRunner(create_app(mailbox), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", http_port).start()
        await _until_asked_to_stop()
    finally:
        smtp.close()
        await runner.cleanup()


async def _until_asked_to_stop() -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await stopping.wait()


def _found(request: web.Request) -> Mail:
    mail = request.app[MAILBOX].read(request.match_info["id"])
    if mail is None:
        raise web.HTTPNotFound(text="No such mail.")
    return mail


def _wanted(request: web.Request) -> tuple[str, int]:
    skip = request.query.get("skip", "0")
    return request.query.get("to", ""), int(skip) if skip.isdecimal() else 0


def _page(name: str, **values: Any) -> web.Response:
    return web.Response(text=PAGES.get_template(name).render(values), content_type="text/html")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    os.umask(0o077)
    given.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(serve(given.folder, smtp_port=given.smtp_port, http_port=given.http_port))


if __name__ == "__main__":
    main()
