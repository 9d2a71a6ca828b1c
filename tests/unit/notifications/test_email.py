from uuid import uuid4

import pytest

from services.notifications.channels.email import Server, Undeliverable, compose
from services.notifications.rendering import Mail

MAIL = Mail(subject="Ñandito na ang badge mo", text="Kumusta!\n", html="<p>Kumusta!</p>")


def composed(*, mail=MAIL, to="juan@example.ph", name="Juan", delivery_id=None):
    return compose(
        mail,
        delivery_id=delivery_id or uuid4(),
        to=to,
        name=name,
        sender="Sibol <hello@sibol.example>",
        settings_url="https://sibol.example/#/settings",
        locale="fil",
    )


def test_a_mail_can_be_read_as_text_and_as_html():
    message = composed()

    assert message["Subject"] == MAIL.subject
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe"] == "<https://sibol.example/#/settings>"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert message.as_bytes().isascii()


def test_a_second_copy_carries_the_same_message_id():
    delivery_id = uuid4()

    first, second = composed(delivery_id=delivery_id), composed(delivery_id=delivery_id)

    assert first["Message-ID"] == second["Message-ID"] == f"<{delivery_id}@sibol.example>"


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": "juan@example.ph\r\nBcc: all@example.ph"},
        {"to": "juan@example.ph, all@example.ph"},
        {"to": "nobody"},
        {"to": ""},
        {"name": "Juan\r\nBcc: all@example.ph"},
        {"mail": Mail(subject="Hi\r\nBcc: all@example.ph", text="", html="")},
    ],
)
def test_nobody_smuggles_in_a_header(wrong):
    with pytest.raises(Undeliverable) as refused:
        composed(**wrong)

    assert refused.value.code == "bad_address"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://127.0.0.1:2525", Server("127.0.0.1", 2525, None, None, tls=False)),
        ("smtp://mail.example.ph", Server("mail.example.ph", 25, None, None, tls=False)),
        (
            "smtps://a%40b:p%3Aw@mail.example.ph",
            Server("mail.example.ph", 465, "a@b", "p:w", tls=True),
        ),
    ],
)
def test_the_mail_server_is_named_by_an_address(url, server):
    assert Server.of(url) == server


@pytest.mark.parametrize("url", ["http://127.0.0.1", "smtp://", "127.0.0.1:25"])
def test_an_address_of_something_else_is_refused(url):
    with pytest.raises(ValueError, match="must look like smtp://"):
        Server.of(url)
