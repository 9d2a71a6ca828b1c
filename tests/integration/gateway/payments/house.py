"""One employer, one posting, an intern for each seat, and the money between them: the real handlers,
clocks and payment loop in one process, against one database."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from services.gateway import handlers
from services.gateway.engagements import moves as engagement_moves
from services.gateway.engagements.queries import insert_engagement, lock_engagement
from services.gateway.lifecycles import Who
from services.gateway.milestones import moves as milestone_moves
from services.gateway.milestones.queries import insert_milestones, lock_milestone
from services.gateway.payments import actions, moves, paying, queries
from services.gateway.payments.handlers import SUBSCRIPTIONS
from services.gateway.payments.providers.sandbox import upsert_behaviour
from services.gateway.payments.queries import Payment
from services.gateway.projects import moves as project_moves
from services.gateway.projects.queries import lock_project
from services.gateway.timers import queries as timers
from services.gateway.viewer import Viewer
from shared import clock
from shared.database import pool
from shared.events import CATALOGUE
from shared.events.applications import ApplicationAccepted
from shared.events.base import Envelope
from shared.events.origin import Origin, within
from shared.ids import new_id
from shared.messaging import record

HEARING = list(
    dict.fromkeys(
        [
            *SUBSCRIPTIONS,
            *(
                item
                for item in handlers.SUBSCRIPTIONS
                if item.handler.__name__ != "fund_milestones"
            ),
        ]
    )
)
FEES = (100_000, 200_000)


@dataclass
class House:
    url: str
    database: asyncpg.Pool
    employer: Viewer
    intern: Viewer
    organization_id: UUID
    project_id: UUID
    ahead: timedelta = timedelta()
    engagement_id: UUID | None = None
    heard: set[UUID] = field(default_factory=set)

    @contextmanager
    def time(self):
        with clock.advanced(self.ahead):
            yield

    @asynccontextmanager
    async def working(self):
        """A transaction at this house's time, and then all that follows from it."""
        with self.time():
            async with self.database.acquire() as conn, conn.transaction():
                yield conn
        await self.settle()

    async def settle(self) -> None:
        with self.time():
            while await self._hear() + await paying.pay_due(self.database):
                pass

    async def _hear(self) -> int:
        rows = await self.database.fetch("SELECT * FROM gateway.events ORDER BY id")
        fresh = [row for row in rows if row["id"] not in self.heard]
        for row in fresh:
            self.heard.add(row["id"])
            await self.hear(row)
        return len(fresh)

    async def hear(self, row: Mapping) -> None:
        event = CATALOGUE[row["name"]].model_validate(row["data"]).received(envelope_of(row))
        for item in HEARING:
            if item.event is type(event):
                with within(Origin(causation_id=row["id"])):
                    async with self.database.acquire() as conn, conn.transaction():
                        await item.handler(conn, [event] if item.takes_many else event)

    async def hear_all_again(self) -> None:
        self.heard.clear()
        await self.settle()

    async def advance(self, **by: float) -> None:
        """Every clock of a payment that runs out meanwhile, at its time."""
        until = self.ahead + timedelta(**by)
        for _ in range(100):
            await self.settle()
            row = await self.database.fetchrow(
                """SELECT * FROM gateway.timers
                    WHERE record = 'payment' AND NOT is_reminder AND due_at <= $1
                    ORDER BY due_at LIMIT 1""",
                datetime.now(UTC) + until,
            )
            if row is None:
                self.ahead = until
                await self.settle()
                return
            self.ahead = max(self.ahead, row["due_at"] - datetime.now(UTC))
            async with self.working() as conn:
                payment = await queries.lock_payment(conn, row["record_id"])
                if await timers.take_timer(conn, row["id"]):
                    await moves.fire(conn, payment, row["name"])
        raise AssertionError("still ringing")

    async def tell(self, behaviour: str, *, kind: str | None = None, seconds: float = 0) -> None:
        async with self.database.acquire() as conn:
            await upsert_behaviour(
                conn, project_id=self.project_id, kind=kind, behaviour=behaviour, seconds=seconds
            )

    async def fund(self) -> list[Payment]:
        async with self.working() as conn:
            return await actions.fund_project(
                conn, project_id=self.project_id, viewer=self.employer, expected=None
            )

    async def hire(self, intern: Viewer | None = None, *, starts_in: int = 7) -> UUID:
        intern = intern or self.intern
        async with self.working() as conn:
            application_id = await _insert_application(conn, self.project_id, intern.id)
            project = await lock_project(conn, self.project_id, viewer_id=None)
            starts_on = clock.now().date() + timedelta(days=starts_in)
            self.engagement_id = await insert_engagement(
                conn,
                application_id=application_id,
                project_id=self.project_id,
                organization_id=self.organization_id,
                applicant_id=intern.id,
                agreement="Kasunduan",
                starts_on=starts_on,
            )
            await insert_milestones(
                conn,
                engagement_id=self.engagement_id,
                starts_on=starts_on,
                planned=project.milestones,
            )
            await record(
                conn,
                ApplicationAccepted(
                    application_id=application_id,
                    project_id=self.project_id,
                    applicant_id=intern.id,
                    organization_id=self.organization_id,
                    state="accepted",
                ),
            )
        return self.engagement_id

    async def engagement(self, *commands: tuple[str, Who], reason: str = "no_time") -> None:
        for command, who in commands:
            async with self.working() as conn:
                found = await lock_engagement(
                    conn, self.engagement_id, viewer_id=None, sees_all=True
                )
                await engagement_moves.move(conn, found, command, frozenset({who}), reason=reason)

    async def agree(self) -> None:
        await self.engagement(("last_signature", Who.SYSTEM))

    async def begin(self) -> None:
        await self.engagement(("check_in", Who.APPLICANT))

    async def milestone(self, position: int, *commands: tuple[str, Who]) -> UUID:
        milestone_id = await self.database.fetchval(
            "SELECT id FROM gateway.milestones WHERE engagement_id = $1 AND position = $2",
            self.engagement_id,
            position,
        )
        for command, who in commands:
            async with self.working() as conn:
                found = await lock_milestone(conn, milestone_id, viewer_id=None, sees_all=True)
                await milestone_moves.move(conn, found, command, frozenset({who}))
        return milestone_id

    async def accept(self, position: int) -> None:
        await self.milestone(position, ("submit", Who.APPLICANT), ("accept", Who.EMPLOYER))

    async def project(self, command: str, who: Who) -> None:
        async with self.working() as conn:
            found = await lock_project(conn, self.project_id, viewer_id=None)
            await project_moves.move(conn, found, command, frozenset({who}), reason="other")

    async def payments(self) -> list[Payment]:
        async with self.database.acquire() as conn:
            return await queries.select_of_project(
                conn, self.project_id, viewer_id=None, sees_all=True
            )

    async def states(self) -> list[str]:
        return [payment.state for payment in await self.payments()]

    async def state_of(self, table: str, record_id: UUID) -> str:
        return await self.database.fetchval(
            f"SELECT state FROM gateway.{table} WHERE id = $1", record_id
        )

    async def balance(self) -> dict[str, int]:
        rows = await self.database.fetch(
            "SELECT kind, sum(balance)::bigint AS sum FROM gateway.ledger_accounts GROUP BY kind"
        )
        return {row["kind"]: row["sum"] for row in rows if row["sum"]}

    async def moved(self, kind: str) -> int:
        """What the provider says it moved, by its own books."""
        return await self.database.fetchval(
            """SELECT coalesce(sum(amount), 0)::bigint FROM gateway.sandbox_orders
                WHERE kind = $1 AND state = 'done' AND answer_at IS NOT NULL""",
            kind,
        )

    async def surprises(self) -> list[str]:
        rows = await self.database.fetch(
            "SELECT what FROM gateway.provider_surprises ORDER BY what"
        )
        return [row["what"] for row in rows]


def envelope_of(row: Mapping) -> Envelope:
    return Envelope(
        id=row["id"],
        name=row["name"],
        source="/sibol/gateway",
        subject=row["subject"],
        sequence=row["sequence"],
        time=row["occurred_at"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
        actor_kind=row["actor_kind"],
        tenant=row["tenant"],
    )


async def a_person(conn: asyncpg.Connection, name: str, *, duty: str | None = None) -> Viewer:
    person_id = new_id()
    await conn.execute(
        """INSERT INTO gateway.people (id, email, password_hash, name, locale, joined_at, duties)
                VALUES ($1, $2, '', $3, 'fil', now(), $4)""",
        person_id,
        f"{uuid4().hex}@halimbawa.example",
        name,
        [duty] if duty else [],
    )
    await conn.execute(
        "INSERT INTO gateway.profiles (person_id, changed_at) VALUES ($1, now())", person_id
    )
    return Viewer(person_id, frozenset({duty} if duty else ()))


async def an_organization(conn: asyncpg.Connection, owner: Viewer) -> UUID:
    organization_id = new_id()
    await conn.execute(
        """INSERT INTO gateway.organizations (id, name, industry, region, registered_at)
                VALUES ($1, 'Aklatan ng Bayan', 'education', 'ncr', now())""",
        organization_id,
    )
    await conn.execute(
        "INSERT INTO gateway.members VALUES ($1, $2, 'owner', now())", organization_id, owner.id
    )
    return organization_id


async def a_project(
    conn: asyncpg.Connection, organization_id: UUID, *, seats: int = 1, fees=FEES
) -> UUID:
    project_id = new_id()
    await conn.execute(
        """INSERT INTO gateway.projects
                  (id, organization_id, title, summary, description, language, languages, industry,
                   region, remote, hours, weeks, seats, fee, currency, answer_days, criteria, state,
                   drafted_at, changed_at)
           VALUES ($1, $2, 'Gabay', '', '', 'fil', '{fil}', 'education', 'ncr', true, 20, 2, $3, $4,
                   'PHP', 5, '{Tapat}', 'in_review', now(), now())""",
        project_id,
        organization_id,
        seats,
        sum(fees),
    )
    for position, fee in enumerate(fees):
        await conn.execute(
            "INSERT INTO gateway.project_milestones VALUES ($1, $2, 'Salin', '', $3, $4)",
            project_id,
            position,
            5 * (position + 1),
            fee,
        )
    return project_id


async def _insert_application(conn, project_id: UUID, applicant_id: UUID) -> UUID:
    application_id = new_id()
    await conn.execute(
        """INSERT INTO gateway.applications
                  (id, project_id, applicant_id, cover_letter, profile_version, profile_snapshot,
                   state, drafted_at, changed_at)
           VALUES ($1, $2, $3, '', 0, '{}', 'accepted', now(), now())""",
        application_id,
        project_id,
        applicant_id,
    )
    return application_id


@asynccontextmanager
async def a_house(url: str, *, seats: int = 1, fees=FEES) -> AsyncIterator[House]:
    async with pool.connect(url, "gateway", connections=8) as database:
        async with database.acquire() as conn:
            employer = await a_person(conn, "Elena Cruz")
            intern = await a_person(conn, "Ana Reyes")
            organization_id = await an_organization(conn, employer)
            project_id = await a_project(conn, organization_id, seats=seats, fees=fees)
        house = House(url, database, employer, intern, organization_id, project_id)
        await house.project("approve", Who.SYSTEM)
        yield house
