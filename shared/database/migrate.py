"""Forward-only `.sql` files, per room. Any number may run at once: each polls for the lock and
never blocks on it, for a blocked waiter deadlocks with CREATE INDEX CONCURRENTLY."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from shared import log
from shared.database.pool import COMMAND_SECONDS, CONNECT_SECONDS, OwnConnection, role_of

ROOMS = ("gateway", "matching", "notifications", "credentialing")
SHARED = Path(__file__).parent / "migrations"
LOCK = 7_426_501
PATIENCE_SECONDS = 120
MIGRATION_SECONDS = 600
# Reads everything of everybody, for dumps and checkers, but these columns.
READER = "sibol_reader"
UNREAD = (
    "gateway.people.password_hash",
    "gateway.sessions.token_hash",
    "gateway.idempotency_keys.answer",
    "gateway.payout_accounts.holder",
    "gateway.payout_accounts.number",
    "gateway.payouts.text",
)


class Altered(Exception):
    """A migration that already ran has another text now."""


class Busy(Exception):
    """Another migration holds the lock for too long."""


@dataclass(frozen=True)
class Migration:
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def found(folder: Path, *, prefix: str = "") -> list[Migration]:
    return [
        Migration(prefix + path.name, path.read_text("utf-8"))
        for path in sorted(folder.glob("*.sql"))
    ]


async def migrate(url: str, room: str, folder: Path) -> list[str]:
    """Apply what is missing and return the names of what was applied."""
    conn = await asyncpg.connect(url, timeout=CONNECT_SECONDS, command_timeout=MIGRATION_SECONDS)
    try:
        async with _locked(conn):
            await _make_room(conn, room)
            return await _apply(conn, room, [*found(SHARED, prefix="shared/"), *found(folder)])
    finally:
        await conn.close(timeout=COMMAND_SECONDS)


@asynccontextmanager
async def _locked(conn: OwnConnection) -> AsyncIterator[None]:
    for _ in range(PATIENCE_SECONDS * 10):
        if await conn.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
            break
        await asyncio.sleep(0.1)
    else:
        raise Busy(f"Another migration has been running for {PATIENCE_SECONDS} seconds.")
    try:
        yield
    finally:
        await conn.execute("SELECT pg_advisory_unlock($1)", LOCK)


async def _make_room(conn: OwnConnection, room: str) -> None:
    for name in ROOMS:
        role = role_of(name)
        if not await conn.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
            await conn.execute(f'CREATE ROLE "{role}" NOLOGIN')
        await conn.execute(f'GRANT "{role}" TO CURRENT_USER')
    await conn.execute(f'CREATE SCHEMA IF NOT EXISTS "{room}"')
    await conn.execute(f'SET search_path TO "{room}"')
    await conn.execute(
        """CREATE TABLE IF NOT EXISTS migrations (
               name       text        PRIMARY KEY,
               checksum   text        NOT NULL,
               applied_at timestamptz NOT NULL DEFAULT now()
           )"""
    )


async def _apply(conn: OwnConnection, room: str, migrations: list[Migration]) -> list[str]:
    rows = await conn.fetch("SELECT name, checksum FROM migrations")
    applied = {row["name"]: row["checksum"] for row in rows}
    for migration in migrations:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise Altered(
                f"{room}: {migration.name} was changed after it ran; write a new migration instead."
            )
    missing = [migration for migration in migrations if migration.name not in applied]
    for migration in missing:
        await _run(conn, migration)
        log.get().info("migration_applied", schema=room, migration=migration.name)
    await _grant(conn, room)
    return [migration.name for migration in missing]


async def _run(conn: OwnConnection, migration: Migration) -> None:
    async with conn.transaction():
        await conn.execute(migration.text)
        await conn.execute(
            "INSERT INTO migrations (name, checksum) VALUES ($1, $2)",
            migration.name,
            migration.checksum,
        )


async def _grant(conn: OwnConnection, room: str) -> None:
    """The room's role works on its own tables; the others see its `public_*` views alone."""
    role = role_of(room)
    await conn.execute(
        f'GRANT USAGE ON SCHEMA "{room}" TO "{role}";'
        f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "{room}" TO "{role}";'
        f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA "{room}" TO "{role}"'
    )
    views = await conn.fetch(
        "SELECT viewname FROM pg_views WHERE schemaname = $1 AND viewname LIKE 'public\\_%'", room
    )
    for other in (role_of(name) for name in ROOMS if name != room):
        await conn.execute(f'GRANT USAGE ON SCHEMA "{room}" TO "{other}"')
        for view in views:
            await conn.execute(f'GRANT SELECT ON "{room}"."{view["viewname"]}" TO "{other}"')
    await _grant_reader(conn, room)


async def _grant_reader(conn: OwnConnection, room: str) -> None:
    if not await conn.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", READER):
        await conn.execute(f'CREATE ROLE "{READER}" NOLOGIN')
    columns = await conn.fetch(
        """SELECT table_name, string_agg(quote_ident(column_name), ', ') AS readable
             FROM information_schema.columns
            WHERE table_schema = $1 AND concat_ws('.', $1, table_name, column_name) <> ALL($2)
            GROUP BY table_name""",
        room,
        UNREAD,
    )
    await conn.execute(
        f'GRANT "{READER}" TO CURRENT_USER;'
        f'GRANT USAGE ON SCHEMA "{room}" TO "{READER}";'
        f'REVOKE ALL ON ALL TABLES IN SCHEMA "{room}" FROM "{READER}";'
        + "".join(
            f'GRANT SELECT ({row["readable"]}) ON "{room}"."{row["table_name"]}" TO "{READER}";'
            for row in columns
        )
    )
