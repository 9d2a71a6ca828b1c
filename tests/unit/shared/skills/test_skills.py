import gzip
import hashlib
from time import perf_counter
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.skills import Skill, load
from shared.skills.filipino import Lexicon
from shared.skills.taxonomy import DATA, Skills

SEWING = "sew pieces of fabric"
LEXICON = Lexicon.parse(
    "tahi\tsew\nluto\tcook\nturo\tteach\nalaga\tcare for\nng\t\nlutas ng problema\tsolve problems"
)


def labels(text: str, limit: int = 5) -> list[str]:
    return [suggestion.skill.label for suggestion in load().suggest(text, limit)]


def small(*lines: str) -> Skills:
    return Skills(dict(line.split("\t", 1) for line in lines), LEXICON, "trial")


def identified(text: str) -> Skill:
    skill = load().identify(text)
    assert skill is not None
    return skill


def gloss(text: str) -> str:
    return LEXICON.gloss(text, {"edit", "video", "customer"}.__contains__)


def test_every_skill_has_the_public_id_of_its_taxonomy():
    skills = load()

    assert len(skills) > 13_000
    assert all(str(UUID(skill.id)) == skill.id for skill in skills)


def test_a_skill_is_found_by_its_id():
    sewing = identified(SEWING)

    assert load().get(sewing.id) == sewing
    assert load().get("nothing") is None


def test_the_version_follows_the_data():
    skills = gzip.decompress((DATA / "esco_en.tsv.gz").read_bytes())
    filipino = (DATA / "filipino.tsv").read_bytes()

    assert load().version == f"esco-1.1.1-{hashlib.sha256(skills + filipino).hexdigest()[:8]}"


def test_each_filipino_root_has_one_line():
    lines = (DATA / "filipino.tsv").read_text(encoding="utf-8").splitlines()
    roots = [line.split("\t")[0] for line in lines]

    assert roots == sorted(set(roots))
    assert all(line.count("\t") == 1 for line in lines)


def test_loading_takes_less_than_half_a_second():
    load.cache_clear()
    start = perf_counter()

    load()

    assert perf_counter() - start < 0.5


@pytest.mark.parametrize(
    "text",
    [
        SEWING,
        "  SEW  Pieces\u00a0of fabric ",
        "\uff33ew pieces of fabric",
        "se\u0301w pieces of fabric",
    ],
)
def test_case_spaces_and_letter_forms_do_not_matter(text):
    assert identified(text).label == SEWING


def test_a_remark_in_brackets_need_not_be_typed():
    assert identified("python").label == "Python (computer programming)"


def test_an_unknown_text_is_no_skill():
    assert load().identify("qwxz") is None
    assert load().identify("") is None


def test_an_alias_of_two_skills_is_never_chosen_silently():
    skills = small("1\tsew curtains\tsewing", "2\tsew suits\tsewing")

    assert skills.identify("sewing") is None
    assert [found.skill.id for found in skills.suggest("sewing")] == ["1", "2"]


def test_a_label_goes_before_the_alias_of_another_skill():
    skills = small("1\tsew curtains\tsewing", "2\tsewing\t")

    chosen = skills.identify("sewing")

    assert chosen is not None
    assert chosen.id == "2"


def test_an_exact_name_is_suggested_first():
    first = load().suggest("JavaScript")[0]

    assert (first.skill.label, first.score, first.method) == ("JavaScript", 1.0, "exact")


def test_a_typing_mistake_is_forgiven():
    assert "graphic design" in labels("grphic desing")
    assert "manage budgets" in labels("manage budgts")


def test_suggestions_come_best_first_and_once_each():
    found = load().suggest("manage customer complaints", limit=10)

    assert len({suggestion.skill.id for suggestion in found}) == len(found) == 10
    assert [suggestion.score for suggestion in found] == sorted(
        (suggestion.score for suggestion in found), reverse=True
    )


@pytest.mark.parametrize(
    ("phrase", "label"),
    [
        ("pagmamaneho ng sasakyan", "drive vehicles"),
        ("pagsasalin", "translate texts"),
        ("pag-edit ng video", "perform video editing"),
        ("pagbebenta ng produkto", "sell products"),
        ("Pananahi", "sew textile-based articles"),
    ],
)
def test_filipino_phrases_find_english_skills(phrase, label):
    assert label in labels(phrase)


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("tahi", "sew"),
        ("pananahi", "sew"),
        ("magtahi", "sew"),
        ("tumahi", "sew"),
        ("tinahi", "sew"),
        ("pagtuturo", "teach"),
        ("turuan", "teach"),
        ("pangangalaga", "care for"),
        ("pag-aalaga", "care for"),
        ("pagluluto", "cook"),
        ("lutuin", "cook"),
        ("nakakaluto", "cook"),
        ("paglutas ng problema", "paglutas problema"),
        ("lutas ng problema", "solve problems"),
    ],
)
def test_filipino_words_are_read_by_their_root(word, meaning):
    assert gloss(word) == meaning


def test_english_words_stay_in_a_mixed_phrase():
    assert gloss("mag-edit ng video") == "edit video"
    assert gloss("pagtuturo ng customer") == "teach customer"


def test_english_is_not_mistaken_for_filipino():
    assert load().suggest("management of painting")[0].method != "filipino"


@pytest.mark.parametrize(
    "text", ["two\nlines", "bell\a", "nul\0", "next\u0085line", "line\u2028separator"]
)
def test_control_characters_are_refused(text):
    with pytest.raises(ValueError, match="one line of plain text"):
        load().suggest(text)
    with pytest.raises(ValueError, match="one line of plain text"):
        load().identify(text)


def test_a_text_too_long_for_a_skill_is_refused():
    with pytest.raises(ValueError, match="at most 200 characters; this text has 201"):
        load().suggest("x" * 201)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200))
def test_any_other_text_gets_an_answer(text):
    found = load().suggest(text)

    assert all(0.0 < suggestion.score <= 1.0 for suggestion in found)


def test_every_label_identifies_its_own_skill():
    assert all(load().identify(skill.label) == skill for skill in load())
