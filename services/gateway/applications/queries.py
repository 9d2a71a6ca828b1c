from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.gateway.applications.rules import LIVE, SLOTS
from services.gateway.lifecycles.application import Status
from services.gateway.lifecycles.project import Status as ProjectStatus
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


SELECT = """
    SELECT applications.id, project_id, projects.title AS project_title,
           projects.organization_id, organizations.name AS organization_name, applicant_id,
           CASE WHEN applications.state IN ('invited', 'invite_declined', 'invite_lapsed')
                 AND applicant_id IS DISTINCT FROM asked.viewer_id THEN '' ELSE people.name
            END AS applicant_name, cover_letter, profile_snapshot, applications.state,
           applications.reason, criteria_not_met, invited_for, slot_returned, match_score, applications.version, applications.drafted_at,
           submitted_at, applications.changed_at,
           offers.message, offers.starts_on, offers.fee, offers.made_at,
           gateway.due_timers(applications.id) AS timers,
           applicant_id IS NOT DISTINCT FROM asked.viewer_id AS is_applicant, member.is_employer
      FROM {asked}
      JOIN gateway.projects      ON projects.id = project_id
      JOIN gateway.organizations ON organizations.id = projects.organization_id
      JOIN gateway.people        ON people.id = applicant_id
      LEFT JOIN gateway.offers   ON offers.application_id = applications.id
     CROSS JOIN LATERAL (
           SELECT EXISTS (SELECT FROM gateway.members
                           WHERE members.organization_id = projects.organization_id
                             AND members.person_id = asked.viewer_id) AS is_employer) AS member
"""
SELECT_APPLICATION = SELECT.format(
    asked="(SELECT $2::uuid AS viewer_id) AS asked CROSS JOIN gateway.applications"
)
SELECT_ASKED = SELECT.format(
    asked="""unnest($1::uuid[], $2::uuid[], $3::boolean[])
                    AS asked (application_id, viewer_id, moderates)
              JOIN gateway.applications ON applications.id = asked.application_id"""
)
# A draft is the applicant's alone; a moderator sees what was sent.
VISIBLE = """
    (applicant_id = asked.viewer_id
     OR (applications.state <> 'draft' AND (member.is_employer OR asked.moderates)))
"""


def _application(row: asyncpg.Record) -> Application:
    facts: dict[str, Any] = dict(row)
    facts["state"] = Status(facts["state"])
    offer = {name: facts.pop(name) for name in ("message", "starts_on", "fee", "made_at")}
    facts["offer"] = Offer(**offer) if offer["made_at"] else None
    return Application(**facts)


@dataclass(frozen=True)
class Seeker:
    """Who wants to see which application."""

    application_id: UUID
    viewer_id: UUID
    moderates: bool


def _columns(seekers: Sequence[Seeker]) -> tuple[list[UUID], list[UUID], list[bool]]:
    return (
        [seeker.application_id for seeker in seekers],
        [seeker.viewer_id for seeker in seekers],
        [seeker.moderates for seeker in seekers],
    )


async def select_application(
    conn: Connection, application_id: UUID, *, viewer_id: UUID, moderates: bool
) -> Application | None:
    seeker = Seeker(application_id, viewer_id, moderates)
    row = await conn.fetchrow(f"{SELECT_ASKED} WHERE {VISIBLE}", *_columns([seeker]))
    return _application(row) if row else None


async def lock_application(
    conn: Connection, application_id: UUID, *, viewer_id: UUID, moderates: bool
) -> Application | None:
    """The project's lock, where it is needed, comes first."""
    found = await lock_applications(conn, [Seeker(application_id, viewer_id, moderates)])
    return found.get(application_id)


async def lock_applications(conn: Connection, seekers: Sequence[Seeker]) -> dict[UUID, Application]:
    """Those that their seekers may see; each is sought once."""
    rows = await conn.fetch(
        f"""{SELECT_ASKED} WHERE {VISIBLE}
             ORDER BY applications.id FOR NO KEY UPDATE OF applications""",
        *_columns(seekers),
    )
    return {row["id"]: _application(row) for row in rows}


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


async def select_clock_facts(
    conn: Connection, application_ids: Sequence[UUID]
) -> dict[UUID, ClockFacts]:
    """What the clocks of applications count from."""
    rows = await conn.fetch(
        """SELECT applications.id, answer_days, submitted_at,
                  (SELECT due_at FROM gateway.timers
                    WHERE record_id = projects.id AND name = 'apply_by') AS apply_by
             FROM gateway.applications JOIN gateway.projects ON projects.id = project_id
            WHERE applications.id = ANY($1)""",
        application_ids,
    )
    return {row["id"]: _clock_facts(row) for row in rows}


def _clock_facts(row: asyncpg.Record) -> ClockFacts:
    since = {"submitted": row["submitted_at"], "apply_by": row["apply_by"]}
    return ClockFacts(row["answer_days"], {name: at for name, at in since.items() if at})


@dataclass(frozen=True)
class Applying:
    """A person before a project; `is_mine` is their membership, `live` how many applications of
    theirs wait. Whoever has filled in nothing has no profile."""

    project_id: UUID
    project_title: str
    project_state: ProjectStatus
    organization_id: UUID
    organization_name: str
    applicant_id: UUID
    applicant_name: str
    is_mine: bool
    live: int
    profile: Profile | None


async def hold_for_applying(
    conn: Connection, *, project_ids: Collection[UUID], person_ids: Collection[UUID]
) -> None:
    """First the projects, which many may hold and which then stay in their states; then the
    applicants, or two at once would both be the last one allowed. The count sets the order."""
    await conn.execute(
        """WITH projects AS MATERIALIZED (
               SELECT id FROM gateway.projects WHERE id = ANY($1) ORDER BY id FOR SHARE
           ), people AS MATERIALIZED (
               SELECT person_id FROM gateway.profiles
                WHERE person_id = ANY($2) AND (SELECT count(*) FROM projects) >= 0
                ORDER BY person_id FOR NO KEY UPDATE
           )
           SELECT count(*) FROM people""",
        project_ids,
        person_ids,
    )


async def select_applying(
    conn: Connection, wanted: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], Applying]:
    """By project and person, under the locks of both; no project, no row."""
    rows = await conn.fetch(
        """SELECT projects.id AS project_id, projects.title AS project_title,
                  projects.state AS project_state, projects.organization_id,
                  organizations.name AS organization_name, people.id AS applicant_id,
                  people.name AS applicant_name,
                  EXISTS (SELECT FROM gateway.members
                           WHERE members.organization_id = projects.organization_id
                             AND members.person_id = people.id) AS is_mine,
                  (SELECT count(*) FROM gateway.applications
                    WHERE applicant_id = people.id AND state = ANY($3)
                      AND NOT slot_returned) AS live,
                  profiles.person_id, profiles.version, headline, profiles.about, profiles.region,
                  profiles.city, profiles.remote, weekly_hours, minimum_hourly_pay,
                  profiles.languages, interests, school, experience,
                  (SELECT coalesce(jsonb_object_agg(skill_id, level ORDER BY skill_id), '{}')
                     FROM gateway.profile_skills
                    WHERE profile_skills.person_id = people.id) AS skills
             FROM unnest($1::uuid[], $2::uuid[]) AS wanted (project_id, person_id)
             JOIN gateway.projects      ON projects.id = wanted.project_id
             JOIN gateway.organizations ON organizations.id = projects.organization_id
             JOIN gateway.people        ON people.id = wanted.person_id
             LEFT JOIN gateway.profiles ON profiles.person_id = people.id""",
        *zip(*wanted, strict=True),
        SLOTS,
    )
    return {(row["project_id"], row["applicant_id"]): _applying(row) for row in rows}


def _applying(row: asyncpg.Record) -> Applying:
    facts: dict[str, Any] = dict(row)
    facts["project_state"] = ProjectStatus(facts["project_state"])
    profile = {name: facts.pop(name) for name in Profile.__dataclass_fields__}
    facts["profile"] = Profile(**profile) if profile["person_id"] else None
    return Applying(**facts)


def drafted(applying: Applying, profile: Profile, cover_letter: str) -> Application:
    """The application as it begins, before there is a row of it."""
    return Application(
        id=new_id(),
        project_id=applying.project_id,
        project_title=applying.project_title,
        organization_id=applying.organization_id,
        organization_name=applying.organization_name,
        applicant_id=applying.applicant_id,
        applicant_name=applying.applicant_name,
        cover_letter=cover_letter,
        profile_snapshot=profile.snapshot(),
        state=Status.DRAFT,
        reason=None,
        criteria_not_met=[],
        invited_for=None,
        slot_returned=False,
        match_score=None,
        version=0,
        drafted_at=(now := clock.now()),
        submitted_at=None,
        changed_at=now,
        offer=None,
        timers=[],
        is_employer=False,
        is_applicant=True,
    )


async def insert_applications(conn: Connection, applications: Sequence[Application]) -> set[UUID]:
    """Return the ids of those that were made: not of people who had applied already."""
    rows = await conn.fetch(
        """INSERT INTO gateway.applications
                  (id, project_id, applicant_id, cover_letter, profile_version, profile_snapshot,
                   state, version, drafted_at, changed_at, submitted_at)
           SELECT id, project_id, applicant_id, cover_letter, profile_version, profile_snapshot,
                  state, version, drafted_at, drafted_at,
                  CASE WHEN state = 'submitted' THEN drafted_at END
             FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::integer[],
                         $6::jsonb[], $7::text[], $8::integer[], $9::timestamptz[])
                  AS made (id, project_id, applicant_id, cover_letter, profile_version,
                           profile_snapshot, state, version, drafted_at)
            ORDER BY project_id, applicant_id
               ON CONFLICT (project_id, applicant_id) DO NOTHING
        RETURNING id""",
        *zip(
            *(
                (
                    each.id,
                    each.project_id,
                    each.applicant_id,
                    each.cover_letter,
                    each.profile_snapshot["version"],
                    each.profile_snapshot,
                    each.state,
                    each.version,
                    each.drafted_at,
                )
                for each in applications
            ),
            strict=True,
        ),
    )
    return {row["id"] for row in rows}


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


async def update_states(conn: Connection, moved: Sequence[Application]) -> None:
    if not moved:
        return
    await conn.execute(
        """UPDATE gateway.applications
              SET state = moved.state, reason = moved.reason, version = version + 1,
                  changed_at = $4,
                  submitted_at = CASE WHEN moved.state = 'submitted' THEN $4
                                      ELSE submitted_at END
             FROM unnest($1::uuid[], $2::text[], $3::text[]) AS moved (id, state, reason)
            WHERE applications.id = moved.id""",
        [application.id for application in moved],
        [application.state for application in moved],
        [application.reason for application in moved],
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
             WHERE ($1::uuid IS NULL OR applications.id < $1) AND applications.state <> 'draft'
               AND member.is_employer AND project_id = $3
             ORDER BY applications.id DESC LIMIT $4""",
        before,
        viewer_id,
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


async def update_match_scores(conn: Connection, scores: Mapping[UUID, float]) -> None:
    """Locked in the order of their ids, as everybody does who takes many."""
    await conn.execute(
        """UPDATE gateway.applications SET match_score = locked.score
             FROM (SELECT applications.id, told.score
                     FROM unnest((SELECT $1::uuid[]), (SELECT $2::double precision[]))
                          AS told (id, score)
                     JOIN gateway.applications USING (id)
                    ORDER BY applications.id
                      FOR NO KEY UPDATE OF applications) AS locked
            WHERE applications.id = locked.id""",
        list(scores),
        list(scores.values()),
    )
