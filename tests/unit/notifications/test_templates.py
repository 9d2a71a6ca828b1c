import itertools

import pytest

from services.notifications import texts
from services.notifications.audience import AUDIENCE, Role
from services.notifications.rendering import LONGEST_TITLE, Facts, render, render_mail
from services.notifications.texts import LOCALES

NOTICES = [(event.name, role) for event, roles in AUDIENCE.items() for role in sorted(roles)]
CASES = [(*notice, locale) for notice, locale in itertools.product(NOTICES, LOCALES)]
FACTS = Facts(
    project="Talaan ng paninda",
    organization="Kape ni Aling Nena",
    applicant="Ma. Teresa Cruz",
    milestone="Unang bersyon",
    people=5,
)
LONG = Facts(project="p " * 400, organization="o" * 800, applicant="a" * 800, milestone="m" * 800)


def rendered(name: str, role: Role, locale: str, facts: Facts = FACTS):
    return render(texts.template_of(name, role, locale), facts, locale, "other")


@pytest.mark.parametrize(("name", "role", "locale"), CASES)
def test_every_notice_reads_as_a_finished_text(name, role, locale):
    notice = rendered(name, role, locale)

    for part in (notice.title, notice.text, notice.action):
        assert part.strip()
        assert not any(sign in part for sign in ("{{", "}}", "{%", "None", "  "))
    assert "\n" not in notice.title + notice.action
    assert len(notice.action) <= 40


@pytest.mark.parametrize(("name", "role", "locale"), CASES)
@pytest.mark.parametrize("facts", [FACTS, LONG, Facts()], ids=["usual", "long", "erased"])
def test_every_subject_is_one_line_of_bounded_length(name, role, locale, facts):
    title = rendered(name, role, locale, facts).title

    assert "\n" not in title
    assert 10 <= len(title) <= LONGEST_TITLE


@pytest.mark.parametrize(("name", "role"), NOTICES)
def test_each_language_has_words_of_its_own(name, role):
    filipino, english = (rendered(name, role, locale) for locale in LOCALES)

    assert filipino.title != english.title
    assert filipino.text != english.text
    assert filipino.action != english.action


@pytest.mark.parametrize("locale", LOCALES)
def test_no_text_is_left_without_an_event(locale):
    wanted = {(name.removesuffix(".v1"), role) for name, role in NOTICES}

    assert set(texts.templates(locale)) == wanted


def test_both_languages_know_the_same_reasons():
    filipino, english = (texts.words(locale) for locale in LOCALES)

    assert set(filipino.reasons) == set(english.reasons)
    assert set(filipino.missing) == set(english.missing)
    assert all(filipino.reasons[code] != english.reasons[code] for code in english.reasons)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_mail_shows_what_happened_and_what_to_do_next(locale):
    notice = rendered("application.offered.v1", Role.APPLICANT, locale)

    mail = render_mail(notice, name="Juan dela Cruz", url="https://sibol.example/x", locale=locale)

    for body in (mail.text, mail.html):
        assert "Juan" in body
        assert notice.title in mail.subject
        assert notice.action in body
        assert "https://sibol.example/x" in body
        assert "{{" not in body
    assert f'lang="{locale}"' in mail.html
    assert "googleapis" not in mail.html
