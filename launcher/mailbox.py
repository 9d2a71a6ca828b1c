"""Mails as files, newest last by name, and never more than a bound."""

import contextlib
import email.policy
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

LARGEST = 5_000
RECIPIENT = "X-RcptTo"


@dataclass(frozen=True)
class Mail:
    id: str
    at: datetime
    to: list[str]
    sender: str
    subject: str
    text: str
    html: str


class Mailbox:
    def __init__(self, folder: Path, *, largest: int = LARGEST) -> None:
        self._folder = folder
        self._largest = largest
        self._ids = sorted(path.stem for path in folder.glob("*.eml"))
        self._numbers = itertools.count()

    def put(self, content: bytes, *, to: list[str], at: datetime) -> str:
        """Keep a message with the addresses of its envelope, which its headers may hide."""
        identifier = f"{at:%Y%m%dT%H%M%S%f}-{os.getpid()}-{next(self._numbers):06}"
        fresh = self._folder / f".{identifier}"
        fresh.write_bytes(f"{RECIPIENT}: {', '.join(to)}\r\n".encode() + content)
        fresh.rename(self._path(identifier))
        self._ids.append(identifier)
        self._forget_oldest()
        return identifier

    def newest(self, *, to: str = "", count: int = 50, skip: int = 0) -> list[Mail]:
        wanted = to.strip().lower().encode()
        found = (mail for mail in self._read_all(wanted) if mail is not None)
        return list(itertools.islice(found, skip, skip + count))

    def read(self, identifier: str) -> Mail | None:
        content = self.source(identifier)
        return _parse(identifier, content) if content is not None else None

    def source(self, identifier: str) -> bytes | None:
        """Only what is listed can be read, so that a name can never lead out of the folder."""
        if identifier not in self._ids:
            return None
        try:
            return self._path(identifier).read_bytes()
        except FileNotFoundError:
            return None

    def _read_all(self, wanted: bytes) -> Iterator[Mail | None]:
        for identifier in reversed(self._ids):
            if wanted in self._recipients(identifier):
                yield self.read(identifier)

    def _recipients(self, identifier: str) -> bytes:
        """The first line, for to parse every mail would take seconds."""
        with contextlib.suppress(FileNotFoundError), self._path(identifier).open("rb") as file:
            return file.readline().partition(b":")[2].lower()
        return b""

    def _forget_oldest(self) -> None:
        surplus = self._ids[: -self._largest]
        for identifier in surplus:
            self._path(identifier).unlink(missing_ok=True)
        del self._ids[: len(surplus)]

    def _path(self, identifier: str) -> Path:
        return self._folder / f"{identifier}.eml"


def _parse(identifier: str, content: bytes) -> Mail:
    message = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(content)
    return Mail(
        id=identifier,
        at=datetime.strptime(identifier.split("-", maxsplit=1)[0], "%Y%m%dT%H%M%S%f").replace(
            tzinfo=UTC
        ),
        to=[address.strip() for address in str(message[RECIPIENT] or "").split(",")],
        sender=str(message["From"] or ""),
        subject=str(message["Subject"] or "(no subject)"),
        text=_body(message, "plain"),
        html=_body(message, "html"),
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    charset = part.get_content_charset("utf-8")
    return payload.decode(charset, errors="replace") if isinstance(payload, bytes) else ""
