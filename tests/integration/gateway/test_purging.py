import asyncio
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from services.gateway.payments import payouts
from services.gateway.purging import PURGES
from shared import clock
from shared.database import connect
from shared.database.purging import Purging
from shared.errors import NotFound


@pytest.fixture
async def database(own_url):
    async with connect(own_url, "gateway") as pool:
        yield pool


@pytest.fixture
async def person_id(database):
    found = uuid4()
    await database.execute(
        """INSERT INTO people (id, email, password_hash, name, locale, joined_at)
                VALUES ($1, $2, '', 'Ana', 'fil', now())""",
        found,
        f"{found}@example.ph",
    )
    return found


async def purge(database) -> None:
    await Purging(database, "gateway", PURGES).purge(asyncio.Event())


async def test_an_answer_is_kept_under_its_key_for_a_week(database, person_id):
    now = clock.now()
    await database.executemany(
        "INSERT INTO idempotency_keys VALUES ($1, $2, 'POST /v1/projects', '', 201, NULL, '{}', $3)",
        [
            (person_id, "old", now - timedelta(days=7, hours=1)),
            (person_id, "kept", now - timedelta(days=6)),
        ],
    )

    await purge(database)

    assert [row["key"] for row in await database.fetch("SELECT key FROM idempotency_keys")] == [
        "kept"
    ]


async def test_a_session_goes_a_day_after_its_end(database, person_id):
    now = clock.now()
    await database.executemany(
        "INSERT INTO sessions VALUES ($1, $2, $3, $4)",
        [
            (b"over", person_id, now, now - timedelta(hours=25)),
            (b"just over", person_id, now, now - timedelta(hours=1)),
            (b"good", person_id, now - timedelta(days=400), now + timedelta(days=1)),
        ],
    )

    await purge(database)

    kept = await database.fetch("SELECT token_hash FROM sessions")
    assert {row["token_hash"] for row in kept} == {b"just over", b"good"}


async def payout(database, made_by, *, days: int):
    found = uuid4()
    await database.execute(
        "INSERT INTO payouts VALUES ($1, '<Document/>', 1, 1, $2, $3)",
        found,
        made_by,
        clock.now() - timedelta(days=days),
    )
    return found


async def order(database, payout_id, state: str) -> None:
    """Of no payment: what it pays for matters nothing here."""
    await database.execute("SET session_replication_role = replica")
    await database.execute(
        """INSERT INTO payment_orders (id, payment_id, kind, amount, provider, state, payout_id,
                                       next_try_at, made_at, correlation_id, tenant)
                VALUES ($1, $1, 'pay', 1, 'bank_file', $2, $3, now(), now(), $1, 'ph')""",
        uuid4(),
        state,
        payout_id,
    )


async def test_a_payout_file_is_emptied_when_all_its_orders_were_answered_long_ago(
    own_url, database, person_id
):
    old, unanswered, young = [await payout(database, person_id, days=d) for d in (91, 91, 89)]
    owner = await asyncpg.connect(own_url, server_settings={"search_path": "gateway"})
    await order(owner, old, "done")
    await order(owner, unanswered, "asked")
    await order(owner, young, "done")
    await owner.close()

    await purge(database)

    texts = dict(await database.fetch("SELECT id, text FROM payouts"))
    assert texts == {old: "", unanswered: "<Document/>", young: "<Document/>"}
    async with database.acquire() as conn:
        assert (await payouts.find(conn, young)).total == 1
        with pytest.raises(NotFound, match="no longer kept"):
            await payouts.find(conn, old)
