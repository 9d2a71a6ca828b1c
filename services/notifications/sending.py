"""Send the mails that are due. A mail in hand is leased, so that two senders never hold the same
one, and a killed sender's mail is due again when its lease ends."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import aiosmtplib
from prometheus_client import Counter, Histogram

from services.notifications import queries, rendering, retries
from services.notifications.channels import email
from services.notifications.queries import Letter
from services.notifications.settings import Settings
from shared import clock, log
from shared.database import AWAY, Database
from shared.events.notifications import NotificationDelivered, NotificationFailed
from shared.events.origin import Origin, within
from shared.messaging import Relay, record
from shared.metrics import FAST
from shared.worker import Loop

SENDERS = 2
BATCH = 20
POLL_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10
LEASE = timedelta(seconds=30)
# After this no further mail of a batch is begun: the last one must end within the lease.
BATCH_SECONDS = 8
CHANNEL = "email"

deliveries = Counter("sibol_deliveries", "Deliveries by outcome.", ["channel", "outcome"])
delivery_seconds = Histogram(
    "sibol_delivery_seconds", "From the notice to its delivery.", ["channel"], buckets=FAST
)


def loop(database: Database, relay: Relay, settings: Settings) -> Loop:
    async def run_senders(stopping: asyncio.Event) -> None:
        await run(stopping, database, relay, settings)

    return run_senders


async def run(
    stopping: asyncio.Event, database: Database, relay: Relay, settings: Settings
) -> None:
    """Several senders, so that one slow mail does not keep all others waiting."""
    async with asyncio.TaskGroup() as tasks:
        for _ in range(SENDERS):
            tasks.create_task(Sender(database, relay.wake, settings).run(stopping))


class Sender:
    def __init__(self, database: Database, wake: Callable[[], None], settings: Settings) -> None:
        self._database = database
        self._wake = wake
        self._settings = settings
        self._server = email.Server.of(settings.smtp_url)

    async def run(self, stopping: asyncio.Event) -> None:
        pause = POLL_SECONDS
        while not stopping.is_set():
            try:
                in_hand = await self._send_batch(stopping)
                pause = 0 if in_hand == BATCH else POLL_SECONDS
            except email.ServerAway as away:
                log.get().warning("mail_server_away", error=str(away))
                pause = _longer(pause)
            except AWAY as error:
                log.get().warning("neighbour_away", error=type(error).__name__)
                pause = _longer(pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)

    async def _send_batch(self, stopping: asyncio.Event) -> int:
        waiting = deque(await self._claim())
        in_hand = len(waiting)
        if not waiting:
            return 0
        try:
            async with email.connected(self._server) as client:
                await self._send_until(stopping, client, waiting)
        finally:
            if waiting:
                await self._put_back(waiting)
        return in_hand

    async def _claim(self) -> list[Letter]:
        now = clock.now()
        async with self._database.acquire() as conn:
            return await queries.claim_letters(conn, now=now, until=now + LEASE, limit=BATCH)

    async def _put_back(self, letters: deque[Letter]) -> None:
        now = clock.now()
        async with self._database.acquire() as conn:
            await queries.put_back(conn, [letter.delivery_id for letter in letters], now=now)

    async def _send_until(
        self, stopping: asyncio.Event, client: aiosmtplib.SMTP, waiting: deque[Letter]
    ) -> None:
        deadline = time.monotonic() + BATCH_SECONDS
        while waiting and not stopping.is_set() and time.monotonic() < deadline:
            letter = waiting.popleft()
            try:
                await self._send_safely(client, letter)
            except email.Hangup as hangup:
                await self._postpone(letter, hangup.code)
                return
            except email.Delayed as delay:
                await self._postpone(letter, delay.code)
            except email.Undeliverable as refusal:
                await self._give_up(letter, refusal.code)
            else:
                await self._mark_sent(letter)

    async def _send_safely(self, client: aiosmtplib.SMTP, letter: Letter) -> None:
        try:
            await self._send(client, letter)
        except email.Undeliverable:
            raise
        except Exception as error:
            # One mail that our own code cannot handle must not stop all others.
            log.get().exception("mail_not_made", delivery_id=str(letter.delivery_id))
            raise email.Hangup("internal") from error

    async def _send(self, client: aiosmtplib.SMTP, letter: Letter) -> None:
        if letter.attempts > retries.TRIES:
            raise email.Undeliverable("too_many_tries")
        if letter.address is None or letter.name is None:
            raise email.Undeliverable("no_such_person")
        public_url = self._settings.public_url.rstrip("/")
        mail = rendering.render_mail(
            rendering.Rendered(letter.title, letter.text, letter.action),
            name=letter.name,
            url=public_url + letter.link,
            locale=letter.locale,
        )
        message = email.compose(
            mail,
            delivery_id=letter.delivery_id,
            to=letter.address,
            name=letter.name,
            sender=self._settings.mail_from,
            settings_url=f"{public_url}/#/settings",
            locale=letter.locale,
        )
        await email.send(client, message)

    async def _mark_sent(self, letter: Letter) -> None:
        now = clock.now()
        event = NotificationDelivered(
            notification_id=letter.notice_id, person_id=letter.person_id, channel=CHANNEL
        )
        with within(_origin(letter)):
            async with self._database.acquire() as conn, conn.transaction():
                if not await queries.mark_sent(conn, letter.delivery_id, now=now):
                    return
                await record(conn, event)
        self._wake()
        deliveries.labels(CHANNEL, "sent").inc()
        delivery_seconds.labels(CHANNEL).observe((now - letter.created_at).total_seconds())
        log.get().info("mail_sent", delivery_id=str(letter.delivery_id), attempts=letter.attempts)

    async def _postpone(self, letter: Letter, reason: str) -> None:
        now = clock.now()
        next_try_at = retries.next_try(letter.attempts, created_at=letter.created_at, now=now)
        if next_try_at is None:
            await self._give_up(letter, reason)
            return
        async with self._database.acquire() as conn:
            await queries.postpone(conn, letter.delivery_id, next_try_at=next_try_at, reason=reason)
        deliveries.labels(CHANNEL, "postponed").inc()
        log.get().warning("mail_postponed", delivery_id=str(letter.delivery_id), reason=reason)

    async def _give_up(self, letter: Letter, reason: str) -> None:
        event = NotificationFailed(
            notification_id=letter.notice_id,
            person_id=letter.person_id,
            channel=CHANNEL,
            reason=reason,
        )
        with within(_origin(letter)):
            async with self._database.acquire() as conn, conn.transaction():
                if not await queries.mark_failed(conn, letter.delivery_id, reason=reason):
                    return
                await record(conn, event)
        self._wake()
        deliveries.labels(CHANNEL, "failed").inc()
        log.get().warning("mail_given_up", delivery_id=str(letter.delivery_id), reason=reason)


def _origin(letter: Letter) -> Origin:
    return Origin(
        correlation_id=letter.correlation_id, causation_id=letter.event_id, tenant=letter.tenant
    )


def _longer(pause: float) -> float:
    return min(max(pause, POLL_SECONDS) * 2, LONGEST_PAUSE_SECONDS)
