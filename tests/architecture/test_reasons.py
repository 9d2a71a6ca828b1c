"""Whoever is told a reason reads it in words, from whichever room tells it."""

import tomllib

import pytest

from services.gateway.reasons import WORDS
from tests.support.places import ROOT


@pytest.mark.parametrize("language", ["fil", "en"])
def test_mails_have_words_for_every_reason_of_the_gateway(language):
    path = ROOT / f"services/notifications/templates/words.{language}.toml"
    known = tomllib.loads(path.read_text("utf-8"))["reasons"]

    assert sorted(set(WORDS) - set(known)) == []
