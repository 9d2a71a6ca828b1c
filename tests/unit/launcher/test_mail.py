import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import partial

import aiosmtplib
import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiosmtpd.smtp import SMTP

from launcher.mail import Keeping, create_app
from launcher.mailbox import Mailbox

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def letter(subject: str = "Kumusta", *, html: str = "") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Sibol <sibol@example.test>"
    message["To"] = "ana@example.test"
    message["Subject"] = subject
    message.set_content("Magandang araw, Niña.")
    if html:
        message.add_alternative(html, subtype="html")
    return message


def put(mailbox: Mailbox, subject: str, to: str = "ana@example.test", minute: int = 0) -> str:
    at = NOON + timedelta(minutes=minute)
    return mailbox.put(letter(subject).as_bytes(), to=[to], at=at)


@asynccontextmanager
async def page(mailbox: Mailbox):
    async with TestClient(TestServer(create_app(mailbox))) as client:
        yield client


def test_mails_are_listed_newest_first_and_survive_a_restart(tmp_path):
    for minute, subject in enumerate(["one", "two", "three"]):
        put(Mailbox(tmp_path), subject, minute=minute)

    mails = Mailbox(tmp_path).newest()

    assert [mail.subject for mail in mails] == ["three", "two", "one"]


def test_only_the_newest_mails_are_kept(tmp_path):
    mailbox = Mailbox(tmp_path, largest=2)

    for minute, subject in enumerate(["one", "two", "three"]):
        put(mailbox, subject, minute=minute)

    assert [mail.subject for mail in mailbox.newest()] == ["three", "two"]
    assert len(list(tmp_path.glob("*.eml"))) == 2


def test_mails_are_found_by_the_recipient_of_the_envelope(tmp_path):
    mailbox = Mailbox(tmp_path)
    put(mailbox, "for ana")
    put(mailbox, "for ben", to="Ben@example.test")

    found = mailbox.newest(to="ben@")

    assert [mail.subject for mail in found] == ["for ben"]


@pytest.mark.parametrize("name", ["../state", "..%2Fstate", "none"])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    (tmp_path / "state.eml").write_text("secret")
    (tmp_path / "mails").mkdir()

    assert Mailbox(tmp_path / "mails").source(name) is None


async def test_a_mail_sent_by_smtp_is_shown_as_json(tmp_path):
    mailbox = Mailbox(tmp_path)
    loop = asyncio.get_running_loop()
    receive = partial(SMTP, Keeping(mailbox), enable_SMTPUTF8=True)
    server = await loop.create_server(receive, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    await aiosmtplib.send(letter("Salamat"), hostname="127.0.0.1", port=port)

    server.close()
    async with page(mailbox) as client, client.get("/messages.json?to=ana") as answer:
        (mail,) = await answer.json()
    assert mail["subject"] == "Salamat"
    assert mail["to"] == ["ana@example.test"]
    assert mail["text"].strip() == "Magandang araw, Niña."


async def test_a_subject_is_text_and_never_markup(tmp_path):
    mailbox = Mailbox(tmp_path)
    put(mailbox, "<script>alert(1)</script>")

    async with page(mailbox) as client, client.get("/") as answer:
        shown = await answer.text()

    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


async def test_the_html_of_a_mail_is_shown_in_a_sandbox(tmp_path):
    mailbox = Mailbox(tmp_path)
    source = letter(html="<p>Hi</p><script>alert(1)</script>").as_bytes()
    identifier = mailbox.put(source, to=["ana@example.test"], at=NOON)

    async with page(mailbox) as client:
        whole = await (await client.get(f"/messages/{identifier}")).text()
        framed = await client.get(f"/messages/{identifier}/html")

    assert "<iframe sandbox" in whole
    assert framed.headers["Content-Security-Policy"].startswith("sandbox ")


async def test_a_page_elsewhere_cannot_read_the_mails(tmp_path):
    async with page(Mailbox(tmp_path)) as client:
        answer = await client.get("/", headers={"Host": "evil.test"})

    assert answer.status == 403


async def test_an_unknown_mail_is_not_found(tmp_path):
    async with page(Mailbox(tmp_path)) as client:
        answer = await client.get("/messages/none")

    assert answer.status == 404
