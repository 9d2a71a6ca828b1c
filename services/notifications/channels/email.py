"""Mail over SMTP: what a message looks like, and what each kind of failure means for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit
from uuid import UUID

import aiosmtplib

from services.notifications.rendering import Mail
from shared import clock

CONNECT_SECONDS = 5
MAIL_SECONDS = 10
QUIT_SECONDS = 1


class Undeliverable(Exception):
    """This mail can never be delivered. `code` is for the record; a server's words are not kept."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Delayed(Undeliverable):
    """This mail may be delivered later."""


class Hangup(Delayed):
    """The connection broke over this mail; nobody knows whether it was taken."""


class ServerAway(Exception):
    """The mail server does not let us in. No mail is to blame."""


@dataclass(frozen=True)
class Server:
    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool

    @classmethod
    def of(cls, url: str) -> "Server":
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("SIBOL_SMTP_URL must look like smtp://host:port or smtps://host:port.")
        tls = parts.scheme == "smtps"
        return cls(
            host=parts.hostname,
            port=parts.port or (465 if tls else 25),
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=tls,
        )


def compose(
    mail: Mail,
    *,
    delivery_id: UUID,
    to: str,
    name: str,
    sender: str,
    settings_url: str,
    locale: str,
) -> EmailMessage:
    """The same delivery always has the same Message-ID, so that a second copy shows as one mail."""
    message = EmailMessage(policy=SMTP_POLICY)
    try:
        message["Message-ID"] = f"<{delivery_id}@{parseaddr(sender)[1].rpartition('@')[2]}>"
        message["From"] = sender
        message["To"] = Address(name, addr_spec=to)
        message["Subject"] = mail.subject
    except (ValueError, IndexError, MessageError) as error:
        raise Undeliverable("bad_address") from error
    message["Date"] = format_datetime(clock.now())
    message["Content-Language"] = locale
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<{settings_url}>"
    message.set_content(mail.text, cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    return message


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[aiosmtplib.SMTP]:
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.username,
        password=server.password,
        use_tls=server.tls,
        timeout=MAIL_SECONDS,
    )
    try:
        await _connect(client)
        yield client
        await _take_leave(client)
    finally:
        client.close()


async def _connect(client: aiosmtplib.SMTP) -> None:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await client.connect()
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise ServerAway(type(error).__name__) from error


async def _take_leave(client: aiosmtplib.SMTP) -> None:
    with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        async with asyncio.timeout(QUIT_SECONDS):
            await client.quit()


async def send(client: aiosmtplib.SMTP, message: EmailMessage) -> None:
    try:
        async with asyncio.timeout(MAIL_SECONDS):
            await client.send_message(message)
    except aiosmtplib.SMTPRecipientsRefused as error:
        raise _refused(error.recipients[0].code) from error
    except aiosmtplib.SMTPSenderRefused as error:
        # Our own account is in disorder; whoever puts it right saves the mail.
        raise Delayed(f"sender_refused_{error.code}") from error
    except aiosmtplib.SMTPNotSupported as error:
        raise Undeliverable("address_not_supported") from error
    except aiosmtplib.SMTPResponseException as error:
        raise _refused(error.code) from error
    except (TimeoutError, aiosmtplib.SMTPTimeoutError) as error:
        client.close()
        raise Hangup("timeout") from error
    except (aiosmtplib.SMTPException, OSError) as error:
        client.close()
        raise Hangup("disconnected") from error


def _refused(code: int) -> Undeliverable:
    if code == aiosmtplib.SMTPStatus.domain_unavailable:
        return Hangup(f"smtp_{code}")
    return Undeliverable(f"smtp_{code}") if code >= 500 else Delayed(f"smtp_{code}")
