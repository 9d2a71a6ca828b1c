"""The postings of the double-entry ledger. Each happens once for each payment; what it may touch is a
table in the database (`ledger_entries_posting`), which also keeps balances, floors and sums."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from services.gateway.payments.queries import Payment
from shared import clock
from shared.database import Connection
from shared.ids import new_id


class Posting(StrEnum):
    HOLD = "hold"
    RELEASE = "release"
    SEND = "send"
    REFUND = "refund"
    RETURN = "return"


class Account(StrEnum):
    """`world` is the employer's money outside, and the only account that may be below zero."""

    WORLD = "world"
    HELD = "held"
    OWED = "owed"
    PAID = "paid"
    WITHHELD = "withheld"
    REFUNDING = "refunding"
    RETURNED = "returned"


Entry = tuple[Account, UUID, int]


@dataclass(frozen=True)
class Total:
    kind: str
    accounts: int
    balance: int
    entries: int


def entries_of(posting: Posting, payment: Payment) -> list[Entry]:
    amount, project, employer = payment.amount, payment.project_id, payment.organization_id
    match posting:
        case Posting.HOLD:
            return [(Account.WORLD, employer, -amount), (Account.HELD, project, amount)]
        case Posting.RELEASE:
            return [(Account.HELD, project, -amount), (Account.OWED, _intern(payment), amount)]
        case Posting.SEND:
            return _sent(payment)
        case Posting.REFUND:
            return [(Account.HELD, project, -amount), (Account.REFUNDING, employer, amount)]
        case Posting.RETURN:
            return [(Account.REFUNDING, employer, -amount), (Account.RETURNED, employer, amount)]


def _sent(payment: Payment) -> list[Entry]:
    intern, net = _intern(payment), payment.amount - payment.withheld
    entries = [(Account.OWED, intern, -payment.amount), (Account.PAID, intern, net)]
    if payment.withheld:
        entries.append((Account.WITHHELD, payment.organization_id, payment.withheld))
    return entries


def _intern(payment: Payment) -> UUID:
    assert payment.applicant_id is not None
    return payment.applicant_id


async def post(
    conn: Connection, posting: Posting, payment: Payment, *, order_id: UUID | None = None
) -> bool:
    """Return False when it was posted before."""
    return await write(conn, posting, payment.id, entries_of(posting, payment), order_id=order_id)


async def write(
    conn: Connection,
    posting: Posting,
    payment_id: UUID,
    entries: Sequence[Entry],
    *,
    order_id: UUID | None = None,
) -> bool:
    transaction_id = await conn.fetchval(
        """INSERT INTO gateway.ledger_transactions (id, posting, payment_id, order_id, at)
                VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (payment_id, posting) DO NOTHING
             RETURNING id""",
        new_id(),
        posting,
        payment_id,
        order_id,
        clock.now(),
    )
    if transaction_id is None:
        return False
    # In one order, so that two that open the same accounts do not wait for each other.
    kinds, owners, amounts = zip(*sorted(entries), strict=True)
    await conn.execute(
        """INSERT INTO gateway.ledger_accounts (kind, owner_id)
           SELECT kind, owner_id FROM unnest($1::text[], $2::uuid[]) AS wanted (kind, owner_id)
            WHERE NOT EXISTS (SELECT FROM gateway.ledger_accounts AS account
                               WHERE (account.kind, account.owner_id)
                                   = (wanted.kind, wanted.owner_id))
            ORDER BY kind, owner_id
           ON CONFLICT DO NOTHING""",
        kinds,
        owners,
    )
    await conn.execute(
        """INSERT INTO gateway.ledger_entries (transaction_id, posting, kind, owner_id, amount)
           SELECT $1, $2, * FROM unnest($3::text[], $4::uuid[], $5::bigint[])""",
        transaction_id,
        posting,
        kinds,
        owners,
        amounts,
    )
    return True


async def trial_balance(conn: Connection) -> list[Total]:
    """Each kind of account: what the balances come to, and what the entries come to."""
    rows = await conn.fetch(
        """SELECT kind, count(*) AS accounts, sum(balance)::bigint AS balance,
                  (SELECT coalesce(sum(amount), 0)::bigint FROM gateway.ledger_entries
                    WHERE ledger_entries.kind = ledger_accounts.kind) AS entries
             FROM gateway.ledger_accounts GROUP BY kind ORDER BY kind"""
    )
    return [Total(**dict(row)) for row in rows]


async def count_unbalanced(conn: Connection) -> int:
    """Of transactions that do not sum to zero, and of accounts that are not the sum of their entries
    or lie below their floor. The database refuses them; this proves it."""
    count: int = await conn.fetchval(
        """SELECT (SELECT count(*) FROM (
                       SELECT FROM gateway.ledger_entries
                        GROUP BY transaction_id HAVING sum(amount) <> 0) AS wrong)
                + (SELECT count(*) FROM gateway.ledger_accounts AS account
                    WHERE balance < floor
                       OR balance <> (SELECT coalesce(sum(amount), 0)
                                        FROM gateway.ledger_entries AS entry
                                       WHERE entry.kind = account.kind
                                         AND entry.owner_id = account.owner_id))"""
    )
    return count
