"""Make people's texts fit for a badge. What the rules of a badge would refuse for its form alone is
mended here, so that an odd title keeps nobody from their badge."""

import re
import unicodedata

from services.credentialing import rules
from shared.errors import Invalid

CUT = "…"
EMAIL_AND_AROUND = re.compile(rf"[^\s<>]*{rules.EMAIL.pattern}[^\s<>]*")


def line(text: str) -> str:
    """One visible line: cut when too long, and with e-mail addresses left out."""
    visible = "".join(map(_visible, unicodedata.normalize("NFC", text)))
    tidy = " ".join(visible.split())
    if len(tidy) > rules.LONGEST_LINE:
        tidy = tidy[: rules.LONGEST_LINE - 1].rstrip() + CUT
    # Last, for a cut may leave something that looks like an address.
    return EMAIL_AND_AROUND.sub(CUT, tidy) or CUT


def page(address: str | None) -> str | None:
    """A badge is as true without the employer's own page."""
    try:
        return None if address is None else rules.address(address, "employer's page")
    except Invalid:
        return None


def _visible(character: str) -> str:
    match unicodedata.category(character):
        case "Cc" | "Zl" | "Zp":
            return " "
        case "Cs" | "Co":
            return ""
        case "Cf" if character not in rules.JOINERS:
            return ""
        case _:
            return character
