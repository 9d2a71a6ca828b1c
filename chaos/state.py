"""What is left in the tables and queues when everything has come to rest."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from shared.database.migrate import ROOMS
from shared.messaging.topology import UNROUTED, dead_queue_of, queue_of
from tests.support.broker import Broker

# Who is told of an application's events, written down once more, apart from the product.
TOLD = {
    "application.submitted.v1": ("applicant", "employer"),
    "application.seen.v1": ("applicant",),
    "application.shortlisted.v1": ("applicant",),
    "application.not_selected.v1": ("applicant",),
    "application.withdrawn.v1": ("applicant", "employer"),
    "application.offered.v1": ("applicant",),
    "application.accepted.v1": ("applicant", "employer"),
}
EXPECTED_NOTICES = """
    WITH said AS (
        SELECT id, name, (data->>'applicant_id')::uuid AS applicant_id,
               (data->>'organization_id')::uuid AS organization_id
          FROM gateway.events WHERE name = ANY($1::text[])
    ), expected AS (
        SELECT said.id AS event_id, applicant_id AS person_id FROM said
         WHERE name = ANY($2::text[])
         UNION
        SELECT said.id, members.person_id
          FROM said JOIN gateway.members USING (organization_id) WHERE name = ANY($3::text[])
    ), present AS (
        SELECT event_id, person_id FROM notifications.notices WHERE kind = ANY($1::text[])
    )
    SELECT coalesce(expected.event_id, present.event_id) AS event_id,
           coalesce(expected.person_id, present.person_id) AS person_id,
           present.event_id IS NULL AS is_missing
      FROM expected FULL JOIN present USING (event_id, person_id)
     WHERE expected.event_id IS NULL OR present.event_id IS NULL
"""


@dataclass(frozen=True)
class Said:
    id: UUID
    room: str
    name: str
    subject: UUID
    sequence: int


@dataclass(frozen=True)
class Buried:
    """A message in a dead queue."""

    room: str
    message_id: str
    reason: str


@dataclass
class State:
    events: list[Said] = field(default_factory=list)
    outbox: dict[str, int] = field(default_factory=dict)
    hears: Mapping[str, frozenset[str]] = field(default_factory=dict)
    inbox: dict[str, set[UUID]] = field(default_factory=dict)
    setbacks: dict[str, dict[UUID, str]] = field(default_factory=dict)
    effects: dict[str, Counter[UUID]] = field(default_factory=dict)
    applications: dict[str, str] = field(default_factory=dict)
    answers: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)
    notices_astray: list[str] = field(default_factory=list)
    notices_doubled: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    in_hand: set[str] = field(default_factory=set)
    failed_mails: list[str] = field(default_factory=list)
    badges: int = 0
    completed: int = 0
    badges_doubled: int = 0
    money: dict[str, int] = field(default_factory=dict)
    buried: list[Buried] = field(default_factory=list)
    unrouted: int = 0
    ready: dict[str, int] = field(default_factory=dict)


async def read(
    conn: asyncpg.Connection, broker: Broker, hears: Mapping[str, frozenset[str]]
) -> State:
    state = State(hears=hears)
    for room in ROOMS:
        await _read_room(conn, state, room)
    await _read_effects(conn, state)
    await _read_gateway(conn, state)
    if "notifications" in hears:
        await _read_mails(conn, state)
    await _read_money(conn, state)
    _read_queues(broker, state)
    return state


async def _read_room(conn: asyncpg.Connection, state: State, room: str) -> None:
    rows = await conn.fetch(f"SELECT id, name, subject, sequence FROM {room}.events")
    state.events += [
        Said(row["id"], room, row["name"], row["subject"], row["sequence"]) for row in rows
    ]
    # What was said a moment ago is on its way: mails may still be sent.
    state.outbox[room] = await conn.fetchval(
        f"""SELECT count(*) FROM {room}.outbox JOIN {room}.events ON id = event_id
             WHERE occurred_at < now() - interval '15 s'"""
    )
    rows = await conn.fetch(f"SELECT event_id FROM {room}.public_handled")
    state.inbox[room] = {row["event_id"] for row in rows}
    rows = await conn.fetch(f"SELECT event_id, state FROM {room}.public_setbacks")
    state.setbacks[room] = {row["event_id"]: row["state"] for row in rows}


async def _read_effects(conn: asyncpg.Connection, state: State) -> None:
    rows = await conn.fetch(
        "SELECT room, event_id, count(*) AS times FROM chaos.effects GROUP BY room, event_id"
    )
    for row in rows:
        state.effects.setdefault(row["room"], Counter())[row["event_id"]] = row["times"]


async def _read_gateway(conn: asyncpg.Connection, state: State) -> None:
    rows = await conn.fetch("SELECT id, state FROM gateway.applications")
    state.applications = {str(row["id"]): row["state"] for row in rows}
    rows = await conn.fetch(
        """SELECT person_id, key, status, answer->>'id' AS answered FROM gateway.idempotency_keys
            WHERE status IS NOT NULL"""
    )
    state.answers = {
        (str(row["person_id"]), row["key"]): (row["status"], row["answered"]) for row in rows
    }
    row = await conn.fetchrow(
        """SELECT (SELECT count(*) FROM credentialing.badges) AS badges,
                  (SELECT count(*) FROM gateway.engagements WHERE state = 'completed') AS completed,
                  (SELECT count(*) FROM (SELECT FROM credentialing.badges GROUP BY engagement_id
                                         HAVING count(*) > 1) AS again) AS doubled"""
    )
    assert row is not None
    state.badges, state.completed, state.badges_doubled = row


async def _read_mails(conn: asyncpg.Connection, state: State) -> None:
    told = {
        role: [name for name, who in TOLD.items() if role in who]
        for role in ("applicant", "employer")
    }
    rows = await conn.fetch(EXPECTED_NOTICES, list(TOLD), told["applicant"], told["employer"])
    state.notices_astray = [
        f"{'missing' if row['is_missing'] else 'uncalled-for'}: event {row['event_id']}, "
        f"person {row['person_id']}"
        for row in rows
    ]
    state.notices_doubled = await conn.fetchval(
        """SELECT count(*) FROM (SELECT FROM notifications.notices
                                  GROUP BY event_id, person_id HAVING count(*) > 1) AS twice"""
    )
    rows = await conn.fetch("SELECT id, state, attempts FROM notifications.deliveries")
    state.sent = Counter(
        {str(row["id"]): row["attempts"] for row in rows if row["state"] == "sent"}
    )
    state.in_hand = {str(row["id"]) for row in rows if row["state"] == "due"}
    state.failed_mails = [str(row["id"]) for row in rows if row["state"] == "failed"]


async def _read_money(conn: asyncpg.Connection, state: State) -> None:
    row = await conn.fetchrow(
        """SELECT (SELECT count(*) FROM (SELECT FROM gateway.ledger_entries GROUP BY transaction_id
                                         HAVING sum(amount) <> 0) AS uneven) AS uneven,
                  (SELECT coalesce(sum(balance), 0)::bigint FROM gateway.ledger_accounts)
                      AS left_over,
                  (SELECT count(*) FROM gateway.provider_surprises) AS surprises,
                  (SELECT count(*) FROM (SELECT FROM gateway.events WHERE name = 'payment.paid.v1'
                                          GROUP BY subject HAVING count(*) > 1) AS again)
                      AS paid_twice"""
    )
    assert row is not None
    state.money = dict(row)


def _read_queues(broker: Broker, state: State) -> None:
    for room in ROOMS:
        state.buried += [_buried(room, item) for item in peek(broker, dead_queue_of(room))]
        state.ready[room] = len(peek(broker, queue_of(room)))
    # Where not every room is on the stage, some events have nobody to hear them.
    if set(state.hears) == set(ROOMS):
        state.unrouted = len(peek(broker, UNROUTED))


def _buried(room: str, item: Mapping[str, Any]) -> Buried:
    properties = item["properties"]
    headers = properties.get("headers") or {}
    reason = headers.get("x-sibol-reason") or _death(headers)
    return Buried(room, str(properties.get("message_id", "")), str(reason))


def _death(headers: Mapping[str, Any]) -> str:
    deaths = headers.get("x-death") or [{}]
    return str(deaths[0].get("reason", ""))


def peek(broker: Broker, queue: str, *, count: int = 1000) -> list[dict[str, Any]]:
    """Look at what waits, and leave it there."""
    wanted = {"count": count, "ackmode": "ack_requeue_true", "encoding": "base64", "truncate": 64}
    found: list[dict[str, Any]] | None = broker.call(
        "POST", f"/api/queues/{broker.name}/{queue}/get", wanted
    )
    return found or []
