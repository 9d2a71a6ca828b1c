"""The smallest servers that could take an application: one process each, with the gateway's runner.

    python -m bench._http hello|parsed|two|cte|coalesced PORT [relay|gather]

The last word adds the relay that a gateway has in its process: the product's own, or the usual one.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import pydantic
from aiohttp import web

from bench import _job, _ours
from services.gateway.serving import runner_of
from services.gateway.settings import Settings
from shared import clock, messaging
from shared.database import Connection, Database
from shared.database.coalescing import Coalescer, Errand
from shared.events.applications import ApplicationSubmitted
from shared.events.origin import current
from shared.ids import new_id
from shared.messaging import Relay, Said
from shared.worker import run_until_stopped, start

ORGANIZATION = new_id()
DONE = web.json_response


class Submission(pydantic.BaseModel):
    project_id: UUID
    applicant_id: UUID
    letter: str


@dataclass(frozen=True)
class Submitted:
    """What is to be stored: the row and what is said of it."""

    project_id: UUID
    applicant_id: UUID
    letter: str
    id: UUID = field(default_factory=new_id)

    @property
    def event(self) -> ApplicationSubmitted:
        return ApplicationSubmitted(
            application_id=self.id,
            project_id=self.project_id,
            organization_id=ORGANIZATION,
            applicant_id=self.applicant_id,
            state="submitted",
        )


Take = Callable[[Submitted], Awaitable[None]]

INSERT = """
    INSERT INTO bench.submissions (id, project_id, applicant_id, letter, submitted_at)
         VALUES ($1, $2, $3, $4, now())
"""
INSERT_MANY = """
    INSERT INTO bench.submissions (id, project_id, applicant_id, letter, submitted_at)
    SELECT id, project_id, applicant_id, letter, now()
      FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[])
        AS asked (id, project_id, applicant_id, letter)
"""
INSERT_ALL = """
    WITH submitted AS (
        INSERT INTO bench.submissions (id, project_id, applicant_id, letter, submitted_at)
             VALUES ($1, $2, $3, $4, now())
    ), logged AS (
        INSERT INTO events (id, name, subject, sequence, occurred_at, data, correlation_id,
                            actor_kind, tenant)
             VALUES ($5, $6, $1, 1, now(), $7, $8, 'person', 'ph')
          RETURNING id, subject
    )
    INSERT INTO outbox (event_id, subject)
    SELECT id, subject FROM logged
"""


async def read(request: web.Request) -> Submitted:
    asked = Submission.model_validate_json(await request.read())
    return Submitted(asked.project_id, asked.applicant_id, asked.letter)


async def hello(request: web.Request) -> web.Response:
    """A POST too: what aiohttp takes for a body is not the application's."""
    await request.read()
    return web.json_response({"hello": "Kumusta"}, status=201)


def posting(take: Take) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        submitted = await read(request)
        await take(submitted)
        return web.json_response({"id": str(submitted.id)}, status=201)

    return handle


async def forget(_: Submitted) -> None:
    """Parsed and answered, nothing stored."""


def in_two_statements(database: Database) -> Take:
    async def take(submitted: Submitted) -> None:
        async with database.acquire() as conn, conn.transaction():
            await conn.execute(
                INSERT,
                submitted.id,
                submitted.project_id,
                submitted.applicant_id,
                submitted.letter,
            )
            await messaging.record(conn, submitted.event, actor="person")

    return take


def in_one_statement(database: Database) -> Take:
    async def take(submitted: Submitted) -> None:
        event = submitted.event
        await database.execute(
            INSERT_ALL,
            submitted.id,
            submitted.project_id,
            submitted.applicant_id,
            submitted.letter,
            new_id(),
            event.name,
            event.model_dump(mode="json"),
            current().correlation_id,
        )

    return take


def coalesced(database: Database) -> Coalescer[Submitted, None]:
    async def carry_out(asked: Sequence[Errand[Submitted]]) -> Sequence[None]:
        async with database.acquire() as conn, conn.transaction():
            await insert_many(conn, [each.wanted for each in asked])
            now = clock.now()
            said = [Said(each.wanted.event, each.origin, now, "person") for each in asked]
            await messaging.record_all(conn, said)
        return [None] * len(asked)

    return Coalescer(carry_out, keys_of=lambda submitted: [submitted.id])


async def insert_many(conn: Connection, rows: Sequence[Submitted]) -> None:
    await conn.execute(
        INSERT_MANY,
        [row.id for row in rows],
        [row.project_id for row in rows],
        [row.applicant_id for row in rows],
        [row.letter for row in rows],
    )


@asynccontextmanager
async def taking(name: str, database: Database) -> AsyncIterator[Take]:
    match name:
        case "two":
            yield in_two_statements(database)
        case "cte":
            yield in_one_statement(database)
        case "coalesced":
            coalescer = coalesced(database)
            async with coalescer.running():
                yield coalescer.ask
        case _:
            yield forget


async def serve(name: str, port: int, publishing: str | None) -> None:
    async with _ours.a_room(_ours.SPEAKING) as database, taking(name, database) as take:
        relay = Relay(database, _job.amqp_url(), _ours.SPEAKING)
        wake = relay.wake if publishing == "relay" else lambda: None
        app = web.Application()
        app.router.add_post("/submissions", posting(waking(take, wake)))
        app.router.add_post("/hello", hello)
        settings = Settings(
            database_url=_job.database_url(), amqp_url=_job.amqp_url(), http_port=port
        )
        runner = runner_of(app, settings)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await run_until_stopped(*loops(publishing, relay))
        await runner.cleanup()


def waking(take: Take, wake: Callable[[], None]) -> Take:
    async def both(submitted: Submitted) -> None:
        await take(submitted)
        wake()

    return both


def loops(publishing: str | None, relay: Relay) -> list[Callable[[asyncio.Event], Awaitable[None]]]:
    async def until_stopped(stopping: asyncio.Event) -> None:
        await stopping.wait()

    async def gather(stopping: asyncio.Event) -> None:
        relaying = asyncio.ensure_future(_ours.relay_gather())
        await stopping.wait()
        relaying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await relaying

    match publishing:
        case "relay":
            return [relay.run]
        case "gather":
            return [gather]
        case _:
            return [until_stopped]


if __name__ == "__main__":
    start(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3] if sys.argv[3:] else None))
