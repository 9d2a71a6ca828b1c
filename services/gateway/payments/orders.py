"""What a provider is asked, one row each: written with the state that needs it, carried out by the
loop in `paying`. The id of the row is what makes asking twice harmless."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg

from services.gateway.payments.queries import Payment
from shared import clock
from shared.database import Connection
from shared.events.origin import current
from shared.ids import new_id

# The longest that one question may take.
PROVIDER_SECONDS = 10
# For one question, and for writing down its answer.
LEASE = timedelta(seconds=PROVIDER_SECONDS + 4)


class Kind(StrEnum):
    HOLD = "hold"
    PAY = "pay"
    REFUND = "refund"


class Progress(StrEnum):
    WAITING = "waiting"
    ASKED = "asked"
    DONE = "done"
    FAILED = "failed"


LIVE = frozenset({Progress.WAITING, Progress.ASKED})


@dataclass(frozen=True)
class Order:
    """`ahead` is how far the clock of its tenant runs before the real one."""

    id: UUID
    payment_id: UUID
    project_id: UUID
    kind: Kind
    amount: int
    currency: str
    provider: str
    state: Progress
    payout_id: UUID | None
    reference: str | None
    reason: str | None
    tries: int
    made_at: datetime
    asked_at: datetime | None
    polled_at: datetime | None
    correlation_id: UUID
    tenant: str
    ahead: timedelta


SELECT_ORDER = """
    SELECT payment_orders.id, payment_id, payments.project_id, payment_orders.kind,
           payment_orders.amount, currency, provider, payment_orders.state, payout_id, reference,
           payment_orders.reason, tries, made_at, asked_at, polled_at, correlation_id,
           payment_orders.tenant, coalesce(ahead, '0') AS ahead
      FROM gateway.payment_orders
      JOIN gateway.payments ON payments.id = payment_id
      LEFT JOIN gateway.sandboxes ON sandboxes.tenant = payment_orders.tenant
"""


def _order(row: asyncpg.Record) -> Order:
    facts: dict[str, Any] = dict(row)
    facts["kind"], facts["state"] = Kind(facts["kind"]), Progress(facts["state"])
    return Order(**facts)


def real_now() -> datetime:
    """Asking goes by the real time, whatever the clock of a sandbox says."""
    return clock.now() - current().ahead


async def want(conn: Connection, payment: Payment, kind: Kind) -> None:
    """See to it that the provider is asked. An order whose end is not known is asked about again; only
    after a certain failure there is a new one."""
    found = await select_orders(conn, payment.id, kind)
    if any(order.state is Progress.DONE for order in found):
        return
    live = [order for order in found if order.state in LIVE]
    if live:
        await update_next_try(conn, live[0].id, at=real_now())
        return
    await insert_order(conn, payment, kind, at=real_now())


async def insert_order(conn: Connection, payment: Payment, kind: Kind, *, at: datetime) -> None:
    origin = current()
    await conn.execute(
        """INSERT INTO gateway.payment_orders
                  (id, payment_id, kind, amount, provider, state, next_try_at, made_at,
                   correlation_id, tenant)
           SELECT $1, $2, $3, $4,
                  CASE WHEN $8 ^@ 'sandbox-' THEN 'sandbox' ELSE provider END, 'waiting', $5, $6,
                  $7, $8
             FROM gateway.provider_choices WHERE kind = $3""",
        new_id(),
        payment.id,
        kind,
        payment.amount - (payment.withheld if kind is Kind.PAY else 0),
        at,
        clock.now(),
        origin.correlation_id,
        origin.tenant,
    )


async def select_orders(conn: Connection, payment_id: UUID, kind: Kind) -> list[Order]:
    """The oldest first."""
    rows = await conn.fetch(
        f"""{SELECT_ORDER} WHERE payment_id = $1 AND payment_orders.kind = $2
             ORDER BY payment_orders.id""",
        payment_id,
        kind,
    )
    return [_order(row) for row in rows]


async def select_order(conn: Connection, order_id: UUID) -> Order | None:
    row = await conn.fetchrow(f"{SELECT_ORDER} WHERE payment_orders.id = $1", order_id)
    return _order(row) if row else None


async def lock_order(conn: Connection, order_id: UUID) -> Order | None:
    """Under the lock of its payment."""
    row = await conn.fetchrow(
        f"{SELECT_ORDER} WHERE payment_orders.id = $1 FOR NO KEY UPDATE OF payment_orders", order_id
    )
    return _order(row) if row else None


async def claim(conn: Connection, providers: Sequence[str], *, tenant: str | None) -> Order | None:
    """Take what is due longest, for one question. That it is asked is written before it is asked."""
    now = real_now()
    order_id = await conn.fetchval(
        """WITH due AS (
               SELECT id FROM gateway.payment_orders
                WHERE state IN ('waiting', 'asked') AND next_try_at <= $1
                  AND (taken_until IS NULL OR taken_until < $1)
                  AND provider = ANY($2) AND ($3::text IS NULL OR tenant = $3)
                ORDER BY next_try_at LIMIT 1 FOR UPDATE SKIP LOCKED
           )
           UPDATE gateway.payment_orders
              SET taken_until = $4, tries = tries + 1
             FROM due WHERE payment_orders.id = due.id
        RETURNING payment_orders.id""",
        now,
        providers,
        tenant,
        now + LEASE,
    )
    return await select_order(conn, order_id) if order_id else None


async def renew(conn: Connection, order: Order) -> bool:
    """For one more question; False when somebody else has it now, or it was answered."""
    renewed = await conn.fetchval(
        """UPDATE gateway.payment_orders SET taken_until = $3
            WHERE id = $1 AND tries = $2 AND state IN ('waiting', 'asked') RETURNING true""",
        order.id,
        order.tries,
        real_now() + LEASE,
    )
    return bool(renewed)


async def give_back(conn: Connection, order: Order) -> None:
    """For another to ask at once how it ended."""
    await conn.execute(
        "UPDATE gateway.payment_orders SET taken_until = NULL WHERE id = $1 AND tries = $2",
        order.id,
        order.tries,
    )


async def select_lateness(conn: Connection, providers: Sequence[str]) -> float:
    """Seconds since the longest due order, or order to be made again, should have been asked."""
    seconds: float = await conn.fetchval(
        """SELECT coalesce(extract(epoch FROM $1 - min(due_at)), 0)::float8
             FROM (SELECT next_try_at AS due_at FROM gateway.payment_orders
                    WHERE state IN ('waiting', 'asked') AND provider = ANY($2)
                   UNION ALL
                   SELECT retry_at FROM gateway.payments WHERE state = 'retrying') AS waiting
            WHERE due_at <= $1""",
        real_now(),
        providers,
    )
    return seconds


async def mark_asked(conn: Connection, order: Order) -> bool:
    """Committed before the provider hears of it; False when it was answered, or taken, meanwhile."""
    marked = await conn.fetchval(
        """UPDATE gateway.payment_orders
              SET state = 'asked', asked_at = coalesce(asked_at, $3), taken_until = $4
            WHERE id = $1 AND tries = $2 AND state IN ('waiting', 'asked') RETURNING true""",
        order.id,
        order.tries,
        clock.now(),
        real_now() + LEASE,
    )
    return bool(marked)


async def update_next_try(conn: Connection, order_id: UUID, *, at: datetime) -> None:
    """Without disturbing whoever is asking now."""
    await conn.execute(
        """UPDATE gateway.payment_orders SET next_try_at = $2
            WHERE id = $1 AND state IN ('waiting', 'asked')""",
        order_id,
        at,
    )


async def postpone(conn: Connection, order_id: UUID, *, at: datetime, heard: bool) -> None:
    """`heard`: the provider answered, if only that it does not know yet."""
    await conn.execute(
        """UPDATE gateway.payment_orders
              SET next_try_at = $2, taken_until = NULL,
                  polled_at = CASE WHEN $3 THEN $4 ELSE polled_at END
            WHERE id = $1 AND state IN ('waiting', 'asked')""",
        order_id,
        at,
        heard,
        clock.now(),
    )


async def finish(
    conn: Connection,
    order_id: UUID,
    *,
    state: Progress,
    reference: str | None = None,
    reason: str | None = None,
) -> None:
    await conn.execute(
        """UPDATE gateway.payment_orders
              SET state = $2, reference = $3, reason = $4, answered_at = $5, polled_at = $5,
                  taken_until = NULL
            WHERE id = $1""",
        order_id,
        state,
        reference,
        reason,
        clock.now(),
    )


async def insert_surprise(
    conn: Connection, order_id: UUID, *, what: str, reference: str | None, amount: int | None
) -> None:
    await conn.execute(
        """INSERT INTO gateway.provider_surprises (id, order_id, what, reference, amount, said_at)
                VALUES ($1, $2, $3, $4, $5, $6)""",
        new_id(),
        order_id,
        what,
        reference,
        amount,
        clock.now(),
    )


async def has_surprise(conn: Connection, order_id: UUID, what: str) -> bool:
    found: bool = await conn.fetchval(
        """SELECT EXISTS (SELECT FROM gateway.provider_surprises
                           WHERE order_id = $1 AND what = $2)""",
        order_id,
        what,
    )
    return found


async def select_of_a_bank(conn: Connection, *, before: UUID | None, limit: int) -> list[Order]:
    """What a person carries or looks for, the newest first; one more than `limit` when there are more."""
    rows = await conn.fetch(
        f"""{SELECT_ORDER}
             WHERE provider = 'bank_file' AND payment_orders.state IN ('waiting', 'asked')
               AND ($1::uuid IS NULL OR payment_orders.id < $1)
             ORDER BY payment_orders.id DESC LIMIT $2""",
        before,
        limit + 1,
    )
    return [_order(row) for row in rows]


async def count_surprises(conn: Connection) -> int:
    count: int = await conn.fetchval("SELECT count(*) FROM gateway.provider_surprises")
    return count


async def choose_providers(conn: Connection, chosen: Mapping[str, str]) -> None:
    await conn.execute(
        """UPDATE gateway.provider_choices SET provider = chosen.provider
             FROM unnest($1::text[], $2::text[]) AS chosen (kind, provider)
            WHERE provider_choices.kind = chosen.kind""",
        list(chosen),
        list(chosen.values()),
    )
