"""Names ranked by the letters they share with a phrase; survives typing mistakes.

Trigrams lead to words and words to names: few words make up many names, so the index is small
and the common endings that fill an ordinary trigram index are counted once per word.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable
from heapq import nlargest
from math import log, sqrt

from shared.skills.folding import words

_TOUCHED = 10_000  # names compared before weaker words are left out: about 10 ms
_NAMES_EACH = 12  # a skill has seven names on average
_LEAST = 0.2  # below it nothing but chance is left
_WEAKEST = 0.12  # share of a word's own weight below which a likeness is chance


class Index:
    def __init__(self, groups: Iterable[Iterable[str]]) -> None:
        """Each group is the names of one thing; its position is what is found."""
        self._owners = array("H")
        self._names_of: defaultdict[str, array[int]] = defaultdict(lambda: array("I"))
        for position, group in enumerate(groups):
            for name in group:
                for word in words(name):
                    self._names_of[word].append(len(self._owners))
                self._owners.append(position)
        self._weigh()

    def knows(self, word: str) -> bool:
        return word in self._names_of

    def nearest(self, text: str, limit: int) -> list[tuple[int, float]]:
        wanted = words(text)
        length = sqrt(sum(self._square(word) for word in wanted))
        best: dict[int, float] = {}
        for score, name in nlargest(limit * _NAMES_EACH, self._compare(wanted)):
            best.setdefault(self._owners[-name], min(1.0, score / length))
        likely = [(owner, score) for owner, score in best.items() if score >= _LEAST]
        return likely[:limit]

    def _weigh(self) -> None:
        seen: Counter[str] = Counter()
        self._words_of: defaultdict[str, list[str]] = defaultdict(list)
        for word, names in self._names_of.items():
            for trigram in _trigrams(word):
                seen[trigram] += len(names)
                self._words_of[trigram].append(word)
        total = len(self._owners)
        self._weight = {
            trigram: log((1 + total) / (1 + count)) + 1 for trigram, count in seen.items()
        }
        self._unseen = log(1 + total) + 1
        squares = [0.0] * total
        for word, names in self._names_of.items():
            square = self._square(word)
            for name in names:
                squares[name] += square
        self._lengths = array("f", map(sqrt, squares))

    def _square(self, word: str) -> float:
        return sum(self._weight.get(trigram, self._unseen) ** 2 for trigram in _trigrams(word))

    def _compare(self, wanted: list[str]) -> list[tuple[float, int]]:
        """Names are negative, so that of two equally alike the earlier is the greater."""
        products: defaultdict[int, float] = defaultdict(float)
        touched = 0
        for word, product in self._alike(wanted):
            names = self._names_of[word]
            for name in names:
                products[name] += product
            touched += len(names)
            if touched > _TOUCHED:
                break
        lengths = self._lengths
        return [(product / lengths[name], -name) for name, product in products.items()]

    def _alike(self, wanted: list[str]) -> list[tuple[str, float]]:
        likenesses: defaultdict[str, float] = defaultdict(float)
        for word in wanted:
            found: defaultdict[str, float] = defaultdict(float)
            for trigram in _trigrams(word):
                square = self._weight.get(trigram, 0.0) ** 2
                for other in self._words_of.get(trigram, ()):
                    found[other] += square
            least = _WEAKEST * self._square(word)
            for other, product in found.items():
                if product >= least:
                    likenesses[other] += product
        return sorted(likenesses.items(), key=lambda pair: -pair[1])


def _trigrams(word: str) -> list[str]:
    """Always in one order, so that sums come out the same in every process."""
    padded = f" {word} "
    return list(dict.fromkeys(padded[start : start + 3] for start in range(len(padded) - 2)))
