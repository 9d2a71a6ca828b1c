"""A provider that moves no money, and that can be told how to behave. It keeps its own books, and
works on connections of its own, as if it were somebody else."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import asyncpg

from services.gateway.payments.orders import Order, real_now
from services.gateway.payments.providers import Answer, Done, Failed, Pending, Unheard
from shared import clock
from shared.database import Connection, Database

NAME = "sandbox"
# Longer than any clock of a payment waits for its provider.
LATE = timedelta(days=5)


class Behaviour(StrEnum):
    """`silent` does what it is asked, but its answer is lost; `late` answers when nobody waits any
    more; `differently` takes back what it said."""

    OK = "ok"
    FAIL = "fail"
    DELAY = "delay"
    TWICE = "twice"
    LATE = "late"
    NEVER = "never"
    SILENT = "silent"
    DIFFERENTLY = "differently"
    OTHER_AMOUNT = "other_amount"


CALLBACKS = {
    Behaviour.DELAY: ["done"],
    Behaviour.TWICE: ["done", "done"],
    Behaviour.LATE: ["done"],
    Behaviour.DIFFERENTLY: ["done", "failed"],
    Behaviour.OTHER_AMOUNT: ["other_amount"],
}


@dataclass(frozen=True)
class Callback:
    order_id: UUID
    answer: Answer


class Sandbox:
    name = NAME

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, order: Order) -> Answer:
        async with self._database.acquire() as conn, conn.transaction():
            told = await select_behaviour(conn, project_id=order.project_id, kind=order.kind)
            await _insert(conn, order, told)
            answer = await _answer(conn, order.id)
        if told.behaviour is Behaviour.SILENT:
            raise TimeoutError
        return answer

    async def status(self, order: Order) -> Answer:
        async with self._database.acquire() as conn:
            return await _answer(conn, order.id)


@dataclass(frozen=True)
class Told:
    behaviour: Behaviour
    seconds: float


async def select_behaviour(conn: Connection, *, project_id: UUID, kind: str) -> Told:
    """What was told for this project, or else for all; for this kind of order, or else for any."""
    row = await conn.fetchrow(
        """SELECT behaviour, seconds FROM gateway.sandbox_behaviours
            WHERE (project_id = $1 OR project_id IS NULL) AND (kind = $2 OR kind IS NULL)
            ORDER BY project_id NULLS LAST, kind NULLS LAST LIMIT 1""",
        project_id,
        kind,
    )
    return Told(Behaviour(row["behaviour"]), row["seconds"]) if row else Told(Behaviour.OK, 0)


async def upsert_behaviour(
    conn: Connection, *, project_id: UUID | None, kind: str | None, behaviour: str, seconds: float
) -> None:
    await conn.execute(
        """INSERT INTO gateway.sandbox_behaviours (project_id, kind, behaviour, seconds)
                VALUES ($1, $2, $3, $4)
           ON CONFLICT (project_id, kind) DO UPDATE
               SET behaviour = excluded.behaviour, seconds = excluded.seconds""",
        project_id,
        kind,
        behaviour,
        seconds,
    )


async def take_callback(conn: Connection, *, tenant: str | None) -> Callback | None:
    """What it now says unasked: the next word of an order whose time has come, each word once."""
    row = await conn.fetchrow(
        """WITH due AS (
               SELECT id, callbacks[1] AS word, amount
                 FROM gateway.sandbox_orders LEFT JOIN gateway.sandboxes USING (tenant)
                WHERE cardinality(callbacks) > 0 AND ($2::text IS NULL OR tenant = $2)
                  AND answer_at <= $1::timestamptz + coalesce(ahead, '0')
                ORDER BY answer_at LIMIT 1 FOR UPDATE OF sandbox_orders SKIP LOCKED
           )
           UPDATE gateway.sandbox_orders SET callbacks = callbacks[2:]
             FROM due WHERE sandbox_orders.id = due.id
        RETURNING due.*""",
        real_now(),
        tenant,
    )
    return Callback(row["id"], _word(row)) if row else None


def _word(row: asyncpg.Record) -> Answer:
    match row["word"]:
        case "failed":
            return Failed("account_closed")
        case "other_amount":
            return Done(_reference(row["id"]), row["amount"] + 1)
        case _:
            return Done(_reference(row["id"]), row["amount"])


async def _insert(conn: Connection, order: Order, told: Told) -> None:
    """Only the first asking counts: the id is the idempotency key."""
    await conn.execute(
        """INSERT INTO gateway.sandbox_orders
                  (id, tenant, kind, amount, behaviour, state, answer_at, callbacks)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
           ON CONFLICT (id) DO NOTHING""",
        order.id,
        order.tenant,
        order.kind,
        order.amount,
        told.behaviour,
        "failed" if told.behaviour is Behaviour.FAIL else "done",
        _answer_at(told),
        CALLBACKS.get(told.behaviour, []),
    )


def _answer_at(told: Told) -> datetime | None:
    match told.behaviour:
        case Behaviour.NEVER:
            return None
        case Behaviour.LATE:
            return clock.now() + LATE
        case _:
            return clock.now() + timedelta(seconds=told.seconds)


async def _answer(conn: Connection, order_id: UUID) -> Answer:
    row = await conn.fetchrow(
        """SELECT id, state, amount, behaviour, answer_at FROM gateway.sandbox_orders
            WHERE id = $1""",
        order_id,
    )
    if row is None:
        return Unheard()
    if row["answer_at"] is None or row["answer_at"] > clock.now():
        return Pending()
    # These speak by callback alone, or nobody would hear what is odd about them.
    if row["behaviour"] in {Behaviour.TWICE, Behaviour.DIFFERENTLY, Behaviour.OTHER_AMOUNT}:
        return Pending()
    if row["state"] == "failed":
        return Failed("refused")
    return Done(_reference(row["id"]), row["amount"])


def _reference(order_id: UUID) -> str:
    return f"SANDBOX-{order_id.hex[-12:].upper()}"
