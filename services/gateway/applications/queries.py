from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.gateway.applications.rules import LIVE, SLOTS
from services.gateway.lifecycles.application import Status
from services.gateway.profiles.queries import Profile
from shared import clock
from shared.database import Connection
from shared.ids import new_id


@dataclass(frozen=True)
class Offer:
    message: str
    starts_on: date
    fee: int
    made_at: datetime


@dataclass(frozen=True)
class ClockFacts:
    answer_days: int
    since: dict[str, datetime]


@dataclass(frozen=True)
class Application:
    """`is_employer` and `is_applicant` say what the viewer is to it."""

    id: UUID
    project_id: UUID
    project_title: str
    organization_id: UUID
    organization_name: str
    applicant_id: UUID
    applicant_name: str
    cover_letter: str
    profile_snapshot: dict[str, Any]
    state: Status
    reason: str | None
    criteria_not_met: list[int]
    invited_for: str | None
    slot_returned: bool
    match_score: float | None
    version: int
    drafted_at: datetime
    submitted_at: datetime | None
    changed_at: datetime
    offer: Offer | None
    timers: list[dict[str, Any]]
    is_employer: bool
    is_applicant: bool


SELECT_APPLICATION = """
    SELECT applications.id, project_id, projects.title AS project_title,
           projects.organization_id, organizations.name AS organization_name, applicant_id,
           CASE WHEN applications.state IN ('invited', 'invite_declined', 'invite_lapsed')
                 AND applicant_id IS DISTINCT FROM $2 THEN '' ELSE people.name
            END AS applicant_name, cover_letter, profile_snapshot, applications.state,
           applications.reason, criteria_not_met, invited_for, slot_returned, match_score, applications.version, applications.drafted_at,
           submitted_at, applications.changed_at,
           offers.message, offers.starts_on, offers.fee, offers.made_at,
           gateway.due_timers(applications.id) AS timers,
           applicant_id IS NOT DISTINCT FROM $2 AS is_applicant, member.is_employer
      FROM gateway.applications
      JOIN gateway.projects      ON projects.id = project_id
      JOIN gateway.organizations ON organizations.id = projects.organization_id
      JOIN gateway.people        ON people.id = applicant_id
      LEFT JOIN gateway.offers   ON offers.application_id = applications.id
     CROSS JOIN LATERAL (
           SELECT EXISTS (SELECT FROM gateway.members
                           WHERE members.organization_id = projects.organization_id
                             AND members.person_id = $2) AS is_employer) AS member
"""
# A draft is the applicant's alone; a moderator ($3) sees what was sent.
VISIBLE = """
    (applicant_id = $2 OR (applications.state <> 'draft' AND (member.is_employer OR $3)))
"""


def _application(row: asyncpg.Record) -> Application:
    facts: dict[str, Any] = dict(row)
    facts["state"] = Status(facts["state"])
    offer = {name: facts.pop(name) for name in ("message", "starts_on", "fee", "made_at")}
    facts["offer"] = Offer(**offer) if offer["made_at"] else None
    return Application(**facts)


async def select_application(
    conn: Connection, application_id: UUID, *, viewer_id: UUID, moderates: bool
) -> Application | None:
    row = await conn.fetchrow(
        f"{SELECT_APPLICATION} WHERE applications.id = $1 AND {VISIBLE}",
        application_id,
        viewer_id,
        moderates,
    )
    return _application(row) if row else None


async def lock_application(
    conn: Connection, application_id: UUID, *, viewer_id: UUID, moderates: bool
) -> Application | None:
    """The project's lock, where it is needed, comes first."""
    row = await conn.fetchrow(
        f"{SELECT_APPLICATION} WHERE applications.id = $1 AND {VISIBLE} FOR NO KEY UPDATE OF applications",
        application_id,
        viewer_id,
        moderates,
    )
    return _application(row) if row else None


async def lock_any_application(conn: Connection, application_id: UUID) -> Application | None:
    """For what happens by itself: drafts too."""
    row = await conn.fetchrow(
        f"""{SELECT_APPLICATION}
             WHERE applications.id = $1 AND $2::uuid IS NULL FOR NO KEY UPDATE OF applications""",
        application_id,
        None,
    )
    return _application(row) if row else None


async def select_project_of(conn: Connection, application_id: UUID) -> UUID | None:
    project_id: UUID | None = await conn.fetchval(
        "SELECT project_id FROM gateway.applications WHERE id = $1", application_id
    )
    return project_id


async def select_clock_facts(conn: Connection, application_id: UUID) -> ClockFacts:
    """What the clocks of an application count from."""
    row = await conn.fetchrow(
        """SELECT answer_days, submitted_at,
                  (SELECT due_at FROM gateway.timers
                    WHERE record_id = projects.id AND name = 'apply_by') AS apply_by
             FROM gateway.applications JOIN gateway.projects ON projects.id = project_id
            WHERE applications.id = $1""",
        application_id,
    )
    assert row is not None
    since = {"submitted": row["submitted_at"], "apply_by": row["apply_by"]}
    return ClockFacts(row["answer_days"], {name: at for name, at in since.items() if at})


async def insert_application(
    conn: Connection, *, project_id: UUID, profile: Profile, cover_letter: str
) -> UUID | None:
    """Return None when this person has already applied."""
    now = clock.now()
    application_id: UUID | None = await conn.fetchval(
        """INSERT INTO gateway.applications
                  (id, project_id, applicant_id, cover_letter, profile_version, profile_snapshot,
                   state, drafted_at, changed_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
               ON CONFLICT (project_id, applicant_id) DO NOTHING
        RETURNING id""",
        new_id(),
        project_id,
        profile.person_id,
        cover_letter,
        profile.version,
        profile.snapshot(),
        Status.DRAFT,
        now,
    )
    return application_id


async def insert_invitation(
    conn: Connection, *, project_id: UUID, person_id: UUID, reason: str
) -> UUID | None:
    """Return None when this person has applied or been invited already."""
    application_id: UUID | None = await conn.fetchval(
        """INSERT INTO gateway.applications
                  (id, project_id, applicant_id, cover_letter, profile_version, profile_snapshot,
                   invited_for, state, drafted_at, changed_at)
           VALUES ($1, $2, $3, '', 0, '{}', $4, $5, $6, $6)
               ON CONFLICT (project_id, applicant_id) DO NOTHING
        RETURNING id""",
        new_id(),
        project_id,
        person_id,
        reason,
        Status.INVITED,
        clock.now(),
    )
    return application_id


async def is_matched(conn: Connection, *, project_id: UUID, person_id: UUID) -> bool:
    found: bool = await conn.fetchval(
        """SELECT EXISTS (SELECT FROM matching.public_matches
                           WHERE project_id = $1 AND person_id = $2 AND passed)""",
        project_id,
        person_id,
    )
    return found


async def update_profile(conn: Connection, application_id: UUID, profile: Profile) -> None:
    await conn.execute(
        """UPDATE gateway.applications SET profile_version = $2, profile_snapshot = $3
            WHERE id = $1""",
        application_id,
        profile.version,
        profile.snapshot(),
    )


async def count_criteria(conn: Connection, project_id: UUID) -> int:
    found: int = await conn.fetchval(
        "SELECT cardinality(criteria) FROM gateway.projects WHERE id = $1", project_id
    )
    return found


async def update_criteria(
    conn: Connection, application_id: UUID, *, criteria_not_met: list[int]
) -> None:
    await conn.execute(
        "UPDATE gateway.applications SET criteria_not_met = $2 WHERE id = $1",
        application_id,
        sorted(set(criteria_not_met)),
    )


async def return_slot(conn: Connection, application_id: UUID) -> None:
    await conn.execute(
        "UPDATE gateway.applications SET slot_returned = true WHERE id = $1", application_id
    )


async def update_letter(conn: Connection, *, application_id: UUID, cover_letter: str) -> None:
    await conn.execute(
        """UPDATE gateway.applications
              SET cover_letter = $2, changed_at = $3, version = version + 1 WHERE id = $1""",
        application_id,
        cover_letter,
        clock.now(),
    )


async def update_state(
    conn: Connection, application_id: UUID, /, *, state: str, reason: str | None
) -> None:
    await conn.execute(
        """UPDATE gateway.applications
              SET state = $2, reason = coalesce($3, reason), version = version + 1,
                  changed_at = $4,
                  submitted_at = CASE WHEN $2 = 'submitted' THEN $4 ELSE submitted_at END
            WHERE id = $1""",
        application_id,
        state,
        reason,
        clock.now(),
    )


async def upsert_offer(
    conn: Connection,
    *,
    application_id: UUID,
    message: str,
    starts_on: date,
    fee: int,
    made_by: UUID,
) -> None:
    await conn.execute(
        """INSERT INTO gateway.offers (application_id, message, starts_on, fee, made_by, made_at)
                VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (application_id)
           DO UPDATE SET message = excluded.message, starts_on = excluded.starts_on,
                         fee = excluded.fee, made_by = excluded.made_by,
                         made_at = excluded.made_at""",
        application_id,
        message,
        starts_on,
        fee,
        made_by,
        clock.now(),
    )


async def count_seats_taken(conn: Connection, project_id: UUID) -> int:
    """Offered, and accepted without having fallen through; under the project's lock."""
    offered: int = await conn.fetchval(
        "SELECT count(*) FROM gateway.applications WHERE project_id = $1 AND state = $2",
        project_id,
        Status.OFFERED,
    )
    return offered + await count_accepted(conn, project_id)


async def count_accepted(conn: Connection, project_id: UUID) -> int:
    accepted: int = await conn.fetchval(
        """SELECT count(*) FROM gateway.engagements
            WHERE project_id = $1 AND state NOT IN ('not_agreed', 'not_started', 'terminated')""",
        project_id,
    )
    return accepted


async def count_live_of(conn: Connection, applicant_id: UUID) -> int:
    """Without those that nobody answered in time."""
    live: int = await conn.fetchval(
        """SELECT count(*) FROM gateway.applications
            WHERE applicant_id = $1 AND state = ANY($2) AND NOT slot_returned""",
        applicant_id,
        SLOTS,
    )
    return live


async def lock_waiting_applications(conn: Connection, project_id: UUID) -> list[Application]:
    """Those that still wait for something, drafts and offers too."""
    rows = await conn.fetch(
        f"""{SELECT_APPLICATION}
             WHERE project_id = $1 AND $2::uuid IS NULL AND applications.state = ANY($3)
             ORDER BY applications.id
               FOR NO KEY UPDATE OF applications""",
        project_id,
        None,
        (*LIVE, Status.OFFERED),
    )
    return [_application(row) for row in rows]


async def select_applications_to(
    conn: Connection, *, project_id: UUID, viewer_id: UUID, before: UUID | None, limit: int
) -> list[Application]:
    """For the project's employer, the newest first."""
    rows = await conn.fetch(
        f"""{SELECT_APPLICATION}
             WHERE ($1::uuid IS NULL OR applications.id < $1) AND {VISIBLE}
               AND member.is_employer AND project_id = $4
             ORDER BY applications.id DESC LIMIT $5""",
        before,
        viewer_id,
        False,
        project_id,
        limit + 1,
    )
    return [_application(row) for row in rows]


async def select_applications_of(
    conn: Connection, *, applicant_id: UUID, before: UUID | None, limit: int
) -> list[Application]:
    rows = await conn.fetch(
        f"""{SELECT_APPLICATION}
             WHERE ($1::uuid IS NULL OR applications.id < $1) AND applicant_id = $2
             ORDER BY applications.id DESC LIMIT $3""",
        before,
        applicant_id,
        limit + 1,
    )
    return [_application(row) for row in rows]


async def update_match_score(conn: Connection, *, application_id: UUID, score: float) -> None:
    await conn.execute(
        "UPDATE gateway.applications SET match_score = $2 WHERE id = $1", application_id, score
    )
