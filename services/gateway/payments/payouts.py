"""Payout files: the pay orders that wait for a bank, in one file, each in one file only."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.gateway.payments import answers, orders
from services.gateway.payments.orders import Order
from services.gateway.payments.providers import Failed, bank_file
from services.gateway.payments.providers.bank_file import Debtor, Payee, Result
from services.gateway.viewer import Viewer
from shared import clock
from shared.database import Connection
from shared.errors import Conflict, NotFound
from shared.ids import new_id

MOST_ORDERS = 2_000
NO_ACCOUNT = "no_payout_account"


@dataclass(frozen=True)
class Payout:
    id: UUID
    text: str
    count: int
    total: int
    made_at: datetime


async def make(conn: Connection, *, viewer: Viewer, debtor: Debtor) -> Payout:
    """Whoever gave no account is asked for one: their order fails, and is made again with it."""
    async with conn.transaction():
        await _fail_without_account(conn)
        payees = await lock_payees(conn, limit=MOST_ORDERS)
        if not payees:
            raise Conflict("No payment waits for a bank's file.")
        payout_id, now = new_id(), clock.now()
        text = await asyncio.to_thread(
            bank_file.payout_file, payout_id, payees, debtor, made_at=now
        )
        await _insert(conn, payout_id, text.decode(), payees, made_by=viewer.id, now=now)
        return await find(conn, payout_id)


async def _fail_without_account(conn: Connection) -> None:
    for order_id in await select_without_account(conn, limit=MOST_ORDERS):
        order = await orders.select_order(conn, order_id)
        assert order is not None
        await answers.take(conn, order, Failed(NO_ACCOUNT))


async def find(conn: Connection, payout_id: UUID) -> Payout:
    row = await conn.fetchrow(
        "SELECT id, text, count, total, made_at FROM gateway.payouts WHERE id = $1", payout_id
    )
    if row is None:
        raise NotFound("No such payout.")
    if not row["text"]:
        raise NotFound("This payout's file is no longer kept: it holds names and account numbers.")
    return Payout(**dict(row))


async def take_results(
    conn: Connection, results: Sequence[Result], *, payout_id: UUID | None
) -> list[UUID]:
    """What the bank did; return what it was never asked. Only orders that a bank carries out."""
    unknown = []
    for result in results:
        order = await orders.select_order(conn, result.order_id)
        if order is None or not _is_of_a_bank(order, payout_id):
            unknown.append(result.order_id)
        else:
            await answers.take(conn, order, result.answer)
    return unknown


def _is_of_a_bank(order: Order, payout_id: UUID | None) -> bool:
    return order.provider == bank_file.NAME and payout_id in {None, order.payout_id}


async def select_without_account(conn: Connection, *, limit: int) -> list[UUID]:
    rows = await conn.fetch(
        """SELECT payment_orders.id
             FROM gateway.payment_orders
             JOIN gateway.payments ON payments.id = payment_id
             LEFT JOIN gateway.payout_accounts ON person_id = applicant_id
            WHERE payment_orders.kind = 'pay' AND payment_orders.state = 'waiting'
              AND provider = 'bank_file' AND person_id IS NULL
            ORDER BY payment_id LIMIT $1""",
        limit,
    )
    return [row["id"] for row in rows]


async def lock_payees(conn: Connection, *, limit: int) -> list[Payee]:
    """Two files at once share nothing."""
    rows = await conn.fetch(
        """SELECT payment_orders.id AS order_id, payment_orders.amount, currency, holder, bank,
                  number
             FROM gateway.payment_orders
             JOIN gateway.payments        ON payments.id = payment_id
             JOIN gateway.payout_accounts ON person_id = applicant_id
            WHERE payment_orders.kind = 'pay' AND payment_orders.state = 'waiting'
              AND provider = 'bank_file'
            ORDER BY payment_orders.id LIMIT $1
              FOR UPDATE OF payment_orders SKIP LOCKED""",
        limit,
    )
    return [Payee(**dict(row)) for row in rows]


async def _insert(
    conn: Connection,
    payout_id: UUID,
    text: str,
    payees: Sequence[Payee],
    *,
    made_by: UUID,
    now: datetime,
) -> None:
    await conn.execute(
        """INSERT INTO gateway.payouts (id, text, count, total, made_by, made_at)
                VALUES ($1, $2, $3, $4, $5, $6)""",
        payout_id,
        text,
        len(payees),
        sum(payee.amount for payee in payees),
        made_by,
        now,
    )
    await conn.execute(
        """UPDATE gateway.payment_orders
              SET state = 'asked', asked_at = $3, payout_id = $1, tries = tries + 1
            WHERE id = ANY($2)""",
        payout_id,
        [payee.order_id for payee in payees],
        now,
    )
