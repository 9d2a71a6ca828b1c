"""One engagement with two milestones, written straight into the tables, and the people around it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg

from services.gateway.disputes import actions as disputes
from services.gateway.disputes import queries as dispute_queries
from services.gateway.disputes.queries import Dispute
from services.gateway.engagements import queries as engagements
from services.gateway.engagements.queries import Engagement
from services.gateway.lifecycles import Who
from services.gateway.milestones import queries as milestones
from services.gateway.milestones.queries import Milestone
from services.gateway.payments import queries as payments
from services.gateway.payments.moves import move as pay
from services.gateway.projects.queries import PlannedMilestone
from services.gateway.timers.calendar import MANILA
from services.gateway.viewer import Viewer
from shared import clock
from shared.database import pool
from shared.ids import new_id

MODERATES = frozenset({"moderator"})
PLAN = [PlannedMilestone("Burador", "Unang salin", 5, 100_000)]
PLAN += [PlannedMilestone("Pinal", "Huling salin", 10, 200_000)]
STARTS_ON = date(2099, 1, 5)


@dataclass(frozen=True)
class World:
    conn: Any
    applicant: Viewer
    employer: Viewer
    moderator: Viewer
    second: Viewer
    stranger: Viewer
    registrar: Viewer | None
    project_id: UUID
    engagement_id: UUID
    milestone_ids: list[UUID]

    @property
    def milestone_id(self) -> UUID:
        return self.milestone_ids[0]

    def on(self, conn: Any) -> "World":
        return replace(self, conn=conn)

    async def put(self, engagement: str, *milestone_states: str) -> None:
        await self.conn.execute(
            "UPDATE gateway.engagements SET state = $2 WHERE id = $1",
            self.engagement_id,
            engagement,
        )
        for milestone_id, state in zip(self.milestone_ids, milestone_states, strict=False):
            await self.conn.execute(
                "UPDATE gateway.milestones SET state = $2 WHERE id = $1", milestone_id, state
            )

    async def engagement(self) -> Engagement:
        found = await engagements.select_engagement(
            self.conn, self.engagement_id, viewer_id=None, sees_all=True
        )
        assert found is not None
        return found

    async def milestone(self, place: int = 0, *, viewer: Viewer | None = None) -> Milestone:
        found = await milestones.select_milestone(
            self.conn,
            self.milestone_ids[place],
            viewer_id=viewer.id if viewer else None,
            sees_all=True,
        )
        assert found is not None
        return found

    async def dispute(self, dispute_id: UUID) -> Dispute:
        found = await dispute_queries.select_dispute(
            self.conn, dispute_id, viewer_id=None, sees_all=True
        )
        assert found is not None
        return found

    async def money(self, place: int = 0) -> dict[str, int]:
        """Centavos by the state of the payments of a milestone."""
        rows = await self.conn.fetch(
            """SELECT state, sum(amount)::bigint AS amount FROM gateway.payments
                WHERE milestone_id = $1 GROUP BY state""",
            self.milestone_ids[place],
        )
        return {row["state"]: row["amount"] for row in rows}

    async def said(self, subject: UUID) -> list[str]:
        rows = await self.conn.fetch(
            "SELECT name FROM gateway.events WHERE subject = $1 ORDER BY sequence", subject
        )
        return [row["name"].removesuffix(".v1") for row in rows]

    async def facts_of(self, name: str) -> dict[str, Any]:
        """Of the one event of this name."""
        found: dict[str, Any] = await self.conn.fetchval(
            "SELECT data FROM gateway.events WHERE name = $1", name
        )
        return found

    async def actor_of(self, name: str) -> str | None:
        found: str | None = await self.conn.fetchval(
            "SELECT actor_kind FROM gateway.events WHERE name = $1", name
        )
        return found

    async def over_milestone(
        self, viewer: Viewer | None = None, *, claim: int = 100_000
    ) -> Dispute:
        return await disputes.open_over_milestone(
            self.conn,
            milestone_id=self.milestone_id,
            viewer=viewer or self.applicant,
            claim=claim,
            statement="Natugunan ang lahat ng pamantayan.",
            reason="quality",
            expected=None,
        )

    async def over_engagement(
        self, viewer: Viewer | None = None, *, claim: int = 200_000
    ) -> Dispute:
        return await disputes.open_over_engagement(
            self.conn,
            engagement_id=self.engagement_id,
            viewer=viewer or self.applicant,
            claim=claim,
            statement="Nagbago ang saklaw ng gawa.",
            reason="scope_changed",
            expected=None,
        )

    async def answered(self, dispute: Dispute, share: int = 20_000) -> Dispute:
        other = self.employer if dispute.filer == "applicant" else self.applicant
        return await disputes.answer(
            self.conn,
            dispute_id=dispute.id,
            viewer=other,
            statement="Kulang ang huling bahagi.",
            share=share,
            expected=None,
        )

    async def taken(self, dispute: Dispute) -> Dispute:
        return await self.taken_by(dispute, self.moderator)

    async def taken_by(self, dispute: Dispute, viewer: Viewer) -> Dispute:
        return await disputes.take(self.conn, dispute_id=dispute.id, viewer=viewer, expected=None)

    async def decided(
        self, dispute: Dispute, *, share: int | None, outcome: str | None = None
    ) -> Dispute:
        return await disputes.decide(
            self.conn,
            dispute_id=dispute.id,
            viewer=self.moderator,
            outcome=outcome,
            share=share,
            reasons="Nakita ko ang gawa at ang mga pamantayan.",
            expected=None,
        )


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    conn = await asyncpg.connect(url, server_settings=pool.session_settings("gateway"))
    await pool.prepare(conn)
    try:
        yield conn
    finally:
        await conn.close()


async def a_world(conn: Any, *, school: bool = False) -> World:
    people = [await a_person(conn) for _ in range(6)]
    applicant, employer, stranger = people[:3]
    moderator, second = people[3:5]
    for person in (moderator, second):
        await conn.execute("UPDATE gateway.people SET duties = '{moderator}' WHERE id = $1", person)
    organization_id = await an_organization(conn, employer)
    school_id = await an_organization(conn, people[5], kind="school") if school else None
    project_id = await a_project(conn, organization_id, school_id)
    application_id = new_id()
    await conn.execute(
        """INSERT INTO gateway.applications
                  (id, project_id, applicant_id, cover_letter, profile_version, profile_snapshot,
                   state, drafted_at, changed_at)
           VALUES ($1, $2, $3, '', 0, '{}', 'accepted', now(), now())""",
        application_id,
        project_id,
        applicant,
    )
    engagement_id = await engagements.insert_engagement(
        conn,
        application_id=application_id,
        project_id=project_id,
        organization_id=organization_id,
        applicant_id=applicant,
        agreement="Kasunduan",
        starts_on=STARTS_ON,
    )
    await milestones.insert_milestones(
        conn, engagement_id=engagement_id, starts_on=STARTS_ON, planned=PLAN
    )
    await hold_money(conn, project_id, engagement_id)
    found = await milestones.select_milestones(conn, engagement_id, viewer_id=None, sees_all=True)
    world = World(
        conn=conn,
        applicant=Viewer(applicant, frozenset()),
        employer=Viewer(employer, frozenset()),
        moderator=Viewer(moderator, MODERATES),
        second=Viewer(second, MODERATES),
        stranger=Viewer(stranger, frozenset()),
        registrar=Viewer(people[5], frozenset()) if school else None,
        project_id=project_id,
        engagement_id=engagement_id,
        milestone_ids=[milestone.id for milestone in found],
    )
    await world.put("active", "submitted", "in_work")
    return world


async def a_person(conn: Any) -> UUID:
    person_id = new_id()
    await conn.execute(
        """INSERT INTO gateway.people (id, email, password_hash, name, locale, joined_at)
           VALUES ($1, $2, '', 'Ana Reyes', 'fil', now())""",
        person_id,
        f"{person_id}@halimbawa.example",
    )
    return person_id


async def an_organization(conn: Any, member: UUID, *, kind: str = "employer") -> UUID:
    organization_id = new_id()
    await conn.execute(
        """INSERT INTO gateway.organizations (id, name, industry, region, kind, registered_at)
           VALUES ($1, $2, 'education', 'ncr', $3, now())""",
        organization_id,
        "Pamantasan" if kind == "school" else "Aklatan",
        kind,
    )
    await conn.execute(
        "INSERT INTO gateway.members VALUES ($1, $2, 'owner', now())", organization_id, member
    )
    return organization_id


async def a_project(conn: Any, organization_id: UUID, school_id: UUID | None) -> UUID:
    project_id = new_id()
    await conn.execute(
        """INSERT INTO gateway.projects
                  (id, organization_id, title, summary, description, language, languages, industry,
                   region, remote, hours, weeks, seats, fee, currency, answer_days, criteria, kind,
                   school_id, credit_hours, programme, state, drafted_at, changed_at)
           VALUES ($1, $2, 'Salin', '', '', 'fil', '{fil}', 'education', 'ncr', true, 20, 2, 1,
                   300000, 'PHP', 7, '{Tapat,Maayos}', $3, $4, $5, $6, 'in_progress', now(), now())""",
        project_id,
        organization_id,
        "school_internship" if school_id else "independent",
        school_id,
        40 if school_id else None,
        "BS IT" if school_id else None,
    )
    for position, planned in enumerate(PLAN):
        await conn.execute(
            "INSERT INTO gateway.project_milestones VALUES ($1, $2, $3, $4, $5, $6)",
            project_id,
            position,
            planned.title,
            planned.description,
            planned.due_days,
            planned.fee,
        )
    return project_id


async def hold_money(conn: Any, project_id: UUID, engagement_id: UUID) -> None:
    for payment_id in await payments.insert_planned(conn, project_id):
        payment = await payments.lock_payment(conn, payment_id)
        assert payment is not None
        holding = await pay(conn, payment, "fund", frozenset({Who.EMPLOYER}))
        await pay(conn, holding, "hold_ok", frozenset({Who.PAYMENT_PROVIDER}))
    await payments.assign(conn, engagement_id=engagement_id, project_id=project_id, seat=1)


def today() -> date:
    return clock.now().astimezone(MANILA).date()
