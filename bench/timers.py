"""10,000 offers run out at the same moment, with two timer processes, one of them killed half way.

    ./sibol bench timers [COUNT]

All must be fired, none twice, and p99 of the lateness stays under 60 seconds.
"""

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from bench._servers import a_broker, a_database, a_process, cpu_seconds
from shared.ids import new_id
from tests.support.rooms import free_port, ready_at

PEOPLE = 100
SECONDS_AHEAD = 2
LONGEST_SECONDS = 180


async def main(count: int) -> None:
    async with a_database() as database_url, a_broker() as broker:
        conn = await asyncpg.connect(database_url)
        with tempfile.TemporaryDirectory() as folder:
            settings = {"SIBOL_DATABASE_URL": database_url, "SIBOL_AMQP_URL": broker.url}
            log = Path(folder) / "timers.log"
            migrating = await a_process(["services.gateway", "migrate"], settings, log)
            assert await migrating.wait() == 0, log.read_text("utf-8")[-2000:]
            await fill(conn, count)
            await run(conn, count, settings, log)
        await conn.close()


async def fill(conn: asyncpg.Connection, count: int) -> None:
    """COUNT applications with an offer that nobody will answer."""
    organization_id, people = new_id(), [new_id() for _ in range(PEOPLE)]
    projects = [new_id() for _ in range(-(-count // PEOPLE))]
    await conn.execute(
        """INSERT INTO gateway.organizations (id, name, industry, region, registered_at)
                VALUES ($1, 'Bench', 'education', 'ncr', now())""",
        organization_id,
    )
    await conn.execute(
        """INSERT INTO gateway.people (id, email, password_hash, name, locale, joined_at)
           SELECT id, id || '@halimbawa.example', '-', 'Bench', 'fil', now()
             FROM unnest($1::uuid[]) AS id""",
        people,
    )
    await conn.execute(
        """INSERT INTO gateway.projects
                  (id, organization_id, title, summary, description, language, languages, industry,
                   region, remote, hours, weeks, seats, fee, currency, answer_days, criteria, state,
                   drafted_at, changed_at)
           SELECT id, $2, 'Bench', '', '', 'fil', '{fil}', 'education', 'ncr', true, 20, 2, 50, 1,
                  'PHP', 7, '{x}', 'completed', now(), now()
             FROM unnest($1::uuid[]) AS id""",
        projects,
        organization_id,
    )
    await conn.execute(
        """INSERT INTO gateway.applications
                  (id, project_id, applicant_id, cover_letter, profile_version, profile_snapshot,
                   state, drafted_at, submitted_at, changed_at)
           SELECT gen_random_uuid(), project, person, '', 1, '{}', 'offered', now(), now(), now()
             FROM unnest($1::uuid[]) AS project, unnest($2::uuid[]) AS person LIMIT $3""",
        projects,
        people,
        count,
    )
    await conn.execute(
        """INSERT INTO gateway.timers
                  (id, record, record_id, state, name, is_reminder, waits_on, starts_at, days,
                   rings_after, working, due_at, ends_at, correlation_id, tenant)
           SELECT gen_random_uuid(), 'application', id, 'offered', 'accept_by', false,
                  '{applicant}', now(), 0, 0, false, now() + interval '1 day',
                  now() + interval '1 day', gen_random_uuid(), 'ph'
             FROM gateway.applications"""
    )


async def run(conn: asyncpg.Connection, count: int, settings: dict[str, str], log: Path) -> None:
    ports = [free_port(), free_port()]
    processes = [
        await a_process(
            ["services.gateway", "timers"], settings | {"SIBOL_HEALTH_PORT": str(port)}, log
        )
        for port in ports
    ]
    for port in ports:
        await ready_at(port, seconds=30)
    before = [cpu_seconds(process.pid) for process in processes]
    due_at = await set_off(conn)
    started = time.monotonic() + SECONDS_AHEAD
    await until(conn, count // 2)
    cost = cpu_seconds(processes[0].pid) - before[0]
    processes[0].kill()
    killed_after = await fired(conn)
    await until(conn, count)
    seconds = time.monotonic() - started
    cost += cpu_seconds(processes[1].pid) - before[1]
    processes[1].terminate()
    assert await processes[1].wait() == 0
    print(f"{count} timers due at once, two processes, one killed after {killed_after}")
    await tell(conn, count, due_at, seconds=seconds, cost=cost)


async def set_off(conn: asyncpg.Connection) -> datetime:
    due_at = datetime.now(UTC) + timedelta(seconds=SECONDS_AHEAD)
    await conn.execute("UPDATE gateway.timers SET due_at = $1, ends_at = $1", due_at)
    return due_at


async def fired(conn: asyncpg.Connection) -> int:
    return await conn.fetchval(
        "SELECT count(*) FROM gateway.applications WHERE state = 'offer_lapsed'"
    )


async def until(conn: asyncpg.Connection, wanted: int) -> None:
    async with asyncio.timeout(LONGEST_SECONDS):
        while await fired(conn) < wanted:
            await asyncio.sleep(0.1)


async def tell(
    conn: asyncpg.Connection, count: int, due_at: datetime, *, seconds: float, cost: float
) -> None:
    row = await conn.fetchrow(
        """SELECT count(*) AS said, count(DISTINCT subject) AS records,
                  percentile_cont(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (ORDER BY
                      extract(epoch FROM occurred_at - $1)) AS late
             FROM gateway.events WHERE name = 'application.offer_lapsed.v1'""",
        due_at,
    )
    left = await conn.fetchval("SELECT count(*) FROM gateway.timers")
    print(f"fired            {row['records']} of {count}, {left} left over")
    print(f"fired twice      {row['said'] - row['records']}")
    median, p99, longest = row["late"]
    print(f"lateness         median {median:.1f} s, p99 {p99:.1f} s, longest {longest:.1f} s")
    print(f"in all           {seconds:.1f} s, {count / seconds:.0f} a second")
    print(f"CPU of processes {cost / count * 1e6:.0f} us for each timer")
    assert row["said"] == row["records"] == count
    assert left == 0
    assert p99 < 60


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
