"""One application between a student and an employer, with what was said and told of it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.gateway.viewer import Viewer
from shared import messaging
from shared.database import pool
from shared.events.applications import ApplicationEvent
from shared.events.origin import Origin, within
from shared.ids import new_id

PEOPLE = """
INSERT INTO gateway.people (id, email, password_hash, name, locale, joined_at)
VALUES ($1::uuid, $1::uuid || '@x.example', '', 'N', $2, now())
"""
ORGANIZATION = """
WITH organization AS (
    INSERT INTO gateway.organizations (id, name, industry, region, registered_at)
    VALUES ($1, 'O', 'education', 'ncr', now())
)
INSERT INTO gateway.members (organization_id, person_id, role, joined_at)
VALUES ($1, $2, 'owner', now())
"""
PROJECT = """
INSERT INTO gateway.projects (id, organization_id, title, summary, description, language, languages,
       industry, region, remote, hours, weeks, seats, fee, currency, answer_days, criteria, state,
       drafted_at, changed_at)
VALUES ($1, $2, '', '', '', 'fil', '{fil}', 'education', 'ncr', true, 1, 1, 1, 1, 'PHP', 7, '{x}',
       'open', now(), now())
"""
APPLICATION = """
INSERT INTO gateway.applications (id, project_id, applicant_id, cover_letter, profile_version,
       profile_snapshot, state, drafted_at, submitted_at, changed_at)
VALUES ($1, $2, $3, '', 0, '{}', 'submitted', now(), now(), now())
"""
NOTICE = """
INSERT INTO notifications.notices (id, event_id, person_id, kind, subject, locale, title, text,
       action, link, created_at)
VALUES ($1, $2, $3, 'application.submitted.v1', $4, 'fil', 'T', 'T', 'A', '/', now())
"""
MAIL = """
INSERT INTO notifications.deliveries (id, notice_id, event_id, person_id, channel, state, attempts,
       next_try_at, last_error, correlation_id, tenant, created_at)
VALUES (gen_random_uuid(), $1, $2, $3, 'email', 'failed', 3, now(), 'mailbox_full', $4, 'ph', now())
"""


@dataclass
class Place:
    conn: asyncpg.Connection
    applicant: Viewer
    employer: Viewer
    stranger: Viewer
    moderator: Viewer
    project_id: UUID
    organization_id: UUID
    application_id: UUID

    async def say(
        self,
        event: type[ApplicationEvent],
        actor: str,
        *,
        room: str = "gateway",
        origin: Origin | None = None,
        **facts: object,
    ) -> UUID:
        """Say it in a room and return the id of the event."""
        said = event.model_validate(
            {
                "application_id": self.application_id,
                "project_id": self.project_id,
                "organization_id": self.organization_id,
                "applicant_id": self.applicant.id,
                "person_id": self.applicant.id,
                "state": "submitted",
                **facts,
            }
        )
        await self.conn.execute(f"SET search_path TO {room}")
        with within(origin or Origin()):
            await messaging.record(self.conn, said, actor=actor)
        return await self.conn.fetchval(
            "SELECT event_id FROM outbox ORDER BY position DESC LIMIT 1"
        )

    async def tell(self, event_id: UUID, viewer: Viewer) -> None:
        """A notice, and a mail that could not be delivered."""
        notice_id = new_id()
        await self.conn.execute(NOTICE, notice_id, event_id, viewer.id, self.application_id)
        await self.conn.execute(MAIL, notice_id, event_id, viewer.id, uuid4())


@pytest.fixture
async def place(own_url) -> AsyncIterator[Place]:
    conn = await asyncpg.connect(own_url, server_settings={"search_path": "gateway"})
    await pool.prepare(conn)
    everybody = [Viewer(new_id(), frozenset(duties)) for duties in ((), (), (), ("moderator",))]
    for viewer, locale in zip(everybody, ("fil", "en", "en", "en"), strict=True):
        await conn.execute(PEOPLE, viewer.id, locale)
    ids = [new_id() for _ in range(3)]
    found = Place(conn, *everybody, *ids)
    await conn.execute(ORGANIZATION, found.organization_id, found.employer.id)
    await conn.execute(PROJECT, found.project_id, found.organization_id)
    await conn.execute(APPLICATION, found.application_id, found.project_id, found.applicant.id)
    yield found
    await conn.close()
