"""What everybody asks all the time looks at few rows, however many there are."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.gateway.applications import queries as applications
from services.gateway.credentials import queries as credentials
from services.gateway.engagements import queries as engagements
from services.gateway.files import queries as files
from services.gateway.projects import queries as projects
from tests.conftest import copied

MANY = 20_000
MOST_ROWS = 1000
# Without its foreign keys a table fills quickly.
FILL = f"""
SET session_replication_role = replica;
INSERT INTO gateway.people (id, email, password_hash, name, locale, joined_at)
SELECT gen_random_uuid(), n || '@x.example', '', 'N', 'fil', now() FROM generate_series(1, 2000) n;
INSERT INTO gateway.organizations (id, name, industry, region, registered_at)
SELECT gen_random_uuid(), 'O', 'education', 'ncr', now() FROM generate_series(1, 500);
INSERT INTO gateway.members (organization_id, person_id, role, joined_at)
SELECT organization.id, person.id, 'owner', now()
  FROM (SELECT id, row_number() OVER () AS n FROM gateway.organizations) AS organization
  JOIN (SELECT id, row_number() OVER () AS n FROM gateway.people) AS person USING (n);
CREATE TEMP TABLE place AS
SELECT gen_random_uuid() AS id, n,
       (SELECT array_agg(id ORDER BY id) FROM gateway.people) [1 + n % 2000] AS person_id,
       (SELECT array_agg(id ORDER BY id) FROM gateway.organizations) [1 + n % 500] AS organization_id
  FROM generate_series(1, {MANY}) n;
INSERT INTO gateway.projects (id, organization_id, title, summary, description, language, languages,
       industry, region, remote, hours, weeks, seats, fee, currency, answer_days, criteria, state,
       drafted_at, changed_at)
SELECT id, organization_id, '', '', '', 'fil', '{{fil}}', 'education', 'ncr', true, 1, 1, 1, 1,
       'PHP', 7, '{{x}}', CASE n % 4 WHEN 0 THEN 'open' ELSE 'completed' END, now(), now()
  FROM place;
INSERT INTO gateway.applications (id, project_id, applicant_id, cover_letter, profile_version,
       profile_snapshot, state, drafted_at, changed_at)
SELECT id, id, person_id, '', 0, '{{}}', 'submitted', now(), now() FROM place;
INSERT INTO gateway.engagements (id, application_id, project_id, organization_id, applicant_id,
       agreement, agreement_hash, starts_on, state, created_at, changed_at)
SELECT id, id, id, organization_id, person_id, '', '', now(), 'active', now(), now() FROM place;
INSERT INTO gateway.credentials (id, engagement_id, project_id, organization_id, holder_id, skills,
       state, proposed_at, changed_at)
SELECT id, id, id, organization_id, person_id, '{{}}', 'issued', now(), now() FROM place;
INSERT INTO gateway.files (id, owner_id, name, media_type, size, sha256, uploaded_at)
SELECT id, person_id, '', '', 1, '', now() FROM place;
SET session_replication_role = origin;
ANALYZE;
"""


class Watched:
    """Explains each statement instead of answering it."""

    def __init__(self, conn: asyncpg.Connection) -> None:
        self._conn = conn
        self.rows = 0

    async def fetch(self, statement: str, *values: Any) -> list[Any]:
        plan = await self._conn.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *values)
        self.rows += looked_at(json.loads(plan)[0]["Plan"])
        return []

    async def fetchrow(self, statement: str, *values: Any) -> None:
        await self.fetch(statement, *values)

    async def fetchval(self, statement: str, *values: Any) -> int:
        await self.fetch(statement, *values)
        return 0


def looked_at(plan: dict[str, Any]) -> int:
    own = plan["Actual Loops"] * (
        plan["Actual Rows"]
        + plan.get("Rows Removed by Filter", 0)
        + plan.get("Rows Removed by Index Recheck", 0)
    )
    return int(own) + sum(looked_at(part) for part in plan.get("Plans", ()))


@pytest.fixture(scope="module")
async def full(server_url, template) -> AsyncIterator[asyncpg.Connection]:
    async with copied(server_url) as url:
        conn = await asyncpg.connect(url)
        await conn.execute(FILL)
        yield conn
        await conn.close()


Ask = Callable[[Any, UUID, UUID], Awaitable[Any]]
ASKED: dict[str, Ask] = {
    "my engagements": lambda conn, person, _: engagements.select_engagements_of(
        conn, viewer_id=person, before=None, limit=25
    ),
    "a further page of my engagements": lambda conn, person, _: engagements.select_engagements_of(
        conn, viewer_id=person, before=uuid4(), limit=25
    ),
    "my credentials": lambda conn, person, _: credentials.select_credentials_of(
        conn, viewer_id=person, before=None, limit=25
    ),
    "my applications": lambda conn, person, _: applications.select_applications_of(
        conn, applicant_id=person, before=None, limit=25
    ),
    "who applied": lambda conn, person, record: applications.select_applications_to(
        conn, project_id=record, viewer_id=person, before=None, limit=25
    ),
    "open postings": lambda conn, person, _: projects.select_projects(
        conn,
        viewer_id=person,
        skill=None,
        industry=None,
        region=None,
        remote=None,
        before=None,
        limit=25,
    ),
    "one posting": lambda conn, person, record: projects.select_project(
        conn, record, viewer_id=person
    ),
    "one application": lambda conn, person, record: applications.select_application(
        conn, record, viewer_id=person, moderates=False
    ),
    "live applications": lambda conn, person, _: applications.count_live_of(conn, person),
    "seats taken": lambda conn, _, record: applications.count_seats_taken(conn, record),
    "unended engagements": lambda conn, _, record: engagements.has_unended(conn, record),
    "a file of somebody": lambda conn, person, record: files.select_file(
        conn, record, viewer_id=person
    ),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("member", [True, False], ids=["an employer", "an applicant"])
async def test_it_looks_at_few_rows(full, ask, member):
    person = await full.fetchval(
        """SELECT id FROM gateway.people
            WHERE (id IN (SELECT person_id FROM gateway.members)) = $1 LIMIT 1""",
        member,
    )
    record = await full.fetchval("SELECT id FROM gateway.projects WHERE state = 'open' LIMIT 1")
    watched = Watched(full)

    await ask(watched, person, record)

    assert watched.rows < MOST_ROWS
