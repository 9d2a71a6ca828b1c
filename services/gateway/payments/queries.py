from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.gateway.lifecycles.payment import Status
from services.gateway.payments.rules import APPEAL_TIME
from shared import clock
from shared.database import Connection
from shared.ids import new_id


@dataclass(frozen=True)
class Work:
    """The milestone that a payment is for, as far as it says when it is earned."""

    state: str
    due_on: date
    changed_at: datetime
    review_days: int

    @classmethod
    def of(cls, facts: dict[str, Any]) -> "Work":
        return cls(
            state=facts["state"],
            due_on=date.fromisoformat(facts["due_on"]),
            changed_at=datetime.fromisoformat(facts["changed_at"]),
            review_days=facts["review_days"],
        )


@dataclass(frozen=True)
class Payment:
    """Part of the fee of one seat's milestone. Until somebody holds the seat there is no engagement,
    milestone or applicant. Until `refund_at` an appeal may still give it to the intern. `is_*` say what
    the viewer is to it."""

    id: UUID
    project_id: UUID
    organization_id: UUID
    seat: int
    position: int
    part: int
    engagement_id: UUID | None
    milestone_id: UUID | None
    applicant_id: UUID | None
    split_of: UUID | None
    amount: int
    withheld: int
    currency: str
    state: Status
    reason: str | None
    version: int
    created_at: datetime
    changed_at: datetime
    troubled_at: datetime | None
    refund_at: datetime | None
    timers: list[dict[str, Any]]
    work: Work | None
    is_applicant: bool
    is_employer: bool


@dataclass(frozen=True)
class Milestone:
    """What a payment waits for, as it is now; `appealed`: what a mediator decided is looked at again."""

    state: str
    engagement_state: str
    begun: bool
    appealed: bool


@dataclass(frozen=True)
class Receipt:
    payment_id: UUID
    organization_id: UUID
    organization_name: str
    applicant_name: str
    project_title: str
    milestone_title: str
    year: int
    number: int
    gross: int
    fee: int
    withheld: int
    net: int
    currency: str
    reference: str | None
    earned_at: datetime
    issued_at: datetime


@dataclass(frozen=True)
class Retry:
    """A payment to send again, in the time of its tenant."""

    payment_id: UUID
    tenant: str
    ahead: timedelta
    correlation_id: UUID


SELECT_PAYMENT = """
    SELECT payments.id, project_id, payments.organization_id, seat, position, part, engagement_id,
           milestone_id, applicant_id, split_of, amount, withheld, currency, state, reason, version,
           created_at, changed_at, troubled_at, refund_at,
           gateway.due_timers(payments.id) AS timers,
           applicant_id IS NOT NULL AND applicant_id IS NOT DISTINCT FROM $2 AS is_applicant,
           member.is_employer,
           (SELECT jsonb_build_object('state', milestones.state, 'due_on', due_on,
                                      'changed_at', milestones.changed_at,
                                      'review_days', review_days)
              FROM gateway.milestones JOIN gateway.projects ON projects.id = payments.project_id
             WHERE milestones.id = milestone_id) AS work
      FROM gateway.payments
     CROSS JOIN LATERAL (
           SELECT EXISTS (SELECT FROM gateway.members
                           WHERE members.organization_id = payments.organization_id
                             AND members.person_id = $2) AS is_employer) AS member
"""
VISIBLE = "(applicant_id = $2 OR member.is_employer OR $3)"


def _payment(row: asyncpg.Record) -> Payment:
    facts: dict[str, Any] = dict(row)
    facts["state"] = Status(facts["state"])
    facts["work"] = Work.of(facts["work"]) if facts["work"] else None
    return Payment(**facts)


async def select_payment(
    conn: Connection, payment_id: UUID, *, viewer_id: UUID | None, sees_all: bool = False
) -> Payment | None:
    row = await conn.fetchrow(
        f"{SELECT_PAYMENT} WHERE payments.id = $1 AND {VISIBLE}", payment_id, viewer_id, sees_all
    )
    return _payment(row) if row else None


async def lock_payment(
    conn: Connection, payment_id: UUID, *, viewer_id: UUID | None = None, sees_all: bool = True
) -> Payment | None:
    row = await conn.fetchrow(
        f"{SELECT_PAYMENT} WHERE payments.id = $1 AND {VISIBLE} FOR NO KEY UPDATE OF payments",
        payment_id,
        viewer_id,
        sees_all,
    )
    return _payment(row) if row else None


async def lock_of_project(
    conn: Connection, project_id: UUID, *, viewer_id: UUID | None = None
) -> list[Payment]:
    rows = await conn.fetch(
        f"{SELECT_PAYMENT} WHERE project_id = $1 ORDER BY payments.id FOR NO KEY UPDATE OF payments",
        project_id,
        viewer_id,
    )
    return [_payment(row) for row in rows]


async def lock_of_milestone(conn: Connection, milestone_id: UUID) -> list[Payment]:
    rows = await conn.fetch(
        f"{SELECT_PAYMENT} WHERE milestone_id = $1 ORDER BY payments.id FOR NO KEY UPDATE OF payments",
        milestone_id,
        None,
    )
    return [_payment(row) for row in rows]


async def lock_of_engagement(conn: Connection, engagement_id: UUID) -> list[Payment]:
    rows = await conn.fetch(
        f"""{SELECT_PAYMENT} WHERE engagement_id = $1
             ORDER BY position, part FOR NO KEY UPDATE OF payments""",
        engagement_id,
        None,
    )
    return [_payment(row) for row in rows]


async def engagement_of(conn: Connection, application_id: UUID) -> UUID | None:
    engagement_id: UUID | None = await conn.fetchval(
        "SELECT id FROM gateway.engagements WHERE application_id = $1", application_id
    )
    return engagement_id


async def lock_of_person(conn: Connection, person_id: UUID, states: Sequence[str]) -> list[Payment]:
    rows = await conn.fetch(
        f"""{SELECT_PAYMENT} WHERE applicant_id = $1 AND state = ANY($3)
             ORDER BY payments.id FOR NO KEY UPDATE OF payments""",
        person_id,
        person_id,
        states,
    )
    return [_payment(row) for row in rows]


async def select_of_project(
    conn: Connection, project_id: UUID, *, viewer_id: UUID | None, sees_all: bool = False
) -> list[Payment]:
    """For its employer."""
    rows = await conn.fetch(
        f"""{SELECT_PAYMENT} WHERE project_id = $1 AND (member.is_employer OR $3)
             ORDER BY seat, position, part""",
        project_id,
        viewer_id,
        sees_all,
    )
    return [_payment(row) for row in rows]


async def select_of_person(
    conn: Connection, person_id: UUID, *, before: UUID | None, limit: int
) -> list[Payment]:
    """As the intern, the newest first; one more than `limit` when there are more."""
    rows = await conn.fetch(
        f"""{SELECT_PAYMENT}
             WHERE applicant_id = $2 AND ($1::uuid IS NULL OR payments.id < $1)
             ORDER BY payments.id DESC LIMIT $3""",
        before,
        person_id,
        limit + 1,
    )
    return [_payment(row) for row in rows]


async def insert_planned(conn: Connection, project_id: UUID) -> list[UUID]:
    """One for each seat and paid milestone; none that is there already."""
    rows = await conn.fetch(
        """SELECT project_id, organization_id, seat, position, planned.fee
             FROM gateway.projects
             JOIN gateway.project_milestones AS planned ON project_id = projects.id
            CROSS JOIN generate_series(1, seats) AS seat
            WHERE projects.id = $1 AND planned.fee > 0
              AND NOT EXISTS (SELECT FROM gateway.payments WHERE project_id = $1)
            ORDER BY seat, position""",
        project_id,
    )
    return [
        await insert_payment(
            conn,
            project_id=row["project_id"],
            organization_id=row["organization_id"],
            seat=row["seat"],
            position=row["position"],
            amount=row["fee"],
            state=Status.DUE,
        )
        for row in rows
    ]


async def insert_payment(
    conn: Connection,
    *,
    project_id: UUID,
    organization_id: UUID,
    seat: int,
    position: int,
    amount: int,
    state: Status,
    reason: str | None = None,
    split_of: UUID | None = None,
) -> UUID:
    """A split goes to the same intern as what it was split from."""
    payment_id = new_id()
    await conn.execute(
        """INSERT INTO gateway.payments
                  (id, project_id, organization_id, seat, position, part, engagement_id,
                   milestone_id, applicant_id, split_of, amount, state, reason, created_at,
                   changed_at)
           SELECT $1, $2, $3, $4, $5,
                  (SELECT coalesce(max(part) + 1, 0) FROM gateway.payments
                    WHERE project_id = $2 AND seat = $4 AND position = $5),
                  whole.engagement_id, whole.milestone_id, whole.applicant_id, $6, $7, $8, $9, $10,
                  $10
             FROM (SELECT $6::uuid AS id) AS parent LEFT JOIN gateway.payments AS whole USING (id)""",
        payment_id,
        project_id,
        organization_id,
        seat,
        position,
        split_of,
        amount,
        state,
        reason,
        clock.now(),
    )
    return payment_id


async def update_state(
    conn: Connection, payment_id: UUID, /, *, state: str, reason: str | None
) -> None:
    await conn.execute(
        """UPDATE gateway.payments
              SET state = $2, reason = coalesce($3, reason), version = version + 1, changed_at = $4,
                  refund_at = CASE WHEN $2 = 'frozen' THEN refund_at END
            WHERE id = $1""",
        payment_id,
        state,
        reason,
        clock.now(),
    )


async def update_amount(conn: Connection, payment_id: UUID, amount: int) -> None:
    await conn.execute(
        "UPDATE gateway.payments SET amount = $2, version = version + 1 WHERE id = $1",
        payment_id,
        amount,
    )


async def update_hold(
    conn: Connection, payment_id: UUID, *, reason: str, refund_at: datetime | None
) -> None:
    """Why it stands still, without a step."""
    await conn.execute(
        """UPDATE gateway.payments SET reason = $2, refund_at = $3, version = version + 1
            WHERE id = $1""",
        payment_id,
        reason,
        refund_at,
    )


async def update_withheld(conn: Connection, payment_id: UUID) -> int:
    """By the employer's rate of today; return it."""
    withheld: int = await conn.fetchval(
        """UPDATE gateway.payments SET withheld = amount * withholding_bp / 10000
             FROM gateway.organizations
            WHERE payments.id = $1 AND organizations.id = organization_id
        RETURNING withheld""",
        payment_id,
    )
    return withheld


async def update_trouble(
    conn: Connection, payment_id: UUID, *, troubled_at: datetime | None, retry_at: datetime | None
) -> None:
    """`retry_at` in real time, whatever the tenant's clock says."""
    await conn.execute(
        "UPDATE gateway.payments SET troubled_at = $2, retry_at = $3 WHERE id = $1",
        payment_id,
        troubled_at,
        retry_at,
    )


async def free_seat_of(conn: Connection, project_id: UUID) -> int | None:
    """The first seat whose money nobody was promised."""
    seat: int | None = await conn.fetchval(
        """SELECT min(seat) FROM gateway.payments
            WHERE project_id = $1 AND engagement_id IS NULL
              AND state IN ('due', 'holding', 'held')""",
        project_id,
    )
    return seat


async def assign(conn: Connection, *, engagement_id: UUID, project_id: UUID, seat: int) -> None:
    await conn.execute(
        """UPDATE gateway.payments
              SET engagement_id = $1, milestone_id = milestones.id, version = payments.version + 1,
                  applicant_id = engagements.applicant_id
             FROM gateway.milestones JOIN gateway.engagements ON engagements.id = engagement_id
            WHERE milestones.engagement_id = $1 AND milestones.position = payments.position
              AND payments.project_id = $2 AND seat = $3 AND payments.engagement_id IS NULL
              AND payments.state IN ('due', 'holding', 'held')""",
        engagement_id,
        project_id,
        seat,
    )


async def unassign(conn: Connection, engagement_id: UUID) -> None:
    await conn.execute(
        """UPDATE gateway.payments
              SET engagement_id = NULL, milestone_id = NULL, applicant_id = NULL,
                  version = version + 1
            WHERE engagement_id = $1 AND state IN ('due', 'holding', 'held')""",
        engagement_id,
    )


async def is_assigned(conn: Connection, engagement_id: UUID) -> bool:
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM gateway.payments WHERE engagement_id = $1)", engagement_id
    )
    return found


async def held_for(conn: Connection, milestone_id: UUID) -> int:
    amount: int = await conn.fetchval(
        """SELECT coalesce(sum(amount), 0) FROM gateway.payments
            WHERE milestone_id = $1 AND state IN ('held', 'frozen', 'scheduled')""",
        milestone_id,
    )
    return amount


async def select_milestone(conn: Connection, milestone_id: UUID) -> Milestone:
    row = await conn.fetchrow(
        """SELECT milestones.state, engagements.state AS engagement_state,
                  started_at IS NOT NULL AS begun,
                  EXISTS (SELECT FROM gateway.disputes
                           WHERE disputes.engagement_id = engagements.id
                             AND coalesce(milestone_id, $1) = $1
                             AND appealed_at > $2 AND appeal_ended_at IS NULL) AS appealed
             FROM gateway.milestones JOIN gateway.engagements ON engagements.id = engagement_id
            WHERE milestones.id = $1""",
        milestone_id,
        clock.now() - APPEAL_TIME,
    )
    assert row is not None
    return Milestone(**dict(row))


async def select_project_state(conn: Connection, project_id: UUID) -> str:
    state: str = await conn.fetchval("SELECT state FROM gateway.projects WHERE id = $1", project_id)
    return state


async def select_retries(
    conn: Connection, *, now: datetime, tenant: str | None, limit: int
) -> list[Retry]:
    rows = await conn.fetch(
        """SELECT payments.id AS payment_id, projects.tenant, coalesce(ahead, '0') AS ahead,
                  (SELECT correlation_id FROM gateway.payment_orders
                    WHERE payment_id = payments.id ORDER BY id DESC LIMIT 1)
             FROM gateway.payments
             JOIN gateway.projects ON projects.id = project_id
             LEFT JOIN gateway.sandboxes ON sandboxes.tenant = projects.tenant
            WHERE payments.state = 'retrying' AND retry_at <= $1
              AND ($2::text IS NULL OR projects.tenant = $2)
            ORDER BY retry_at LIMIT $3""",
        now,
        tenant,
        limit,
    )
    return [Retry(**dict(row)) for row in rows]


async def insert_receipt(
    conn: Connection, payment: Payment, *, year: int, reference: str | None
) -> None:
    """Numbered without gap for each employer and year; its row is the queue."""
    await conn.execute(
        "SELECT FROM gateway.organizations WHERE id = $1 FOR NO KEY UPDATE", payment.organization_id
    )
    await conn.execute(
        """INSERT INTO gateway.receipts
                  (payment_id, organization_id, year, number, gross, withheld, net, reference,
                   issued_at)
           SELECT $1, $2, $3, 1 + coalesce(max(number), 0), $4, $5, $6, $7, $8
             FROM gateway.receipts WHERE organization_id = $2 AND year = $3""",
        payment.id,
        payment.organization_id,
        year,
        payment.amount,
        payment.withheld,
        payment.amount - payment.withheld,
        reference,
        clock.now(),
    )


async def select_receipt(
    conn: Connection, payment_id: UUID, *, viewer_id: UUID, sees_all: bool
) -> Receipt | None:
    row = await conn.fetchrow(
        """SELECT payment_id, receipts.organization_id, organizations.name AS organization_name,
                  people.name AS applicant_name, projects.title AS project_title,
                  milestones.title AS milestone_title, year, number, gross, receipts.fee,
                  receipts.withheld, net, payments.currency, reference,
                  milestones.changed_at AS earned_at, issued_at
             FROM gateway.receipts
             JOIN gateway.payments      ON payments.id = payment_id
             JOIN gateway.organizations ON organizations.id = receipts.organization_id
             JOIN gateway.people        ON people.id = applicant_id
             JOIN gateway.projects      ON projects.id = payments.project_id
             JOIN gateway.milestones    ON milestones.id = milestone_id
            WHERE payment_id = $1
              AND (applicant_id = $2 OR $3
                   OR EXISTS (SELECT FROM gateway.members
                               WHERE members.organization_id = receipts.organization_id
                                 AND person_id = $2))""",
        payment_id,
        viewer_id,
        sees_all,
    )
    return Receipt(**dict(row)) if row else None


async def update_withholding(conn: Connection, *, organization_id: UUID, basis_points: int) -> None:
    await conn.execute(
        "UPDATE gateway.organizations SET withholding_bp = $2, version = version + 1 WHERE id = $1",
        organization_id,
        basis_points,
    )


@dataclass(frozen=True)
class PayoutAccount:
    holder: str
    bank: str
    number: str
    changed_at: datetime


async def upsert_payout_account(
    conn: Connection, person_id: UUID, *, holder: str, bank: str, number: str
) -> None:
    await conn.execute(
        """INSERT INTO gateway.payout_accounts (person_id, holder, bank, number, changed_at)
                VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (person_id) DO UPDATE
               SET holder = excluded.holder, bank = excluded.bank, number = excluded.number,
                   changed_at = excluded.changed_at""",
        person_id,
        holder,
        bank,
        number,
        clock.now(),
    )


async def select_withholding(conn: Connection, organization_id: UUID) -> int:
    basis_points: int = await conn.fetchval(
        "SELECT withholding_bp FROM gateway.organizations WHERE id = $1", organization_id
    )
    return basis_points


async def select_payout_account(conn: Connection, person_id: UUID) -> PayoutAccount | None:
    row = await conn.fetchrow(
        """SELECT holder, bank, number, changed_at FROM gateway.payout_accounts
            WHERE person_id = $1""",
        person_id,
    )
    return PayoutAccount(**dict(row)) if row else None


async def owns_sandbox_of(conn: Connection, *, person_id: UUID, project_id: UUID) -> bool:
    found: bool = await conn.fetchval(
        """SELECT EXISTS (SELECT FROM gateway.projects JOIN gateway.sandboxes USING (tenant)
                           WHERE projects.id = $1 AND owner_id = $2)""",
        project_id,
        person_id,
    )
    return found
