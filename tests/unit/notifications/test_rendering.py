from datetime import UTC, datetime

import pytest

from services.notifications.audience import Role
from services.notifications.rendering import Facts, Money, first_name, render, render_mail
from services.notifications.texts import Template, template_of
from shared.events.applications import ApplicationSubmitted
from tests.unit.notifications.samples import sample

HOSTILE = "<script>alert(1)</script>\r\nBcc: all@example.ph {{ 7 * 7 }}"


def test_what_people_wrote_is_never_taken_for_markup_or_a_template():
    template = template_of(sample(ApplicationSubmitted), Role.EMPLOYER, "en")

    notice = render(template, Facts(project=HOSTILE, applicant=HOSTILE), "en")
    mail = render_mail(notice, name="Ana", url="https://sibol.example", locale="en")

    assert "<script>" not in mail.html
    assert "{{ 7 * 7 }}" in notice.title
    assert "\n" not in mail.subject
    assert "\r" not in mail.subject


def test_a_known_reason_is_said_in_words_right_after_what_happened():
    template = Template(title="t", text="What happened.\n\nWhat next.", action="a")

    notice = render(template, Facts(), "fil", "schedule")

    happened, reason, following = notice.text.split("\n\n")
    assert happened == "What happened."
    assert reason == "Dahilan: hindi magkatugma ang iskedyul."
    assert following == "What next."


@pytest.mark.parametrize("reason", [None, "a_code_nobody_knows"])
def test_a_code_without_words_is_not_shown(reason):
    template = Template(title="t", text="What happened.", action="a")

    assert render(template, Facts(), "en", reason).text == "What happened."


@pytest.mark.parametrize(
    ("name", "greeted"),
    [
        ("Juan dela Cruz", "Juan"),
        ("Ma. Teresa Cruz", "Ma. Teresa"),
        ("Nena", "Nena"),
        ("Ma.", "Ma."),
        ("  ", ""),
    ],
)
def test_people_are_greeted_by_their_first_name(name, greeted):
    assert first_name(name) == greeted


@pytest.mark.parametrize(
    ("hour", "filipino", "english"),
    [
        (16, "Sabado, Hulyo 11, 12:00 n.u.", "Saturday, July 11, 12:00 AM"),
        (0, "Biyernes, Hulyo 10, 8:00 n.u.", "Friday, July 10, 8:00 AM"),
        (4, "Biyernes, Hulyo 10, 12:00 n.t.", "Friday, July 10, 12:00 PM"),
        (7, "Biyernes, Hulyo 10, 3:00 n.h.", "Friday, July 10, 3:00 PM"),
        (10, "Biyernes, Hulyo 10, 6:00 n.g.", "Friday, July 10, 6:00 PM"),
    ],
)
def test_a_deadline_is_said_in_words_and_in_the_readers_time(hour, filipino, english):
    template = Template(title="{{ due }}", text="{{ starts }}", action="a")
    at = datetime(2026, 7, 10, hour, tzinfo=UTC)

    said = [render(template, Facts(due=at, starts=at), locale) for locale in ("fil", "en")]

    assert [notice.title for notice in said] == [filipino, english]
    assert [notice.text for notice in said] == [filipino, english]


@pytest.mark.parametrize("locale", ["fil", "en"])
def test_money_is_said_to_the_centavo(locale):
    template = Template(title="{{ amount }}", text="{{ share }}", action="a")

    notice = render(template, Facts(amount=Money(1234567), share=Money(5)), locale)

    assert (notice.title, notice.text) == ("₱12,345.67", "₱0.05")


def test_a_change_that_needs_both_is_named_and_one_without_words_is_a_change():
    template = Template(title="{{ change }}", text="t", action="a")

    assert render(template, Facts(change="pause"), "en").title == "to pause for a while"
    assert render(template, Facts(change="dance"), "en").title == "a change"
