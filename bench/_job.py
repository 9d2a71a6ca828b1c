"""The job that every contestant does: for each message a mark that it was handled and one row of effect,
in one transaction, before the message is acknowledged."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from shared.events.applications import ApplicationSubmitted
from shared.events.base import Envelope
from shared.ids import new_id

Fields = dict[str, str]
NAME = ApplicationSubmitted.name
PREFETCH = 200
LETTER = "Matagal na akong nagsasalin ng mga gabay para sa aming barangay."

TABLES = """
    CREATE SCHEMA bench;
    CREATE TABLE bench.effects (
        id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        event_id       uuid   NOT NULL,
        application_id uuid   NOT NULL,
        project_id     uuid   NOT NULL,
        applicant_id   uuid   NOT NULL
    );
    CREATE TABLE bench.submissions (
        id           uuid        PRIMARY KEY,
        project_id   uuid        NOT NULL,
        applicant_id uuid        NOT NULL,
        letter       text        NOT NULL,
        submitted_at timestamptz NOT NULL
    );
    GRANT USAGE ON SCHEMA bench TO PUBLIC;
    GRANT ALL ON ALL TABLES IN SCHEMA bench TO PUBLIC;
    GRANT ALL ON ALL SEQUENCES IN SCHEMA bench TO PUBLIC;
"""

# The cheapest correct form for one message: one statement, its own transaction.
STORE_ONE = f"""
    WITH marked AS (
        INSERT INTO matching.inbox (event_id, name, handled_at)
        VALUES ($1, '{NAME}', now())
            ON CONFLICT DO NOTHING
     RETURNING event_id
    )
    INSERT INTO bench.effects (event_id, application_id, project_id, applicant_id)
    SELECT event_id, $2, $3, $4 FROM marked
"""
STORE_ONE_PSYCOPG = f"""
    WITH marked AS (
        INSERT INTO matching.inbox (event_id, name, handled_at)
        VALUES (%s::uuid, '{NAME}', now())
            ON CONFLICT DO NOTHING
     RETURNING event_id
    )
    INSERT INTO bench.effects (event_id, application_id, project_id, applicant_id)
    SELECT event_id, %s::uuid, %s::uuid, %s::uuid FROM marked
"""
MARK_MANY = f"""
    INSERT INTO matching.inbox (event_id, name, handled_at)
    SELECT event_id, '{NAME}', now() FROM unnest($1::uuid[]) AS heard (event_id)
        ON CONFLICT DO NOTHING
 RETURNING event_id
"""
STORE_MANY = """
    INSERT INTO bench.effects (event_id, application_id, project_id, applicant_id)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[])
"""

# What waits in an outbox after COUNT applications.
SAY_MANY = f"""
    WITH said AS (
        INSERT INTO gateway.events (id, name, subject, sequence, occurred_at, data, correlation_id,
                                    actor_kind, tenant)
        SELECT uuidv7(), '{NAME}', application_id, 1, now(),
               jsonb_build_object('application_id', application_id, 'project_id', gen_random_uuid(),
                                  'organization_id', gen_random_uuid(), 'applicant_id',
                                  gen_random_uuid(), 'state', 'submitted', 'reason', null),
               gen_random_uuid(), 'person', 'ph'
          FROM (SELECT gen_random_uuid() AS application_id FROM generate_series(1, $1)) AS made
     RETURNING id, subject
    )
    INSERT INTO gateway.outbox (event_id, subject)
    SELECT id, subject FROM said ORDER BY id
"""


def database_url() -> str:
    return os.environ["BENCH_DATABASE_URL"]


def amqp_url() -> str:
    return os.environ["BENCH_AMQP_URL"]


def some_fields(count: int) -> Iterator[Fields]:
    """What a message of a peer carries: the same ids as the event."""
    project_id, organization_id = new_id(), new_id()
    for _ in range(count):
        yield {
            "event_id": str(new_id()),
            "application_id": str(new_id()),
            "project_id": str(project_id),
            "organization_id": str(organization_id),
            "applicant_id": str(new_id()),
            "state": "submitted",
        }


def an_envelope(fields: Fields) -> Envelope:
    return Envelope(
        id=UUID(fields["event_id"]),
        name=NAME,
        source="/sibol/gateway",
        subject=UUID(fields["application_id"]),
        sequence=1,
        time=datetime.now(UTC),
        correlation_id=new_id(),
        causation_id=None,
        actor_kind="person",
        tenant="ph",
    )


def body_of(fields: Fields) -> bytes:
    data = {key: value for key, value in fields.items() if key != "event_id"} | {"reason": None}
    return json.dumps(data).encode()


def arguments(fields: Fields) -> tuple[str, str, str, str]:
    return (
        fields["event_id"],
        fields["application_id"],
        fields["project_id"],
        fields["applicant_id"],
    )


async def store_one(database: "asyncpg.Pool[asyncpg.Record]", fields: Fields) -> None:
    await database.execute(STORE_ONE, *arguments(fields))
