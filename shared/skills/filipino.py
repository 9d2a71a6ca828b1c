"""Filipino phrases put into the English words of the taxonomy: stem, then look up the root."""

import re
from collections.abc import Callable, Iterator

_PREFIXES = (
    "nakikipag", "pakikipag", "nakiki", "pakiki", "makiki", "makipag", "pagpapa", "nagpapa",
    "magpapa", "pinaka", "pagka", "nagka", "magka", "paki", "maki", "naka", "maka", "ipag", "pinag",
    "taga", "pang", "mang", "nang", "tag", "pag", "mag", "nag", "pan", "man", "nan", "pam", "mam",
    "nam", "ipa", "ika", "in", "um", "ma", "na", "pa", "ka", "i",
)  # fmt: skip
_SUFFIXES = ("han", "hin", "nan", "nin", "an", "in", "ng")
# pan- and its like swallow the first letter of the root: pananahi comes from tahi
_SWALLOWED = {"n": ("t", "s", "d", "l"), "m": ("p", "b"), "ng": ("k", "")}
_REPEATED = re.compile(r"^([^aeiou]*)([aeiou])(?=\1\2)")
_NASAL = re.compile(r"^(?:[pmn]a)?(ng|n|m)(?=[aeiou])")
_INFIX = re.compile(r"^([^aeiou]{1,2})(?:um|in)(?=[aeiou])")
_TOKEN = re.compile(r"[^\W_]+(?:-[^\W_]+)*[+#]*")
# what Filipino puts, with a hyphen, before an English verb: mag-edit
_BORROWING = frozenset({"pag", "mag", "nag", "ipag", "pinag", "i", "maka", "naka", "taga"})
_DEEPEST = 4
_SHORTEST = 3
_LONGEST_PHRASE = 4


class Lexicon:
    def __init__(self, glosses: dict[str, str]) -> None:
        self._glosses = glosses

    @classmethod
    def parse(cls, text: str) -> "Lexicon":
        """Lines of a root or phrase, a tab and its English gloss; no gloss for small words."""
        pairs = (line.split("\t") for line in text.splitlines())
        return cls({root.replace("-", ""): gloss for root, gloss in pairs})

    def gloss(self, folded: str, is_english: Callable[[str], bool]) -> str:
        """English words stay as they are, so that mixed phrases come out whole."""
        tokens = _TOKEN.findall(folded)
        found: list[str] = []
        start = 0
        while start < len(tokens):
            length, meaning = self._longest(tokens[start:], is_english)
            found.append(meaning)
            start += length
        return " ".join(" ".join(found).split())

    def _longest(self, tokens: list[str], is_english: Callable[[str], bool]) -> tuple[int, str]:
        for length in range(min(len(tokens), _LONGEST_PHRASE), 1, -1):
            meaning = self._glosses.get(" ".join(tokens[:length]).replace("-", ""))
            if meaning is not None:
                return length, meaning
        return 1, self._word(tokens[0], is_english)

    def _word(self, token: str, is_english: Callable[[str], bool]) -> str:
        joined = token.replace("-", "")
        if joined in self._glosses:
            return self._glosses[joined]
        prefix, hyphen, rest = token.partition("-")
        if hyphen and prefix in _BORROWING:
            return self._word(rest, is_english)
        if is_english(joined) or all(map(is_english, token.split("-"))):
            return token.replace("-", " ")
        for stem in _stems(joined):
            if stem in self._glosses:
                return self._glosses[stem]
            if len(stem) > _SHORTEST and is_english(stem):
                return stem
        return token.replace("-", " ")


def _stems(word: str) -> Iterator[str]:
    """Every shorter reading of the word, those with fewer pieces taken off first."""
    seen = {word}
    layer = [word]
    for _ in range(_DEEPEST):
        shorter = {stem for longer in layer for stem in _shorter(longer) if len(stem) >= _SHORTEST}
        layer = sorted(shorter - seen, key=lambda stem: (-len(stem), stem))
        seen |= shorter
        yield from layer


def _shorter(word: str) -> Iterator[str]:
    for prefix in _PREFIXES:
        if word.startswith(prefix):
            yield word[len(prefix) :]
    if nasal := _NASAL.match(word):
        for first in _SWALLOWED[nasal[1]]:
            yield first + word[nasal.end() :]
    if repeated := _REPEATED.match(word):
        yield word[repeated.end() :]
    if infix := _INFIX.match(word):
        yield infix[1] + word[infix.end() :]
    for suffix in _SUFFIXES:
        if word.endswith(suffix):
            yield from _endings(word[: -len(suffix)])


def _endings(stem: str) -> Iterator[str]:
    """A root ending in o is written with u before a suffix: turuan comes from turo."""
    yield stem
    if "u" in stem[-2:]:
        before, _, after = stem.rpartition("u")
        yield f"{before}o{after}"
