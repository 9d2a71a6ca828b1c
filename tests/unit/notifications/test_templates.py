from dataclasses import replace

import pytest

from services.gateway.lifecycles import MACHINES
from services.gateway.reasons import WORDS
from services.notifications import texts
from services.notifications.audience import REMINDERS, Role
from services.notifications.records import records_of
from services.notifications.rendering import LONGEST_TITLE, Facts, render, render_mail
from services.notifications.texts import LOCALES, key
from shared.events.applications import ApplicationOffered
from shared.events.base import Event
from tests.unit.notifications.samples import notices, reminders, sample

NOTICES = [pytest.param(*notice, id=f"{key(notice[0])}-{notice[1]}") for notice in notices()]
REMINDERS_OF_ALL = [
    pytest.param(*notice, id=f"{key(notice[0])}-{notice[1]}")
    for kind in REMINDERS
    for notice in reminders(kind)
]
FACTS = Facts(
    project="Talaan ng paninda",
    organization="Kape ni Aling Nena",
    applicant="Ma. Teresa Cruz",
    milestone="Unang bersyon",
)
LONG = Facts(project="p " * 400, organization="o" * 800, applicant="a" * 800, milestone="m" * 800)
# Money that an intern never got is kept without a date, and comes up every day for operators.
WITHOUT_A_DATE = {"payment.reminded.unclaimed", "payment.reminded.refund_stuck"}


def rendered(event: Event, role: Role, locale: str, facts: Facts = FACTS):
    named = {name: value for name, value in vars(facts).items() if value is not None}
    known = replace(records_of(event).facts, **named)
    return render(texts.template_of(event, role, locale), known, locale, "other")


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(("event", "role"), NOTICES)
def test_every_notice_reads_as_a_finished_text(event, role, locale):
    notice = rendered(event, role, locale)

    for part in (notice.title, notice.text, notice.action):
        assert part.strip()
        assert not any(sign in part for sign in ("{{", "}}", "{%", "None", "  ", ".."))
    assert "\n" not in notice.title + notice.action
    assert len(notice.action) <= 40


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(("event", "role"), NOTICES)
@pytest.mark.parametrize("facts", [FACTS, LONG, Facts()], ids=["usual", "long", "erased"])
def test_every_subject_is_one_line_of_bounded_length(event, role, locale, facts):
    title = rendered(event, role, locale, facts).title

    assert "\n" not in title
    assert 10 <= len(title) <= LONGEST_TITLE


@pytest.mark.parametrize(("event", "role"), NOTICES)
def test_each_language_has_words_of_its_own(event, role):
    filipino, english = (rendered(event, role, locale) for locale in LOCALES)

    assert filipino.title != english.title
    assert filipino.text != english.text
    assert filipino.action != english.action


@pytest.mark.parametrize("locale", LOCALES)
def test_no_text_is_left_without_an_event(locale):
    assert set(texts.templates(locale)) == {(key(event), role) for event, role in notices()}


@pytest.mark.parametrize(("event", "role"), REMINDERS_OF_ALL)
def test_every_reminder_says_until_when_and_what_silence_does(event, role):
    filipino, english = (rendered(event, role, locale).text for locale in LOCALES)

    if key(event) not in WITHOUT_A_DATE:
        assert "anggang Biyernes, Hulyo 10, 3:00 n.h." in filipino
        assert "Friday, July 10, 3:00 PM" in english
    assert any(word in filipino for word in ("Kapag ", "kusa", "kahit walang gawin"))
    assert any(word in english for word in ("If ", "ithout ", "if you do nothing", "by itself"))


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    "timer",
    sorted({timer.name for machine in MACHINES.values() for timer in machine.timers if timer.to}),
)
def test_an_end_that_time_brought_has_its_reason_in_words(timer, locale):
    assert texts.words(locale).reasons[timer].endswith(".")


@pytest.mark.parametrize("locale", LOCALES)
def test_every_reason_that_somebody_can_give_has_words(locale):
    assert set(WORDS) <= set(texts.words(locale).reasons)


def test_both_languages_know_the_same_reasons():
    filipino, english = (texts.words(locale) for locale in LOCALES)

    assert set(filipino.reasons) == set(english.reasons)
    assert set(filipino.missing) == set(english.missing) == set(vars(Facts()))
    assert set(filipino.changes) == set(english.changes)
    assert all(filipino.reasons[code] != english.reasons[code] for code in english.reasons)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_mail_shows_what_happened_and_what_to_do_next(locale):
    notice = rendered(sample(ApplicationOffered), Role.APPLICANT, locale)

    mail = render_mail(notice, name="Juan dela Cruz", url="https://sibol.example/x", locale=locale)

    for body in (mail.text, mail.html):
        assert "Juan" in body
        assert notice.title in mail.subject
        assert notice.action in body
        assert "https://sibol.example/x" in body
        assert "{{" not in body
    assert f'lang="{locale}"' in mail.html
    assert "googleapis" not in mail.html
