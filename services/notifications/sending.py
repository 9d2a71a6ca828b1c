"""Send the mails that are due. A mail in hand is leased, so that two senders never hold the same
one; its sender renews the lease for as long as it lives, and a killed sender's mail is due again within
seconds. A sender that is told to stop gives back what it holds."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import aiosmtplib
from prometheus_client import Counter, Histogram

from services.notifications import queries, rendering, retries
from services.notifications.channels import email
from services.notifications.queries import Letter
from services.notifications.settings import Settings
from shared import clock, log
from shared.database import Database, is_away
from shared.events.notifications import NotificationDelivered, NotificationFailed
from shared.events.origin import Origin, within
from shared.messaging import Relay, record
from shared.metrics import FAST
from shared.worker import Loop

SENDERS = 2
BATCH = 20
POLL_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10
LEASE = timedelta(seconds=6)
RENEW_SECONDS = 2
# After this the rest of a batch is left to others.
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


@dataclass
class Batch:
    """What is in hand: the mail that is under way, and those that wait for it."""

    waiting: deque[Letter] = field(default_factory=deque)
    under_way: Letter | None = None

    @property
    def letters(self) -> list[Letter]:
        return [*self.waiting, *([self.under_way] if self.under_way else [])]


class Sender:
    def __init__(self, database: Database, wake: Callable[[], None], settings: Settings) -> None:
        self._database = database
        self._wake = wake
        self._settings = settings
        self._server = email.Server.of(settings.smtp_url)
        self._batch = Batch()

    async def run(self, stopping: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            keeping = tasks.create_task(self._keep())
            await self._send_again_and_again(stopping)
            keeping.cancel()

    async def _send_again_and_again(self, stopping: asyncio.Event) -> None:
        pause = POLL_SECONDS
        while not stopping.is_set():
            try:
                in_hand = await self._send_batch(stopping)
                pause = 0 if in_hand == BATCH else POLL_SECONDS
            except email.ServerAway as away:
                log.get().warning("mail_server_away", error=str(away))
                pause = _longer(pause)
            except Exception as error:
                if not is_away(error):
                    raise
                log.get().warning("neighbour_away", error=type(error).__name__)
                pause = _longer(pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)

    async def _send_batch(self, stopping: asyncio.Event) -> int:
        self._batch = batch = await self._claim()
        in_hand = len(batch.waiting)
        if not in_hand:
            return 0
        try:
            async with email.connected(self._server) as client:
                await self._send_until(stopping, client, batch)
        finally:
            self._batch = Batch()
            if batch.waiting:
                await self._put_back(batch.waiting)
        return in_hand

    async def _claim(self) -> Batch:
        now = clock.now()
        async with self._database.acquire() as conn:
            found = await queries.claim_letters(conn, now=now, until=now + LEASE, limit=BATCH)
        return Batch(deque(found))

    async def _put_back(self, letters: deque[Letter]) -> None:
        now = clock.now()
        async with self._database.acquire() as conn:
            await queries.put_back(conn, letters, now=now)

    async def _send_until(
        self, stopping: asyncio.Event, client: aiosmtplib.SMTP, batch: Batch
    ) -> None:
        deadline = time.monotonic() + BATCH_SECONDS
        while not stopping.is_set() and time.monotonic() < deadline and batch.waiting:
            batch.under_way = batch.waiting.popleft()
            go_on = await self._settle(client, batch.under_way)
            batch.under_way = None
            if not go_on:
                return

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self._renew(self._batch)
            except Exception as error:
                if not is_away(error):
                    raise
                log.get().warning("neighbour_away", error=type(error).__name__)

    async def _renew(self, batch: Batch) -> None:
        """What somebody else has taken meanwhile is his."""
        if not batch.letters:
            return
        async with self._database.acquire() as conn:
            kept = await queries.renew(conn, batch.letters, until=clock.now() + LEASE)
        batch.waiting = deque(letter for letter in batch.waiting if letter.delivery_id in kept)

    async def _settle(self, client: aiosmtplib.SMTP, letter: Letter) -> bool:
        """Return whether this connection will take another."""
        try:
            await self._send_safely(client, letter)
        except asyncio.CancelledError:
            await self._postpone(letter, "stopped")
            raise
        except email.Hangup as hangup:
            await self._postpone(letter, hangup.code)
            return False
        except email.Delayed as delay:
            await self._postpone(letter, delay.code)
        except email.Undeliverable as refusal:
            await self._give_up(letter, refusal.code)
        else:
            await self._mark_sent(letter)
        return True

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
            await queries.postpone(conn, letter, next_try_at=next_try_at, reason=reason)
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
