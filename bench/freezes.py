"""How long one command takes that stops, and starts again, the clocks of a whole region."""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from bench._servers import a_database
from services.gateway.freezes import actions
from services.gateway.freezes.moving import Freeze
from services.gateway.freezes.rules import Reason, Scope
from services.gateway.lifecycles import Who
from services.gateway.timers import queries
from services.gateway.timers.planning import Clock, Pace
from services.gateway.viewer import Viewer
from shared import clock
from shared.database import Connection, pool
from shared.ids import new_id

REGION = "eastern-visayas"
A_DAY = timedelta(days=1)
TIMERS_OF_ONE = 5
# Every second clock counts working days, every fifth waits for an employer.
WORKING, EMPLOYERS = 2, 5
LONGEST = 20


async def main(timers: int) -> int:
    async with connected() as conn:
        moderator = Viewer(await person(conn), frozenset({"moderator"}))
        await fill(conn, timers)
        before = await positions(conn)
        freeze, seconds = await froze(conn, moderator, timers)
        inside = await count_inside(conn, freeze)
        say(f"{inside} timers are due inside the freeze")
        seconds_back = await thawed(conn, freeze, moderator, timers)
        is_same = before == await positions(conn)
        say(f"every timer is back where it was: {is_same}")
        say(f"frozen in {seconds:.2f} s, thawed in {seconds_back:.2f} s")
    return int(inside > 0 or not is_same)


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")


async def froze(conn: Connection, moderator: Viewer, timers: int) -> tuple[Freeze, float]:
    starts_at = clock.now() + A_DAY
    started = time.perf_counter()
    freeze, moved = await actions.declare(
        conn,
        viewer=moderator,
        scope=Scope.REGION,
        place=REGION,
        starts_at=starts_at,
        ends_at=starts_at + 14 * A_DAY,
        reason=Reason.CALAMITY,
    )
    say(f"{moved} of {timers} timers moved out of the freeze")
    return freeze, time.perf_counter() - started


async def thawed(conn: Connection, freeze: Freeze, moderator: Viewer, timers: int) -> float:
    started = time.perf_counter()
    _, moved = await actions.end(conn, freeze_id=freeze.id, viewer=moderator)
    say(f"{moved} of {timers} timers moved back")
    return time.perf_counter() - started


async def positions(conn: Connection) -> dict[UUID, tuple[datetime, datetime]]:
    rows = await conn.fetch("SELECT id, due_at, ends_at FROM gateway.timers")
    return {row["id"]: (row["due_at"], row["ends_at"]) for row in rows}


async def count_inside(conn: Connection, freeze: Freeze) -> int:
    found: int = await conn.fetchval(
        "SELECT count(*) FROM gateway.timers WHERE due_at >= $1 AND due_at < $2",
        freeze.starts_at,
        freeze.ends_at,
    )
    return found


async def fill(conn: Connection, timers: int) -> None:
    """Clocks that are all due after the freeze begins."""
    employer = await organization(conn)
    for _ in range(0, timers, TIMERS_OF_ONE):
        applicant = await person(conn)
        clocks = [a_clock(number, applicant, employer) for number in range(TIMERS_OF_ONE)]
        await queries.insert_timers(
            conn,
            record="application",
            record_id=new_id(),
            state="submitted",
            clocks=clocks,
            pace=Pace(),
        )


def a_clock(number: int, applicant: UUID, employer: UUID) -> Clock:
    is_employers = number % EMPLOYERS == 0
    days = 2 + (number * 7) % LONGEST
    return Clock(
        name=f"clock_{number}",
        is_reminder=False,
        waits_on=frozenset({Who.EMPLOYER if is_employers else Who.APPLICANT}),
        starts_at=clock.now(),
        days=days,
        rings_after=days,
        working=number % WORKING == 0,
        not_after=None,
        applicant_id=None if is_employers else applicant,
        organization_id=employer if is_employers else None,
    )


async def person(conn: Connection) -> UUID:
    person_id = new_id()
    await conn.execute(
        """INSERT INTO gateway.people (id, email, password_hash, name, locale, joined_at)
                VALUES ($1, $2, 'x', 'Ana', 'fil', now())""",
        person_id,
        f"{person_id}@halimbawa.example",
    )
    await conn.execute(
        "INSERT INTO gateway.profiles (person_id, region, changed_at) VALUES ($1, $2, now())",
        person_id,
        REGION,
    )
    return person_id


async def organization(conn: Connection) -> UUID:
    organization_id = new_id()
    await conn.execute(
        """INSERT INTO gateway.organizations (id, name, industry, region, registered_at)
                VALUES ($1, 'Aklatan', 'education', $2, now())""",
        organization_id,
        REGION,
    )
    return organization_id


@asynccontextmanager
async def connected() -> AsyncIterator[Connection]:
    async with a_database() as url:
        conn = await asyncpg.connect(url, server_settings=pool.session_settings("gateway"))
        try:
            await pool.prepare(conn)
            yield conn
        finally:
            await conn.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.freezes")
    parser.add_argument("--timers", type=int, default=5_000)
    sys.exit(asyncio.run(main(parser.parse_args().timers)))
