"""What the launcher remembers about a database, kept in that database, so that both are lost together."""

import contextlib
from collections.abc import AsyncIterator

import asyncpg


async def read(database_url: str, name: str) -> str | None:
    async with _connected(database_url) as connection:
        if await connection.fetchval("SELECT to_regclass('launcher.marks')") is None:
            return None
        kept = await connection.fetchval("SELECT value FROM launcher.marks WHERE name = $1", name)
        return None if kept is None else str(kept)


async def write(database_url: str, name: str, value: str) -> None:
    async with _connected(database_url) as connection, connection.transaction():
        await connection.execute("CREATE SCHEMA IF NOT EXISTS launcher")
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS launcher.marks (name text PRIMARY KEY, value text NOT NULL)"
        )
        await connection.execute(
            """INSERT INTO launcher.marks (name, value)
                    VALUES ($1, $2)
               ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
            name,
            value,
        )


@contextlib.asynccontextmanager
async def _connected(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url, timeout=10, command_timeout=10)
    try:
        yield connection
    finally:
        await connection.close()
