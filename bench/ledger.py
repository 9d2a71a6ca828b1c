"""Post to the ledger at random and all at once - in any order, twice, more than there is - and see that
the books balance: what the database let through, what it refused, and what it all comes to."""

import argparse
import asyncio
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import structlog

from bench._servers import a_database
from services.gateway.payments import ledger
from services.gateway.payments.ledger import Account, Entry, Posting
from shared.database import Connection, Database, connect
from shared.ids import new_id

PROJECTS = 20
INTERNS = 50
CONNECTIONS = 12
PAYMENTS_OF_ONE_COPY = 5_000


@dataclass
class Books:
    organization_id: UUID
    projects: list[UUID]
    payments: list[tuple[UUID, UUID, int]]
    interns: list[UUID] = field(default_factory=lambda: [new_id() for _ in range(INTERNS)])


async def main(tries: int, seed: int) -> int:
    print(f"{tries} postings at random over {CONNECTIONS} connections, seed {seed}")
    async with a_database() as url, connect(url, "gateway", connections=CONNECTIONS) as database:
        async with database.acquire() as conn:
            books = await open_books(conn, tries // 3, random.Random(seed))
        started = time.perf_counter()
        counts = await post_all(database, books, tries, seed)
        seconds = time.perf_counter() - started
        async with database.acquire() as conn:
            return await report(conn, counts, seconds)


async def open_books(conn: Connection, payments: int, chance: random.Random) -> Books:
    organization_id = new_id()
    await conn.execute(
        """INSERT INTO gateway.organizations (id, name, industry, region, registered_at)
                VALUES ($1, 'Aklatan', 'education', 'ncr', now())""",
        organization_id,
    )
    projects = [await insert_project(conn, organization_id) for _ in range(PROJECTS)]
    made = [
        (new_id(), chance.choice(projects), chance.randint(1, 500_000)) for _ in range(payments)
    ]
    for start in range(0, len(made), PAYMENTS_OF_ONE_COPY):
        await copy_payments(
            conn, organization_id, start, made[start : start + PAYMENTS_OF_ONE_COPY]
        )
    return Books(organization_id, projects, made)


async def insert_project(conn: Connection, organization_id: UUID) -> UUID:
    project_id = new_id()
    await conn.execute(
        """INSERT INTO gateway.projects
                  (id, organization_id, title, summary, description, language, languages, industry,
                   region, remote, hours, weeks, seats, fee, currency, answer_days, criteria, state,
                   drafted_at, changed_at)
           VALUES ($1, $2, 'Salin', '', '', 'fil', '{fil}', 'education', 'ncr', true, 20, 2, 1, 1,
                   'PHP', 5, '{Tapat}', 'open', now(), now())""",
        project_id,
        organization_id,
    )
    return project_id


async def copy_payments(
    conn: Connection, organization_id: UUID, first: int, made: Sequence[tuple[UUID, UUID, int]]
) -> None:
    await conn.executemany(
        """INSERT INTO gateway.payments
                  (id, project_id, organization_id, seat, position, amount, state, created_at,
                   changed_at)
           VALUES ($1, $2, $3, $4, 0, $5, 'held', now(), now())""",
        [
            (payment_id, project_id, organization_id, seat, amount)
            for seat, (payment_id, project_id, amount) in enumerate(made, start=first + 1)
        ],
    )


async def post_all(database: Database, books: Books, tries: int, seed: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    shares = [tries // CONNECTIONS + (lane < tries % CONNECTIONS) for lane in range(CONNECTIONS)]
    async with asyncio.TaskGroup() as tasks:
        for lane, share in enumerate(shares):
            chance = random.Random(f"{seed}-{lane}")
            tasks.create_task(post_some(database, books, share, chance, counts))
    return counts


async def post_some(
    database: Database, books: Books, share: int, chance: random.Random, counts: Counter[str]
) -> None:
    async with database.acquire() as conn:
        for _ in range(share):
            counts[await post_one(conn, books, chance)] += 1


async def post_one(conn: Connection, books: Books, chance: random.Random) -> str:
    payment_id, project_id, amount = chance.choice(books.payments)
    posting = chance.choice([*Posting, Posting.HOLD])
    entries = entries_of(posting, books, project_id, amount, chance)
    kind = "as it should be"
    if chance.random() < 0.05:
        kind, (account, owner, value) = "crooked", entries[0]
        entries[0] = (account, owner, value + chance.choice([-1, 1]))
    try:
        async with conn.transaction():
            written = await ledger.write(conn, posting, payment_id, entries)
    except asyncpg.IntegrityConstraintViolationError as refusal:
        floor = getattr(refusal, "constraint_name", None) == "ledger_accounts_floor"
        return "refused: below the floor" if floor else "refused: not in balance"
    if not written:
        return "posted before"
    return f"written, {kind}"


def entries_of(
    posting: Posting, books: Books, project: UUID, amount: int, chance: random.Random
) -> list[Entry]:
    employer, intern = books.organization_id, chance.choice(books.interns)
    withheld = amount * chance.choice([0, 1_000]) // 10_000
    match posting:
        case Posting.HOLD:
            return [(Account.WORLD, employer, -amount), (Account.HELD, project, amount)]
        case Posting.RELEASE:
            return [(Account.HELD, project, -amount), (Account.OWED, intern, amount)]
        case Posting.SEND:
            net = [(Account.OWED, intern, -amount), (Account.PAID, intern, amount - withheld)]
            return net + ([(Account.WITHHELD, employer, withheld)] if withheld else [])
        case Posting.REFUND:
            return [(Account.HELD, project, -amount), (Account.REFUNDING, employer, amount)]
        case Posting.RETURN:
            return [(Account.REFUNDING, employer, -amount), (Account.RETURNED, employer, amount)]


async def report(conn: Connection, counts: Counter[str], seconds: float) -> int:
    for name, count in sorted(counts.items()):
        print(f"  {name:32} {count:>9,}")
    totals = await ledger.trial_balance(conn)
    for total in totals:
        print(f"  {total.kind:12} {total.accounts:>5} accounts {total.balance:>18,} centavos")
    wrong = await ledger.count_unbalanced(conn)
    below = await conn.fetchval(
        "SELECT count(*) FROM gateway.ledger_accounts WHERE kind <> 'world' AND balance < 0"
    )
    sum_of_all = sum(total.balance for total in totals)
    tries = sum(counts.values())
    print(
        f"  {tries / seconds:,.0f} a second; below zero: {below}; wrong: {wrong}; sum: {sum_of_all}"
    )
    return 1 if wrong or below or sum_of_all or counts["written, crooked"] else 0


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tries", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    sys.exit(asyncio.run(main(chosen.tries, chosen.seed)))
