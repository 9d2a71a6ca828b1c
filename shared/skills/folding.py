"""How two spellings of one phrase are made equal."""

import re
import unicodedata

LONGEST = 200

_PUNCTUATION = str.maketrans({"\u2019": "'", "\u2018": "'", "\u2010": "-", "\u2011": "-"})
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_WORD = re.compile(r"[^\W_]+[+#]*")


def fold(text: str) -> str:
    """Case, accents, compatibility forms and runs of spaces no longer tell texts apart."""
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text.translate(_PUNCTUATION))
        text = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(text.casefold().split())


def words(folded: str) -> list[str]:
    return _WORD.findall(folded)


def check(text: str) -> None:
    if len(text) > LONGEST:
        raise ValueError(f"A skill has at most {LONGEST} characters; this text has {len(text)}.")
    if any(unicodedata.category(letter) in _UNPRINTABLE for letter in text):
        raise ValueError("A skill is one line of plain text, without control characters.")
