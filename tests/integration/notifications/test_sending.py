import asyncio
import email
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from datetime import timedelta
from email.policy import default

import pytest

from services.notifications import queries, sending
from services.notifications.handlers import tell_people
from services.notifications.retries import LONGEST
from shared import clock
from shared.events.people import PersonJoined
from shared.messaging import Relay
from tests.integration.notifications.support import Sink, until

SENDER = """
import asyncio
from services.notifications import sending
from services.notifications.settings import Settings
from shared.database import connect
from shared.messaging import Relay

async def main():
    settings = Settings()
    async with connect(settings.database_url, "notifications") as database:
        relay = Relay(database, settings.amqp_url, "notifications")
        await sending.run(asyncio.Event(), database, relay, settings)

asyncio.run(main())
"""


@pytest.fixture
def welcome(database, world, heard):
    async def welcomed(name="Juan dela Cruz", locale="fil"):
        person_id = await world.person(name, locale)
        async with database.acquire() as conn, conn.transaction():
            await tell_people(conn, [heard(PersonJoined(person_id=person_id))])
        return person_id

    return welcomed


def read(envelope):
    return email.message_from_bytes(envelope.content, policy=default)


async def test_a_mail_arrives_in_the_persons_language(office, sink, welcome):
    juan, ann = await welcome("Juan dela Cruz", "fil"), await welcome("Ann Cruz", "en")

    async with office.working():
        await sink.received(2)

    mails = {mail.rcpt_tos[0]: read(mail) for mail in sink.mails}
    filipino, english = mails[f"{juan.hex}@example.ph"], mails[f"{ann.hex}@example.ph"]
    assert filipino["Subject"] == "Maligayang pagdating sa Sibol!"
    assert "Kumusta, Juan!" in filipino.get_body(("plain",)).get_content()
    assert english["Subject"] == "Welcome to Sibol!"
    assert "Hi Ann!" in english.get_body(("html",)).get_content()
    assert "http://localhost:8080/#/profile" in english.get_body(("html",)).get_content()


async def test_a_delivered_mail_is_said_with_its_cause(office, sink, welcome):
    person_id = await welcome()

    async with office.working():
        delivery = await office.delivery("sent")

    (event,) = await office.said()
    assert event["name"] == "notification.delivered.v1"
    assert event["causation_id"] == delivery["event_id"]
    assert event["data"] == {
        "notification_id": str(delivery["notice_id"]),
        "person_id": str(person_id),
        "channel": "email",
    }


async def test_a_due_mail_is_with_the_server_in_well_under_a_second(office, sink, welcome):
    async with office.working():
        await asyncio.sleep(0.5)
        started = time.monotonic()
        await welcome()
        await sink.received()

    assert time.monotonic() - started < 1


async def test_mails_wait_for_a_server_that_is_away_and_no_try_is_counted(
    office, mail_server, welcome
):
    await welcome()

    async with office.working():
        await asyncio.sleep(1)
        sink = mail_server(Sink())
        delivery = await office.delivery("sent", seconds=15)

    assert delivery["attempts"] == 1
    assert len(sink.mails) == 1


async def test_an_address_that_does_not_exist_is_given_up_at_once(office, sink, welcome):
    sink.answer = "550 No such user here"
    await welcome()

    async with office.working():
        delivery = await office.delivery("failed")

    (event,) = await office.said()
    assert delivery["attempts"] == 1
    assert delivery["last_error"] == "smtp_550"
    assert event["name"] == "notification.failed.v1"
    assert event["data"]["reason"] == "smtp_550"


async def test_a_busy_server_is_tried_again_later(office, sink, welcome):
    sink.answer = "451 Come back later"
    await welcome()

    async with office.working():
        await until(lambda: office.database.fetchval("SELECT last_error FROM deliveries"))
    waiting = await office.delivery("due")
    sink.answer = "250 OK"
    with clock.advanced(timedelta(seconds=6)):
        async with office.working():
            delivery = await office.delivery("sent")

    assert waiting["last_error"] == "smtp_451"
    assert delivery["attempts"] == 2
    assert len(sink.mails) == 1


async def test_a_mail_is_given_up_when_it_could_not_be_sent_for_days(office, sink, welcome):
    sink.answer = "451 Come back later"
    await welcome()

    with clock.advanced(LONGEST):
        async with office.working():
            delivery = await office.delivery("failed")

    assert delivery["last_error"] == "smtp_451"


async def test_who_was_erased_in_the_meantime_gets_no_mail(office, sink, welcome, world):
    await world.erase(await welcome())

    async with office.working():
        delivery = await office.delivery("failed")

    assert delivery["last_error"] == "no_such_person"
    assert sink.mails == []


async def test_many_senders_send_each_mail_once(office, sink, welcome):
    people = {f"{(await welcome()).hex}@example.ph" for _ in range(150)}

    async with office.working(times=2):
        await until(
            lambda: office.database.fetchval(
                "SELECT count(*) = 150 FROM deliveries WHERE state = 'sent'"
            )
        )

    assert len(sink.mails) == 150
    assert {mail.rcpt_tos[0] for mail in sink.mails} == people


async def test_one_refused_mail_does_not_hold_up_the_others(office, sink, welcome, world, gateway):
    broken = await welcome()
    await gateway.execute("UPDATE gateway.people SET email = 'no address' WHERE id = $1", broken)
    for _ in range(3):
        await welcome()

    async with office.working():
        await sink.received(3)
        await until(
            lambda: office.database.fetchval("SELECT true FROM deliveries WHERE state = 'failed'")
        )

    reason = await office.database.fetchval(
        "SELECT reason FROM public_deliveries WHERE person_id = $1", broken
    )
    assert reason == "bad_address"


class Stubborn(Sink):
    """Takes the first mail and never answers: whoever sent it cannot know."""

    def __init__(self):
        super().__init__()
        self.taken, self.release = threading.Event(), threading.Event()

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        answer = await super().handle_DATA(server, session, envelope)
        if not self.taken.is_set():
            self.taken.set()
            while not self.release.is_set():
                await asyncio.sleep(0.01)
        return answer


async def test_a_killed_senders_mail_is_sent_again_as_the_same_mail(office, mail_server, welcome):
    sink = mail_server(Stubborn())
    await welcome()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SENDER,
        env=os.environ
        | {
            "SIBOL_DATABASE_URL": office.settings.database_url,
            "SIBOL_AMQP_URL": office.settings.amqp_url,
            "SIBOL_SMTP_URL": office.settings.smtp_url,
        },
    )  # fmt: skip
    await asyncio.to_thread(sink.taken.wait, 10)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    sink.release.set()

    async with office.working():
        await asyncio.sleep(0.5)
    kept = len(sink.mails)
    with clock.advanced(sending.LEASE):
        async with office.working():
            delivery = await office.delivery("sent")

    first, second = (read(mail) for mail in sink.mails)
    assert kept == 1
    assert first["Message-ID"] == second["Message-ID"]
    assert delivery["attempts"] == 2


async def test_stopping_leaves_what_is_not_begun_for_others(office, mail_server, welcome):
    sink = mail_server(Stubborn())
    for _ in range(3):
        await welcome()

    async with office.working():
        await asyncio.to_thread(sink.taken.wait, 10)
        threading.Timer(0.3, sink.release.set).start()

    rows = await office.database.fetch("SELECT state, attempts, next_try_at FROM deliveries")
    assert {(row["state"], row["attempts"]) for row in rows} == {("sent", 1), ("due", 0)}
    assert all(row["next_try_at"] <= clock.now() for row in rows if row["state"] == "due")


async def test_a_sender_that_is_cut_off_gives_back_what_it_holds(office, mail_server, welcome):
    """As a process is whose time to stop is over."""
    sink = mail_server(Stubborn())
    for _ in range(3):
        await welcome()
    relay = Relay(office.database, office.settings.amqp_url, "notifications")

    started = 0.0
    with suppress(TimeoutError):
        async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as tasks:
            tasks.create_task(sending.run(asyncio.Event(), office.database, relay, office.settings))
            await asyncio.to_thread(sink.taken.wait, 10)
            started = time.monotonic()
            limit.reschedule(0)
    took = time.monotonic() - started
    sink.release.set()

    rows = await office.database.fetch("SELECT * FROM deliveries ORDER BY attempts, last_error")
    assert took < 1
    assert {(row["state"], row["attempts"]) for row in rows} == {("due", 0), ("due", 1)}
    assert rows[-1]["last_error"] == "stopped"
    assert rows[-1]["next_try_at"] < clock.now() + timedelta(seconds=6)
    assert all(row["next_try_at"] <= clock.now() for row in rows if row["attempts"] == 0)


async def test_who_came_too_late_leaves_the_mail_to_its_new_holder(office, welcome):
    await welcome()
    now = clock.now()
    lapsed = now + sending.LEASE
    async with office.database.acquire() as conn:
        (first,) = await queries.claim_letters(conn, now=now, until=lapsed, limit=9)
        early = await queries.claim_letters(conn, now=now, until=lapsed, limit=9)
        kept = await queries.renew(conn, [first], until=lapsed)
        (second,) = await queries.claim_letters(
            conn, now=lapsed, until=lapsed + sending.LEASE, limit=9
        )

        lost = await queries.renew(conn, [first], until=now)
        await queries.put_back(conn, [first], now=now)
        await queries.postpone(conn, first, next_try_at=now, reason="timeout")

        row = await conn.fetchrow("SELECT * FROM deliveries")
    assert early == []
    assert (kept, lost) == ({first.delivery_id}, set())
    assert row["attempts"] == second.attempts == 2
    assert row["next_try_at"] == lapsed + sending.LEASE


async def test_a_mail_server_that_says_nothing_is_left_within_seconds(office, port, welcome):
    await welcome()
    visitors = []
    server = await asyncio.start_server(lambda *both: visitors.append(both[1]), "127.0.0.1", port)
    relay = Relay(office.database, office.settings.amqp_url, "notifications")
    stopping = asyncio.Event()

    started = time.monotonic()
    async with server, asyncio.TaskGroup() as tasks:
        tasks.create_task(sending.run(stopping, office.database, relay, office.settings))
        await until(lambda: office.database.fetchval("SELECT attempts = 1 FROM deliveries"))
        stopping.set()
    took = time.monotonic() - started
    for visitor in visitors:
        visitor.close()
        await visitor.wait_closed()

    row = await office.database.fetchrow("SELECT * FROM deliveries")
    assert took < 7
    assert row["attempts"] == 0
    assert row["next_try_at"] <= clock.now()


class Dropping(Sink):
    """Hangs up over the first mail."""

    dropped = False

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        if self.dropped:
            return await super().handle_DATA(server, session, envelope)
        self.dropped = True
        server.transport.abort()
        return "421 Closing"


async def test_a_connection_that_breaks_over_one_mail_costs_only_that_mail_a_try(
    office, mail_server, welcome
):
    sink = mail_server(Dropping())
    for _ in range(3):
        await welcome()

    async with office.working():
        await sink.received(2)
        await until(
            lambda: office.database.fetchval(
                "SELECT count(*) = 2 FROM deliveries WHERE state = 'sent'"
            )
        )

    rows = await office.database.fetch("SELECT state, attempts, last_error FROM deliveries")
    assert sorted((row["state"], row["attempts"], row["last_error"]) for row in rows) == [
        ("due", 1, "disconnected"),
        ("sent", 1, None),
        ("sent", 1, None),
    ]
