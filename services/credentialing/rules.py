"""What may stand in a credential. It is public for ever, so doubtful text is refused, not mended."""

import ipaddress
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from shared.errors import Invalid

LONGEST_LINE = 200
LONGEST_PARAGRAPH = 5_000
LONGEST_ADDRESS = 2_000
# Joiners shape letters and emoji; every other invisible character only misleads the eye.
JOINERS = "\u200c\u200d"
EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")
NOT_IN_ADDRESS = re.compile(r"[^\x21-\x7e]|[<>\"{}|\\^`]")


def line(text: str, what: str, longest: int = LONGEST_LINE) -> str:
    tidy = unicodedata.normalize("NFC", text).strip()
    if not tidy:
        raise Invalid(f"The {what} is empty.")
    if len(tidy) > longest:
        raise Invalid(f"The {what} is longer than {longest} characters.")
    for character in tidy:
        _check_visible(character, what)
    if EMAIL.search(tidy):
        raise Invalid(f"The {what} has an e-mail address, which a public badge must not show.")
    return tidy


def paragraph(text: str, what: str) -> str:
    unified = text.replace("\r\n", "\n").strip()
    if len(unified) > LONGEST_PARAGRAPH:
        raise Invalid(f"The {what} is longer than {LONGEST_PARAGRAPH} characters.")
    return "\n".join(
        line(part, what, LONGEST_PARAGRAPH) if part.strip() else "" for part in unified.split("\n")
    )


def address(text: str, what: str) -> str:
    """An https address; plain http only on the machine itself."""
    wanted = f"The {what} is not an https address."
    if len(text) > LONGEST_ADDRESS or NOT_IN_ADDRESS.search(text):
        raise Invalid(wanted)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as reason:
        raise Invalid(wanted) from reason
    safe = parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(host))
    if not safe or not host or "@" in parts.netloc:
        raise Invalid(wanted)
    return text


def instant(time: datetime) -> str:
    if time.utcoffset() != timedelta():
        raise Invalid("A time in a credential is in UTC.")
    if time.microsecond:
        raise Invalid("A time in a credential has whole seconds.")
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _check_visible(character: str, what: str) -> None:
    category = unicodedata.category(character)
    if category in {"Cc", "Cs", "Co", "Zl", "Zp"}:
        raise Invalid(f"The {what} has a control character (U+{ord(character):04X}).")
    if category == "Cf" and character not in JOINERS:
        raise Invalid(f"The {what} has an invisible character (U+{ord(character):04X}).")


def _is_this_machine(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
