"""The role for dumps and checkers."""

import asyncpg
import pytest

from shared.database.migrate import READER, ROOMS, UNREAD

TABLES = """
    SELECT relname AS name, relkind, string_agg(quote_ident(attname), ', ') AS columns
      FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
     WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'v', 'p', 'm')
       AND concat_ws('.', $1::text, relname, attname) <> ALL($2)
     GROUP BY relname, relkind"""


@pytest.fixture
async def reader(own_url):
    conn = await asyncpg.connect(own_url, server_settings={"role": READER})
    yield conn
    await conn.close()


@pytest.mark.parametrize("room", ROOMS)
async def test_the_reader_reads_every_table_and_view_of_every_room(reader, room):
    tables = await reader.fetch(TABLES, room, UNREAD)

    for table in tables:
        await reader.fetch(f'SELECT {table["columns"]} FROM "{room}"."{table["name"]}" LIMIT 1')

    assert {"events", "outbox", "inbox", "setbacks", "public_log"} <= {t["name"] for t in tables}


@pytest.mark.parametrize("room", ROOMS)
async def test_the_reader_writes_nothing(reader, room):
    may = await reader.fetch(
        """SELECT relname FROM pg_class
            WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'v', 'p', 'm')
              AND (has_any_column_privilege(oid, 'INSERT') OR has_any_column_privilege(oid, 'UPDATE')
                   OR has_table_privilege(oid, 'DELETE') OR has_table_privilege(oid, 'TRUNCATE'))""",
        room,
    )

    assert may == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.execute(f"DELETE FROM {room}.events")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.execute(f"CREATE TABLE {room}.mine ()")


@pytest.mark.parametrize("secret", UNREAD)
async def test_no_dump_carries_a_secret(reader, secret):
    table, _, column = secret.rpartition(".")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await reader.fetch(f"SELECT {column} FROM {table}")


async def test_the_columns_that_the_schema_shows_the_reader_are_those_it_may_read(reader):
    shown = await reader.fetch(
        """SELECT concat_ws('.', table_schema, table_name, column_name) AS name
             FROM information_schema.columns WHERE table_schema = ANY($1)""",
        ROOMS,
    )

    names = {row["name"] for row in shown}
    assert {"gateway.people.email", "notifications.inbox.event_id"} <= names
    assert not names & set(UNREAD)


async def test_the_reader_sees_every_tenant(own_url, reader):
    owner = await asyncpg.connect(own_url)
    await owner.execute(
        """INSERT INTO gateway.organizations (id, name, industry, region, registered_at, tenant)
           SELECT gen_random_uuid(), 'Kape', 'food', 'NCR', now(), tenant
             FROM unnest(ARRAY['ph', 'sandbox-1']) AS tenant"""
    )
    await owner.close()

    tenants = await reader.fetch("SELECT tenant FROM gateway.organizations ORDER BY tenant")

    assert [row["tenant"] for row in tenants] == ["ph", "sandbox-1"]
