"""How long a client may be slow: half-sent headers, silence, half-sent bodies and unread answers
all end, so that nobody holds a connection for ever."""

import logging
import socket
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from services.gateway.settings import Settings
from shared import log

# What is left of the ten seconds is for what is told when the last answer is out.
DRAIN_SECONDS = 6
# After an answer that did not wait for the whole body.
LINGER_SECONDS = 2
WAITING_CONNECTIONS = 1024
# What the system takes for a client that does not read; by itself it takes megabytes.
UNREAD_BYTES = 128 * 1024


class QuietLogger(logging.Logger):
    """What a client sent wrongly is one line, not a traceback."""

    def exception(self, msg: object, *_: object, exc_info: Any = True, **__: Any) -> None:
        if isinstance(exc_info, HttpProcessingError):
            log.get().warning("request_unreadable", error=type(exc_info).__name__)
        else:
            log.get().error("connection_failed", message=str(msg), exc_info=exc_info)


def runner_of(app: web.Application, settings: Settings) -> web.AppRunner:
    return web.AppRunner(
        app,
        access_log=None,
        logger=QuietLogger("gateway"),
        keepalive_timeout=settings.client_seconds,
        lingering_time=min(LINGER_SECONDS, settings.client_seconds),
        shutdown_timeout=DRAIN_SECONDS,
        handle_signals=False,
    )


def listening(settings: Settings) -> socket.socket:
    """Connections inherit the deadline for answers that nobody reads, and how much of them is taken."""
    found = socket.create_server(
        (settings.http_host, settings.http_port), backlog=WAITING_CONNECTIONS
    )
    milliseconds = int(settings.client_seconds * 1000)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD_BYTES)
    found.setblocking(False)
    return found
