from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.gateway.disputes.rules import Outcome
from services.gateway.lifecycles.dispute import Status
from services.gateway.payments.rules import APPEAL_TIME
from shared import clock
from shared.database import Connection
from shared.ids import new_id


@dataclass(frozen=True)
class Dispute:
    """`fee` is what is disputed; `claim` and the shares are what the intern gets of it; `left_state`
    is the state that the milestone was in before."""

    id: UUID
    engagement_id: UUID
    milestone_id: UUID | None
    left_state: str | None
    project_id: UUID
    organization_id: UUID
    applicant_id: UUID
    filer: str
    fee: int
    claim: int
    statement: str
    answer: str | None
    answer_share: int | None
    mediator_id: UUID | None
    outcome: Outcome | None
    intern_share: int | None
    reasons: str | None
    appeal: str | None
    appellant: str | None
    appealed_at: datetime | None
    appeal_reasons: str | None
    appeal_ended_at: datetime | None
    state: Status
    reason: str | None
    version: int
    opened_at: datetime
    ended_at: datetime | None
    proposals: list[dict[str, Any]]
    timers: list[dict[str, Any]]
    is_employer: bool
    is_applicant: bool
    is_school: bool


SELECT_DISPUTE = """
    SELECT disputes.id, engagement_id, milestone_id, disputes.left_state, disputes.project_id,
           disputes.organization_id, applicant_id, filer, disputes.fee, claim, statement, answer, answer_share, mediator_id,
           outcome, intern_share, reasons, appeal, appellant, appealed_at, appeal_reasons,
           appeal_ended_at, disputes.state, disputes.reason, disputes.version, disputes.opened_at,
           ended_at, gateway.proposals_of(disputes.id) AS proposals,
           gateway.due_timers(disputes.id) AS timers,
           applicant_id IS NOT DISTINCT FROM $2 AS is_applicant, member.is_employer,
           member.is_school
      FROM gateway.disputes
      JOIN gateway.projects ON projects.id = disputes.project_id
     CROSS JOIN LATERAL (
           SELECT coalesce(bool_or(members.organization_id = disputes.organization_id), false)
                      AS is_employer,
                  coalesce(bool_or(members.organization_id = projects.school_id), false)
                      AS is_school
             FROM gateway.members WHERE members.person_id = $2) AS member
"""
VISIBLE = "(applicant_id = $2 OR member.is_employer OR $3)"
# On either side; each half reads no more of its index than one page.
MINE = """disputes.id IN (
    (SELECT id FROM gateway.disputes
      WHERE applicant_id = $2 AND ($1::uuid IS NULL OR id < $1) ORDER BY id DESC LIMIT $3)
    UNION ALL
    (SELECT id FROM gateway.members JOIN gateway.disputes USING (organization_id)
      WHERE person_id = $2 AND ($1::uuid IS NULL OR id < $1) ORDER BY id DESC LIMIT $3))
"""


def _dispute(row: asyncpg.Record) -> Dispute:
    facts: dict[str, Any] = dict(row)
    facts["state"] = Status(facts["state"])
    facts["outcome"] = Outcome(facts["outcome"]) if facts["outcome"] else None
    return Dispute(**facts)


async def select_dispute(
    conn: Connection, dispute_id: UUID, *, viewer_id: UUID | None, sees_all: bool = False
) -> Dispute | None:
    row = await conn.fetchrow(
        f"{SELECT_DISPUTE} WHERE disputes.id = $1 AND {VISIBLE}", dispute_id, viewer_id, sees_all
    )
    return _dispute(row) if row else None


async def lock_dispute(
    conn: Connection, dispute_id: UUID, *, viewer_id: UUID | None, sees_all: bool = False
) -> Dispute | None:
    """With what it is about, which is locked first: whatever ends a dispute changes that too."""
    await conn.execute(
        """SELECT FROM gateway.engagements
            WHERE id = (SELECT engagement_id FROM gateway.disputes WHERE id = $1) FOR NO KEY UPDATE""",
        dispute_id,
    )
    await conn.execute(
        """SELECT FROM gateway.milestones
            WHERE engagement_id = (SELECT engagement_id FROM gateway.disputes WHERE id = $1)
            ORDER BY position FOR NO KEY UPDATE""",
        dispute_id,
    )
    row = await conn.fetchrow(
        f"{SELECT_DISPUTE} WHERE disputes.id = $1 AND {VISIBLE} FOR NO KEY UPDATE OF disputes",
        dispute_id,
        viewer_id,
        sees_all,
    )
    return _dispute(row) if row else None


async def select_disputes_of(
    conn: Connection, *, viewer_id: UUID, before: UUID | None, limit: int
) -> list[Dispute]:
    """On either side, the newest first."""
    rows = await conn.fetch(
        f"{SELECT_DISPUTE} WHERE {MINE} ORDER BY disputes.id DESC LIMIT $3",
        before,
        viewer_id,
        limit + 1,
    )
    return [_dispute(row) for row in rows]


async def select_waiting_disputes(
    conn: Connection, *, viewer_id: UUID, before: UUID | None, limit: int
) -> list[Dispute]:
    """For those who mediate: what has not ended, and appeals that wait."""
    rows = await conn.fetch(
        f"""{SELECT_DISPUTE}
             WHERE (disputes.state IN ('opened', 'answered', 'mediating')
                    OR (appealed_at > $4 AND appeal_ended_at IS NULL))
               AND ($1::uuid IS NULL OR disputes.id < $1)
             ORDER BY disputes.id DESC LIMIT $3""",
        before,
        viewer_id,
        limit + 1,
        clock.now() - APPEAL_TIME,
    )
    return [_dispute(row) for row in rows]


async def select_live_dispute(
    conn: Connection, *, engagement_id: UUID, milestone_id: UUID | None
) -> UUID | None:
    found: UUID | None = await conn.fetchval(
        """SELECT id FROM gateway.disputes
            WHERE engagement_id = $1 AND milestone_id IS NOT DISTINCT FROM $2
              AND state IN ('opened', 'answered', 'mediating')""",
        engagement_id,
        milestone_id,
    )
    return found


async def insert_dispute(
    conn: Connection,
    *,
    engagement_id: UUID,
    milestone_id: UUID | None,
    left_state: str | None,
    filer: str,
    filer_id: UUID,
    fee: int,
    claim: int,
    statement: str,
    reason: str,
) -> UUID:
    dispute_id = new_id()
    await conn.execute(
        """INSERT INTO gateway.disputes
                  (id, engagement_id, milestone_id, left_state, project_id, organization_id,
                   applicant_id, filer, filer_id, fee, claim, statement, state, reason, opened_at,
                   changed_at)
           SELECT $1, id, $3, $4, project_id, organization_id, applicant_id, $5, $6, $7, $8, $9,
                  $10, $11, $12, $12
             FROM gateway.engagements WHERE id = $2""",
        dispute_id,
        engagement_id,
        milestone_id,
        left_state,
        filer,
        filer_id,
        fee,
        claim,
        statement,
        Status.OPENED,
        reason,
        clock.now(),
    )
    return dispute_id


async def update_state(
    conn: Connection, dispute_id: UUID, /, *, state: str, reason: str | None
) -> None:
    await conn.execute(
        """UPDATE gateway.disputes
              SET state = $2, reason = coalesce($3, reason), version = version + 1,
                  changed_at = $4,
                  ended_at = CASE WHEN $2 IN ('settled', 'decided', 'defaulted') THEN $4
                                  ELSE ended_at END
            WHERE id = $1""",
        dispute_id,
        state,
        reason,
        clock.now(),
    )


async def update_answer(conn: Connection, dispute_id: UUID, *, answer: str, share: int) -> None:
    await conn.execute(
        "UPDATE gateway.disputes SET answer = $2, answer_share = $3 WHERE id = $1",
        dispute_id,
        answer,
        share,
    )


async def update_mediator(conn: Connection, dispute_id: UUID, mediator_id: UUID | None) -> None:
    await conn.execute(
        "UPDATE gateway.disputes SET mediator_id = $2 WHERE id = $1", dispute_id, mediator_id
    )


async def update_outcome(
    conn: Connection,
    dispute_id: UUID,
    *,
    outcome: Outcome | None,
    intern_share: int | None,
    reasons: str | None = None,
) -> None:
    await conn.execute(
        """UPDATE gateway.disputes
              SET outcome = $2, intern_share = $3, reasons = coalesce($4, reasons) WHERE id = $1""",
        dispute_id,
        outcome,
        intern_share,
        reasons,
    )


async def update_appeal(conn: Connection, dispute_id: UUID, *, appeal: str, appellant: str) -> None:
    await conn.execute(
        """UPDATE gateway.disputes
              SET appeal = $2, appellant = $3, appealed_at = $4, version = version + 1
            WHERE id = $1""",
        dispute_id,
        appeal,
        appellant,
        clock.now(),
    )


async def update_appeal_decision(
    conn: Connection, dispute_id: UUID, *, mediator_id: UUID, intern_share: int, reasons: str
) -> None:
    await conn.execute(
        """UPDATE gateway.disputes
              SET appeal_mediator_id = $2, intern_share = $3, appeal_reasons = $4,
                  appeal_ended_at = $5, version = version + 1
            WHERE id = $1""",
        dispute_id,
        mediator_id,
        intern_share,
        reasons,
        clock.now(),
    )


async def select_free_mediator(conn: Connection, dispute_id: UUID) -> UUID | None:
    """Who has the fewest disputes in hand, and is no side of this one."""
    found: UUID | None = await conn.fetchval(
        """SELECT people.id
             FROM gateway.disputes AS this
             JOIN gateway.projects ON projects.id = this.project_id
             JOIN gateway.people   ON 'moderator' = ANY(duties) AND people.id <> applicant_id
            WHERE this.id = $1
              AND NOT EXISTS (SELECT FROM gateway.members
                               WHERE person_id = people.id
                                 AND members.organization_id IN (this.organization_id, school_id))
            ORDER BY (SELECT count(*) FROM gateway.disputes AS other
                       WHERE mediator_id = people.id AND other.state = 'mediating'), people.id
            LIMIT 1""",
        dispute_id,
    )
    return found
