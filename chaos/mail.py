"""A mail server that keeps a ledger, and may be told to take mails without saying so."""

from collections import Counter
from email import message_from_bytes
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller

from tests.support.rooms import free_port


class Sink:
    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.drops_answers = False

    async def handle_DATA(self, server: Any, *given: Any) -> str:  # noqa: N802 - what aiosmtpd looks for
        mail = message_from_bytes(given[-1].content, policy=default)
        self.taken[str(mail["Message-ID"])] += 1
        if self.drops_answers:
            server.transport.abort()
        return "250 OK"


def controller_of(sink: Sink) -> Controller:
    return Controller(sink, hostname="127.0.0.1", port=free_port())
