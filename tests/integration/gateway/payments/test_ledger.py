"""What the database itself refuses, whoever writes to it."""

import re
from uuid import uuid4

import asyncpg
import pytest

from services.gateway.payments import ledger
from services.gateway.payments.ledger import Account, Posting
from services.gateway.payments.queries import insert_payment, lock_payment
from shared.ids import new_id
from tests.integration.gateway.payments.house import a_person, a_project, an_organization

REFUSED = asyncpg.IntegrityConstraintViolationError


@pytest.fixture
async def payment(conn):
    employer = await a_person(conn, "Elena Cruz")
    organization_id = await an_organization(conn, employer)
    project_id = await a_project(conn, organization_id)
    payment_id = await insert_payment(
        conn,
        project_id=project_id,
        organization_id=organization_id,
        seat=1,
        position=0,
        amount=1_000,
        state="held",
    )
    return await lock_payment(conn, payment_id)


async def write(conn, posting, payment, *entries, transaction_id=None):
    """By hand, as an intruder would."""
    transaction_id = transaction_id or new_id()
    await conn.execute(
        """INSERT INTO gateway.ledger_transactions (id, posting, payment_id, at)
                VALUES ($1, $2, $3, now())""",
        transaction_id,
        posting,
        payment.id,
    )
    await enter(conn, transaction_id, posting, *entries)
    return transaction_id


async def enter(conn, transaction_id, posting, *entries):
    for kind, owner_id, amount in entries:
        await conn.execute(
            """INSERT INTO gateway.ledger_accounts (kind, owner_id) VALUES ($1, $2)
               ON CONFLICT DO NOTHING""",
            kind,
            owner_id,
        )
        await conn.execute(
            "INSERT INTO gateway.ledger_entries VALUES ($1, $2, $3, $4, $5)",
            transaction_id,
            posting,
            kind,
            owner_id,
            amount,
        )


async def check(conn):
    """As at the end of the transaction."""
    await conn.execute("SET CONSTRAINTS ALL IMMEDIATE")


async def test_a_posting_balances_and_happens_once(conn, payment):
    assert await ledger.post(conn, Posting.HOLD, payment)
    assert not await ledger.post(conn, Posting.HOLD, payment)
    await check(conn)

    totals = {total.kind: total.balance for total in await ledger.trial_balance(conn)}
    assert totals == {"held": 1_000, "world": -1_000}
    assert await ledger.count_unbalanced(conn) == 0


async def test_what_does_not_come_to_zero_is_refused(conn, payment):
    await write(
        conn,
        "hold",
        payment,
        ("world", payment.organization_id, -1_000),
        ("held", payment.project_id, 999),
    )

    with pytest.raises(REFUSED, match="not to zero"):
        await check(conn)


async def test_a_single_entry_is_refused(conn, payment):
    await write(conn, "hold", payment, ("held", payment.project_id, 1))

    with pytest.raises(REFUSED, match="1 entries"):
        await check(conn)


async def test_a_transaction_without_entries_is_refused(conn, payment):
    await write(conn, "hold", payment)

    with pytest.raises(REFUSED, match="0 entries"):
        await check(conn)


async def test_an_account_never_goes_below_its_floor(conn, payment):
    with pytest.raises(REFUSED, match="ledger_accounts_floor"):
        await ledger.write(
            conn,
            Posting.REFUND,
            payment.id,
            [
                (Account.HELD, payment.project_id, -1),
                (Account.REFUNDING, payment.organization_id, 1),
            ],
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE gateway.ledger_entries SET amount = amount * 2",
        "DELETE FROM gateway.ledger_entries",
        "UPDATE gateway.ledger_transactions SET at = now()",
        "DELETE FROM gateway.ledger_transactions",
        "DELETE FROM gateway.ledger_accounts",
        "UPDATE gateway.ledger_accounts SET balance = 0",
        "UPDATE gateway.ledger_accounts SET owner_id = gen_random_uuid()",
    ],
)
async def test_the_past_is_not_rewritten(conn, payment, statement):
    await ledger.post(conn, Posting.HOLD, payment)
    await check(conn)

    with pytest.raises(REFUSED):
        await conn.execute(statement)


@pytest.mark.parametrize("table", ["ledger_entries", "ledger_transactions", "ledger_accounts"])
async def test_the_books_are_not_thrown_away(own_url, table):
    owner = await asyncpg.connect(own_url)
    try:
        with pytest.raises(REFUSED):
            await owner.execute(f"TRUNCATE gateway.{table} CASCADE")
    finally:
        await owner.close()


async def test_an_account_begins_at_zero(conn):
    await conn.execute(
        "INSERT INTO gateway.ledger_accounts (kind, owner_id, balance) VALUES ('held', $1, 5)",
        uuid4(),
    )

    assert await conn.fetchval("SELECT max(balance) FROM gateway.ledger_accounts") == 0


async def test_nothing_is_added_to_a_closed_transaction(own_url):
    owner = await asyncpg.connect(own_url)
    try:
        employer = await a_person(owner, "Elena Cruz")
        organization_id = await an_organization(owner, employer)
        project_id = await a_project(owner, organization_id)
        payment_id = await insert_payment(
            owner,
            project_id=project_id,
            organization_id=organization_id,
            seat=1,
            position=0,
            amount=1_000,
            state="held",
        )
        payment = await lock_payment(owner, payment_id)
        async with owner.transaction():
            await ledger.post(owner, Posting.HOLD, payment)
        transaction_id = await owner.fetchval("SELECT id FROM gateway.ledger_transactions")

        with pytest.raises(REFUSED, match="closed"):
            await enter(owner, transaction_id, "hold", ("world", uuid4(), -1))
    finally:
        await owner.close()


async def test_more_tax_than_the_law_allows_is_refused(conn, payment):
    await ledger.post(conn, Posting.HOLD, payment)
    intern = uuid4()
    await ledger.write(
        conn,
        Posting.RELEASE,
        payment.id,
        [(Account.HELD, payment.project_id, -1_000), (Account.OWED, intern, 1_000)],
    )
    await ledger.write(
        conn,
        Posting.SEND,
        payment.id,
        [
            (Account.OWED, intern, -1_000),
            (Account.PAID, intern, 800),
            (Account.WITHHELD, payment.organization_id, 200),
        ],
    )

    with pytest.raises(REFUSED, match="more than the law allows"):
        await check(conn)


POSTINGS = ["hold", "release", "send", "refund", "return"]


@pytest.mark.parametrize("posting", POSTINGS)
@pytest.mark.parametrize("kind", [*Account])
@pytest.mark.parametrize("amount", [-1, 1])
async def test_no_posting_takes_money_from_an_intern(conn, payment, posting, kind, amount):
    """Every combination the schema has a place for, tried: what was paid only grows, and what is owed
    is lessened by paying alone."""
    takes = amount < 0 and (kind == "paid" or (kind == "owed" and posting != "send"))
    transaction_id = await write(conn, posting, payment)
    try:
        async with conn.transaction():
            await enter(conn, transaction_id, posting, (kind, uuid4(), amount))
    except asyncpg.CheckViolationError as refusal:
        written = refusal.constraint_name == "ledger_accounts_floor"
    else:
        written = True

    assert not (takes and written)


async def test_the_schema_has_no_place_for_taking_money_from_an_intern(conn):
    """Three things a provider can be asked, and eleven entries the books know: none asks an intern."""
    orders = await rule(conn, "payment_orders", "payment_orders_kind_check")
    entries = await rule(conn, "ledger_entries", "ledger_entries_posting")
    receipts = await rule(conn, "receipts", "receipts_fee_check")

    assert set(re.findall(r"'(\w+)'", orders)) == {"hold", "pay", "refund"}
    known = re.findall(r"= '(\w+)'::text\) AND \(kind = '(\w+)'::text\).*?(true|false)", entries)
    assert len(known) == 11
    taken = [(posting, kind) for posting, kind, grows in known if grows == "false"]
    assert [each for each in taken if each[1] in {"owed", "paid"}] == [("send", "owed")]
    assert "fee = 0" in receipts


async def rule(conn, table, name):
    return await conn.fetchval(
        """SELECT pg_get_constraintdef(oid) FROM pg_constraint
            WHERE conrelid = ('gateway.' || $1)::regclass AND conname = $2""",
        table,
        name,
    )
