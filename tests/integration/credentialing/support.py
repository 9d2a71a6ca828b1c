from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.credentialing import handlers, publishing, relisting, signing
from services.credentialing.document import Issuer
from services.credentialing.keys import KeyRing
from shared import clock
from shared.database import Database
from shared.events.base import Envelope
from shared.events.credentials import CredentialAttested, CredentialEvent
from shared.ids import new_id

EMAIL = "ana.reyes@example.ph"
STARTED = datetime(2026, 2, 1, 1, 2, 3, 456, tzinfo=UTC)
SUBMITTED = STARTED + timedelta(days=10)
SHOWN = "00064735-8fad-454b-90c7-ed858cc993f2"
STRUCK = "0005c151-5b5a-4a66-8aac-60e734beb1ab"


def said(event: type[CredentialEvent], credential: "Credential") -> CredentialEvent:
    """The event as it comes from the queue."""
    told = event(
        credential_id=credential.id,
        engagement_id=credential.engagement_id,
        project_id=uuid4(),
        organization_id=uuid4(),
        holder_id=credential.holder_id,
        state="ready",
    )
    return told.received(
        Envelope(
            id=new_id(),
            name=event.name,
            source="/sibol/gateway",
            subject=credential.id,
            sequence=1,
            time=clock.now(),
            correlation_id=new_id(),
            causation_id=None,
            actor_kind="employer",
            tenant="ph",
        )
    )


@dataclass
class Room:
    """What the consumer and the loops do, one step at a time."""

    database: Database
    issuer: Issuer
    keyring: KeyRing

    async def hear(self, *events: CredentialEvent) -> None:
        hears = handlers.subscriptions(self.issuer)
        async with self.database.acquire() as conn, conn.transaction():
            for event in events:
                for subscription in hears:
                    if subscription.event is type(event):
                        await subscription.hear(conn, [event])

    async def publish(self) -> None:
        async with self.database.acquire() as conn:
            await publishing.publish(conn, self.issuer, self.keyring)

    async def relist(self) -> int:
        lists = 0
        async with self.database.acquire() as conn, conn.transaction():
            while await relisting.relist(conn, self.issuer, self.keyring.signer):
                lists += 1
        return lists

    async def sign(self) -> int:
        await self.relist()
        async with self.database.acquire() as conn, conn.transaction():
            return await signing.sign_waiting(conn, self.keyring.signer)

    async def issue(self, credential: "Credential") -> bytes:
        await self.hear(said(CredentialAttested, credential))
        await self.sign()
        document = await self.document(credential)
        assert document is not None
        return document

    async def document(self, credential: "Credential") -> bytes | None:
        found: bytes | None = await self.database.fetchval(
            "SELECT document FROM public_badges WHERE credential_id = $1", credential.id
        )
        return found

    async def said(self) -> list[str]:
        rows = await self.database.fetch("SELECT name FROM events ORDER BY id")
        return [row["name"] for row in rows]


@dataclass(frozen=True)
class Credential:
    id: UUID
    engagement_id: UUID
    holder_id: UUID


@dataclass
class World:
    """The records that the gateway owns, as few as these tests need."""

    conn: Database

    async def credential(
        self,
        *,
        engagement_state: str = "completed",
        state: str = "ready",
        attested: bool = True,
        **texts: Any,
    ) -> Credential:
        holder = await self._person(texts.get("email", f"{uuid4().hex}@example.ph"))
        organization = await self._organization(**texts)
        project = await self._project(organization, **texts)
        engagement = await self._engagement(project, organization, holder, engagement_state)
        await self._work(engagement, holder, **texts)
        credential = Credential(uuid4(), engagement, holder)
        await self.conn.execute(
            """INSERT INTO gateway.credentials
                      (id, engagement_id, project_id, organization_id, holder_id, skills,
                       attested_skills, attested_at, state, proposed_at, changed_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)""",
            credential.id, engagement, project, organization, holder, [SHOWN, STRUCK],
            [SHOWN] if attested else [], SUBMITTED if attested else None, state, SUBMITTED,
        )  # fmt: skip
        return credential

    async def move_to(self, credential: Credential, state: str) -> None:
        await self.conn.execute(
            "UPDATE gateway.credentials SET state = $2 WHERE id = $1", credential.id, state
        )

    async def change_email(self, credential: Credential, email: str) -> None:
        await self.conn.execute(
            "UPDATE gateway.people SET email = $2 WHERE id = $1", credential.holder_id, email
        )

    async def rename_employer(self, name: str) -> None:
        await self.conn.execute("UPDATE gateway.organizations SET name = $1", name)

    async def _person(self, email: str) -> UUID:
        person_id = uuid4()
        await self.conn.execute(
            """INSERT INTO gateway.people (id, email, password_hash, name, locale, joined_at)
                    VALUES ($1, $2, '', 'Ana Reyes', 'fil', now())""",
            person_id, email,
        )  # fmt: skip
        return person_id

    async def _organization(
        self, name: str = "Kape ni Aling Niña", website: str | None = None, **_: Any
    ) -> UUID:
        organization_id = uuid4()
        await self.conn.execute(
            """INSERT INTO gateway.organizations (id, name, industry, region, website,
                                                  registered_at)
                    VALUES ($1, $2, 'food', 'ncr', $3, now())""",
            organization_id, name, website,
        )  # fmt: skip
        return organization_id

    async def _project(
        self, organization_id: UUID, title: str = "Talaan ng paninda", **_: Any
    ) -> UUID:
        project_id = uuid4()
        await self.conn.execute(
            """INSERT INTO gateway.projects (id, organization_id, title, summary, description,
                                             language, languages, industry, region, remote, hours,
                                             weeks, seats, fee, currency, answer_days, criteria,
                                             state, drafted_at, changed_at)
                    VALUES ($1, $2, $3, '', '', 'fil', '{fil}', 'food', 'ncr', true,
                            20, 2, 1, 500000, 'PHP', 5, '{a}', 'completed', now(), now())""",
            project_id, organization_id, title,
        )  # fmt: skip
        return project_id

    async def _engagement(
        self, project_id: UUID, organization_id: UUID, holder_id: UUID, state: str
    ) -> UUID:
        application_id, engagement_id = uuid4(), uuid4()
        await self.conn.execute(
            """INSERT INTO gateway.applications (id, project_id, applicant_id, cover_letter,
                                                 profile_version, profile_snapshot, state,
                                                 drafted_at, changed_at)
                    VALUES ($1, $2, $3, '', 1, '{}', 'accepted', now(), now())""",
            application_id, project_id, holder_id,
        )  # fmt: skip
        await self.conn.execute(
            """INSERT INTO gateway.engagements (id, application_id, project_id, organization_id,
                                                applicant_id, agreement, agreement_hash, starts_on,
                                                state, created_at, changed_at, started_at)
                    VALUES ($1, $2, $3, $4, $5, '', '', $7::timestamptz, $6, $7, $7, $7)""",
            engagement_id, application_id, project_id, organization_id, holder_id, state, STARTED,
        )  # fmt: skip
        return engagement_id

    async def _work(
        self,
        engagement_id: UUID,
        holder_id: UUID,
        milestone_state: str = "accepted",
        milestone: str = "Pahina ng paninda",
        **_: Any,
    ) -> None:
        milestone_id, file_id = uuid4(), uuid4()
        await self.conn.execute(
            """INSERT INTO gateway.milestones (id, engagement_id, position, title, description,
                                               due_on, fee, state, changed_at)
                    VALUES ($1, $2, 0, $3, '', $5::timestamptz, 500000, $4, $5)""",
            milestone_id, engagement_id, milestone, milestone_state, SUBMITTED,
        )  # fmt: skip
        await self.conn.execute(
            """INSERT INTO gateway.files (id, owner_id, name, media_type, size, sha256, uploaded_at)
                    VALUES ($1, $2, 'ana-reyes.pdf', 'application/pdf', 1, $3, $4)""",
            file_id, holder_id, bytes(32), SUBMITTED,
        )  # fmt: skip
        await self.conn.execute(
            """INSERT INTO gateway.deliverables (milestone_id, number, note, criteria_met,
                                                 submitted_at)
                    VALUES ($1, 1, 'Po', '{0}', $2)""",
            milestone_id, SUBMITTED,
        )  # fmt: skip
        await self.conn.execute(
            "INSERT INTO gateway.deliverable_files VALUES ($1, 1, $2)", milestone_id, file_id
        )
