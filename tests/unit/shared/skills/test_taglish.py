"""How often a real Filipino phrase leads to its skill within five suggestions."""

from pathlib import Path

import pytest

from shared.skills import load

PHRASES = Path(__file__).parents[4].parent / "shared" / "matching" / "data" / "taglish_tune.tsv"


@pytest.mark.skipif(not PHRASES.exists(), reason="the tuning phrases are not on this machine")
def test_most_taglish_phrases_find_their_skill():
    rows = [line.split("\t") for line in PHRASES.read_text(encoding="utf-8").splitlines()]

    found = sum(
        any(suggestion.skill.label in meant.split("|") for suggestion in load().suggest(phrase))
        for phrase, meant in rows
    )

    assert found / len(rows) >= 0.85
