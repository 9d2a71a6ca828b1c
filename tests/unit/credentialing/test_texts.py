import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.credentialing import rules, texts


@given(st.text() | st.text(alphabet="a@.<> \u200b", max_size=60) | st.text(min_size=190))
@example("a@b.c@d.e")
@example("x" * 195 + " a@b.<")
@example("\ud800\u2028\u200b")
def test_any_text_becomes_one_that_a_badge_may_show(text):
    line = texts.line(text)

    assert rules.line(line, "title") == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  Talaan \t ng\r\npaninda ", "Talaan ng paninda"),
        ("Sumulat kay <ana@example.ph>!", "Sumulat kay <…>!"),
        ("Pan\u0303aderya\u202e", "Pañaderya"),
        ("a" * 300, "a" * 199 + "…"),
        ("\u200b", "…"),
        ("👩\u200d🌾", "👩\u200d🌾"),
    ],
)
def test_only_what_misleads_or_is_too_long_changes(text, line):
    assert texts.line(text) == line


def test_a_page_that_a_badge_may_not_show_is_left_out():
    assert texts.page("https://kape.example/menu") == "https://kape.example/menu"
    assert texts.page("https://kape.example/<menu>") is None
    assert texts.page(None) is None
