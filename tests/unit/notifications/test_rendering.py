import pytest

from services.notifications.audience import Role
from services.notifications.rendering import Facts, first_name, render, render_mail
from services.notifications.texts import Template, template_of

HOSTILE = "<script>alert(1)</script>\r\nBcc: all@example.ph {{ 7 * 7 }}"


def test_what_people_wrote_is_never_taken_for_markup_or_a_template():
    template = template_of("application.submitted.v1", Role.EMPLOYER, "en")

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
