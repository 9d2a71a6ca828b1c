import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg

from services.notifications import sending
from services.notifications.settings import Settings
from shared.database import Database
from shared.messaging import Relay

T = TypeVar("T")


@dataclass
class Sink:
    """A mail server. `answer` is what it says to each recipient."""

    mails: list[Any] = field(default_factory=list)
    answer: str = "250 OK"

    async def received(self, count: int = 1) -> list[Any]:
        async def look() -> list[Any] | None:
            return self.mails if len(self.mails) >= count else None

        return await until(look)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(envelope)
        return "250 OK"


@dataclass
class Office:
    """The senders, and what can be seen of their work."""

    database: Database
    settings: Settings

    @asynccontextmanager
    async def working(self, *, times: int = 1) -> AsyncIterator[None]:
        relay = Relay(self.database, self.settings.amqp_url, "notifications")
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(times):
                tasks.create_task(sending.run(stopping, self.database, relay, self.settings))
            try:
                yield
            finally:
                stopping.set()

    async def delivery(self, state: str, *, seconds: float = 8) -> asyncpg.Record:
        """The one delivery, once it is in this state."""
        statement = "SELECT * FROM deliveries WHERE state = $1"
        return await until(lambda: self.database.fetchrow(statement, state), seconds=seconds)

    async def said(self) -> list[asyncpg.Record]:
        return await self.database.fetch("SELECT name, data, causation_id FROM events ORDER BY id")


async def until(look: Callable[[], Awaitable[T | None]], *, seconds: float = 8) -> T:
    """What `look` finds, as soon as it finds something."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):
            await asyncio.sleep(0.01)
    return found


@dataclass
class World:
    """The records that the gateway owns, as few as these tests need."""

    conn: Database

    async def person(
        self, name: str, locale: str = "fil", *, duties: tuple[str, ...] = (), tenant: str = "ph"
    ) -> UUID:
        person_id = uuid4()
        await self.conn.execute(
            """INSERT INTO gateway.people (id, email, password_hash, name, locale, duties, tenant,
                                           joined_at)
                    VALUES ($1, $2, '', $3, $4, $5, $6, now())""",
            person_id, f"{person_id.hex}@example.ph", name, locale, list(duties), tenant,
        )  # fmt: skip
        return person_id

    async def erase(self, person_id: UUID) -> None:
        await self.conn.execute("DELETE FROM gateway.people WHERE id = $1", person_id)

    async def organization(self, *members: UUID) -> UUID:
        organization_id = uuid4()
        await self.conn.execute(
            """INSERT INTO gateway.organizations (id, name, industry, region, registered_at)
                    VALUES ($1, 'Kape ni Aling Nena', 'food', 'NCR', now())""",
            organization_id,
        )
        await self.conn.executemany(
            """INSERT INTO gateway.members (organization_id, person_id, role, joined_at)
                    VALUES ($1, $2, 'owner', now())""",
            [(organization_id, person_id) for person_id in members],
        )
        return organization_id

    async def project(self, organization_id: UUID) -> UUID:
        project_id = uuid4()
        await self.conn.execute(
            """INSERT INTO gateway.projects (id, organization_id, title, summary, description,
                                             language, languages, industry, region, remote, hours,
                                             weeks, seats, fee, currency, answer_days, criteria,
                                             state, drafted_at, changed_at)
                    VALUES ($1, $2, 'Talaan ng paninda', '', '', 'fil', '{fil}', 'food', 'NCR', true,
                            20, 2, 1, 500000, 'PHP', 5, '{a}', 'open', now(), now())""",
            project_id,
            organization_id,
        )
        return project_id

    async def engagement(self, project_id: UUID, organization_id: UUID, intern: UUID) -> UUID:
        application_id, engagement_id = uuid4(), uuid4()
        await self.conn.execute(
            """INSERT INTO gateway.applications (id, project_id, applicant_id, cover_letter,
                                                 profile_version, profile_snapshot, state,
                                                 drafted_at, changed_at)
                    VALUES ($1, $2, $3, '', 1, '{}', 'accepted', now(), now())""",
            application_id, project_id, intern,
        )  # fmt: skip
        await self.conn.execute(
            """INSERT INTO gateway.engagements (id, application_id, project_id, organization_id,
                                                applicant_id, agreement, agreement_hash, starts_on,
                                                state, created_at, changed_at)
                    VALUES ($1, $2, $3, $4, $5, '', '', now(), 'active', now(), now())""",
            engagement_id, application_id, project_id, organization_id, intern,
        )  # fmt: skip
        return engagement_id

    async def freeze(self, *, declared_by: UUID, project_id: UUID, organization_id: UUID) -> UUID:
        """Of a region, with a deadline of the project running into it."""
        freeze_id = uuid4()
        await self.conn.execute(
            """INSERT INTO gateway.freezes (id, scope, place, starts_at, ends_at, reason,
                                            declared_by, declared_at, tenant)
                    VALUES ($1, 'region', 'NCR', now(), now() + '2 days', 'typhoon', $2, now(),
                            'ph')""",
            freeze_id, declared_by,
        )  # fmt: skip
        await self.conn.execute(
            """INSERT INTO gateway.timers (id, record, record_id, state, name, is_reminder,
                                           waits_on, starts_at, days, rings_after, working,
                                           due_at, ends_at, organization_id, correlation_id,
                                           tenant)
                    VALUES ($1, 'project', $2, 'selecting', 'decide_by', false, '{employer}',
                            now(), 7, 7, false, now() + '9 days', now() + '9 days', $3, $1, 'ph')""",
            uuid4(), project_id, organization_id,
        )  # fmt: skip
        return freeze_id
