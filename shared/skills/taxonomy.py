"""The skills of ESCO as shipped, kept as lines of text so that a worker stays small."""

import gzip
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from shared.skills.filipino import Lexicon
from shared.skills.folding import check, fold, words
from shared.skills.trigrams import Index

DATA = Path(__file__).parent / "data"

_POSITION_BITS = 16
_POSITION_MASK = (1 << _POSITION_BITS) - 1
_HASH_MASK = (1 << 47) - 1  # hash and position fill a signed 64-bit number


@dataclass(frozen=True, slots=True)
class Skill:
    id: str
    label: str
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    skill: Skill
    score: float
    method: str


class Skills:
    def __init__(self, lines: dict[str, str], lexicon: Lexicon, version: str) -> None:
        self.version = version
        self._lines = lines
        self._ids = tuple(lines)
        self._lexicon = lexicon

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Skill]:
        return (_skill(skill_id, line) for skill_id, line in self._lines.items())

    def get(self, skill_id: str) -> Skill | None:
        line = self._lines.get(skill_id)
        return None if line is None else _skill(skill_id, line)

    def identify(self, text: str) -> Skill | None:
        """None also when several skills share the alias and it is the label of none of them."""
        check(text)
        named = self._named(fold(text))
        labelled = [skill for skill in named if fold(skill.label) == fold(text)]
        chosen = labelled or named
        return chosen[0] if len(chosen) == 1 else None

    def suggest(self, text: str, limit: int = 5) -> list[Suggestion]:
        check(text)
        folded = fold(text)
        glossed = self._lexicon.gloss(folded, self._index.knows)
        translated = glossed != " ".join(words(folded))
        found = [Suggestion(skill, 1.0, "exact") for skill in self._named(folded)]
        if translated:
            found += [Suggestion(skill, 0.95, "filipino") for skill in self._named(glossed)]
        found += self._similar(glossed, limit + len(found), "filipino" if translated else "trigram")
        return _once_each(found)[:limit]

    def warm(self) -> None:
        """Build the indexes now (about a second) instead of in the first question."""
        self.identify("")
        self.suggest("warm")

    def _named(self, folded: str) -> list[Skill]:
        """Skills that carry exactly this name, those it is the label of first."""
        first = bisect_left(self._keys, _key(folded, 0))
        after = bisect_left(self._keys, _key(folded, 1 << _POSITION_BITS), first)
        skills = (self._at(key & _POSITION_MASK) for key in self._keys[first:after])
        named = [skill for skill in skills if folded in _names(skill)]
        return sorted(named, key=lambda skill: (fold(skill.label) != folded, skill.label))

    def _similar(self, folded: str, limit: int, method: str) -> list[Suggestion]:
        return [
            Suggestion(self._at(position), score, method)
            for position, score in self._index.nearest(folded, limit)
        ]

    def _at(self, position: int) -> Skill:
        skill_id = self._ids[position]
        return _skill(skill_id, self._lines[skill_id])

    @cached_property
    def _keys(self) -> "array[int]":
        return array(
            "q",
            sorted(
                _key(name, position)
                for position, skill in enumerate(self)
                for name in _names(skill)
            ),
        )

    @cached_property
    def _index(self) -> Index:
        return Index(_names(skill) for skill in self)


@cache
def load() -> Skills:
    lines = {}
    with gzip.open(DATA / "esco_en.tsv.gz", "rt", encoding="utf-8") as file:
        for line in file:
            skill_id, _, rest = line.rstrip("\n").partition("\t")
            lines[skill_id] = rest
    lexicon = Lexicon.parse((DATA / "filipino.tsv").read_text(encoding="utf-8"))
    return Skills(lines, lexicon, (DATA / "VERSION").read_text(encoding="utf-8").strip())


def _skill(skill_id: str, line: str) -> Skill:
    label, _, aliases = line.partition("\t")
    return Skill(skill_id, label, tuple(aliases.split("|")) if aliases else ())


def _names(skill: Skill) -> list[str]:
    """Also the label without its remark: Python (computer programming) is called Python."""
    names = (skill.label, skill.label.partition(" (")[0], *skill.aliases)
    return list(dict.fromkeys(map(fold, names)))


def _key(folded: str, position: int) -> int:
    return ((hash(folded) & _HASH_MASK) << _POSITION_BITS) + position


def _once_each(suggestions: list[Suggestion]) -> list[Suggestion]:
    first: dict[str, Suggestion] = {}
    for suggestion in suggestions:
        first.setdefault(suggestion.skill.id, suggestion)
    return sorted(first.values(), key=lambda suggestion: -suggestion.score)
