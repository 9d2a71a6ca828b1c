"""One micro-internship, whose records a test puts into any state it likes."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.gateway.lifecycles.machine import Who
from services.gateway.reasons import REASONS
from tests.integration.gateway.paying import a_payment
from tests.integration.gateway.support import Gateway
from tests.support.api import Api, Life, today

CLAIM = {"claim": 0, "statement": "Natugunan ang lahat ng pamantayan.", "reason": "quality"}
# What each command that needs more than an empty body is given, beside the first of its reasons.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("application", "offer"): {"message": "Tuloy tayo!", "starts_on": today()},
    ("engagement", "check_in"): {"mood": "fine"},
    ("engagement", "feedback"): {"rating": 4, "words": "Salamat"},
    ("engagement", "amend"): {"note": "Sa Biyernes na ang pulong."},
    ("engagement", "pause"): {"until": str(date.fromisoformat(today()) + timedelta(days=5))},
    ("engagement", "dispute"): CLAIM,
    ("milestone", "submit"): {"note": "Narito na.", "criteria_met": [0]},
    ("milestone", "request_changes"): {"review": "Kulang.", "criteria_unmet": [1]},
    ("milestone", "amend"): {"title": "Unang burador"},
    ("milestone", "dispute"): CLAIM,
    ("dispute", "answer"): {"statement": "Kulang ang huling bahagi.", "share": 20_000},
    ("dispute", "settle"): {"intern_share": 50_000},
    ("dispute", "decide"): {"intern_share": 50_000, "reasons": "Nakita ko ang gawa."},
    ("dispute", "appeal"): {"statement": "Hindi nabasa ang huling bahagi."},
    ("dispute", "decide_appeal"): {"intern_share": 50_000, "reasons": "Tama ang una."},
    ("credential", "attest"): {"skills": []},
}
# Not in the table: what a person may do to a record beside its commands.
BESIDE = {"project": {"fund"}, "dispute": {"appeal", "decide_appeal"}}
AFRESH = {
    "project": (
        "UPDATE gateway.projects SET extended = false, opened_at = now() WHERE id = $1",
        """DELETE FROM gateway.faults
            WHERE organization_id = (SELECT organization_id FROM gateway.projects WHERE id = $1)""",
    ),
    "application": (
        """DELETE FROM gateway.milestones
            WHERE engagement_id IN (SELECT id FROM gateway.engagements
                                     WHERE application_id = $1)""",
        """DELETE FROM gateway.agreements
            WHERE engagement_id IN (SELECT id FROM gateway.engagements
                                     WHERE application_id = $1)""",
        "DELETE FROM gateway.engagements WHERE application_id = $1",
        """UPDATE gateway.projects SET state = 'open'
            WHERE id = (SELECT project_id FROM gateway.applications WHERE id = $1)""",
        """INSERT INTO gateway.offers
           SELECT $1, 'Tuloy', current_date, 1, applicant_id, now()
             FROM gateway.applications WHERE id = $1 ON CONFLICT DO NOTHING""",
    ),
    "engagement": (
        "DELETE FROM gateway.disputes WHERE engagement_id = $1 AND milestone_id IS NULL",
        "DELETE FROM gateway.proposals WHERE record_id = $1",
        "DELETE FROM gateway.signatures WHERE engagement_id = $1",
        "DELETE FROM gateway.check_ins WHERE engagement_id = $1",
        "DELETE FROM gateway.feedback WHERE engagement_id = $1",
        "DELETE FROM gateway.agreements WHERE engagement_id = $1 AND number > 1",
        """UPDATE gateway.engagements
              SET agreement_number = 1, agreement = text, agreement_hash = hash,
                  applicant_seen_at = NULL, employer_seen_at = NULL, help_asked_by = NULL,
                  help_by = NULL, paused_on = NULL, paused_until = NULL
             FROM gateway.agreements
            WHERE id = $1 AND agreements.engagement_id = id""",
    ),
    "milestone": (
        "DELETE FROM gateway.disputes WHERE milestone_id = $1",
        "DELETE FROM gateway.proposals WHERE record_id = $1",
        "DELETE FROM gateway.deliverable_files WHERE milestone_id = $1",
        "DELETE FROM gateway.deliverables WHERE milestone_id = $1",
        "UPDATE gateway.milestones SET rounds = 0, fee = 100000 WHERE id = $1",
        """UPDATE gateway.engagements SET state = 'active'
            WHERE id = (SELECT engagement_id FROM gateway.milestones WHERE id = $1)""",
    ),
    "dispute": (
        "DELETE FROM gateway.proposals WHERE record_id = $1",
        """UPDATE gateway.disputes
              SET answer = NULL, answer_share = NULL, mediator_id = NULL, outcome = NULL,
                  intern_share = NULL, reasons = NULL, ended_at = NULL
            WHERE id = $1""",
        """UPDATE gateway.milestones SET state = 'disputed'
            WHERE id = (SELECT milestone_id FROM gateway.disputes WHERE id = $1)""",
        """UPDATE gateway.engagements SET state = 'active'
            WHERE id = (SELECT engagement_id FROM gateway.disputes WHERE id = $1)""",
    ),
    "credential": (),
}


@dataclass
class World:
    """Its dispute is over the second milestone, its payment for the first. `places` fill the
    addresses of what has no lifecycle."""

    gateway: Gateway
    life: Life
    people: dict[str, Api]
    ids: dict[str, str]
    places: dict[str, str]
    agreement_hash: str

    def body(self, record: str, command: str, person: str = "employer") -> dict[str, Any]:
        if command == "sign":
            return {"agreement_hash": self.agreement_hash}
        if (record, command, person) == ("milestone", "accept", "applicant"):
            return {"fee": 50_000}
        codes = REASONS.get(f"{record}.{command}")
        return BODIES.get((record, command), {}) | ({"reason": codes[0]} if codes else {})

    def address(self, record: str, command: str | None = None) -> str:
        found = f"/v1/{record}s/{self.ids[record]}"
        return f"{found}/{command.replace('_', '-')}" if command else found

    async def put(self, record: str, state: str) -> None:
        """The record in this state, with nothing in the way of a command."""
        if record == "payment":
            await self._put_payment(state)
            return
        async with self.gateway.database.acquire() as conn:
            for statement in AFRESH[record]:
                await conn.execute(statement, self.ids[record])
            await conn.execute(
                f"UPDATE gateway.{record}s SET state = $2 WHERE id = $1", self.ids[record], state
            )

    async def _put_payment(self, state: str) -> None:
        """Another one, unless one is there: the ledger forgets nothing."""
        milestone_id = UUID(self.ids["milestone"])
        async with self.gateway.room.acquire() as conn, conn.transaction():
            found = await conn.fetchval(
                "SELECT id FROM gateway.payments WHERE milestone_id = $1 AND state = $2 LIMIT 1",
                milestone_id,
                state,
            )
            self.ids["payment"] = str(found or await a_payment(conn, milestone_id, state))

    async def facts(self, record: str) -> tuple[str, int, int]:
        """State, version, and how much was said about it."""
        row = await self.gateway.database.fetchrow(
            f"""SELECT state, version,
                       (SELECT count(*) FROM gateway.events WHERE subject = $1) AS said
                  FROM gateway.{record}s WHERE id = $1""",
            UUID(self.ids[record]),
        )
        return row["state"], row["version"], row["said"]


def roles_of(record: str, person: str) -> frozenset[Who]:
    """What this person of the world is to such a record."""
    if person in {"stranger", "rival"} or (record, person) == ("project", "applicant"):
        return frozenset()
    if person == "school" and record != "engagement":
        return frozenset()
    return frozenset({Who(person)})


async def a_world(still: Gateway) -> World:
    """Two projects: one to work in, one whose application can be taken and given back."""
    working = await Life.between(still.api)
    school = await still.joined("Sara Lim")
    await working.post_project(**await _for_credit(school))
    await working.apply()
    await _engage(working)
    taking = Life(working.employer, working.applicant, working.skills)
    await taking.post_project(seats=2)
    await taking.apply()
    rival = await Life.between(still.api)
    await rival.post_project()
    people = {
        "employer": working.employer,
        "applicant": working.applicant,
        "school": school,
        "moderator": await still.joined("Mona Diaz", duty="moderator"),
        "operator": await still.joined("Oscar Tan", duty="operator"),
        "rival": rival.employer,
        "stranger": await still.joined("Sino Siya"),
    }
    milestone, disputed = await working.milestones()
    ids = {
        "project": taking.project["id"],
        "application": taking.application["id"],
        "engagement": working.engagement["id"],
        "milestone": milestone["id"],
        "dispute": await _dispute(still, working, disputed["id"]),
        "credential": await _credential(still, working),
    }
    places = await _places(working, ids["application"])
    world = World(still, working, people, ids, places, working.engagement["agreement_hash"])
    await world.put("payment", "held")
    return world


async def _places(life: Life, application_id: str) -> dict[str, str]:
    soon = datetime.now(UTC) + timedelta(days=2)
    slots = await life.employer.post(
        f"/v1/applications/{application_id}/interview-slots",
        {"slots": [soon.isoformat()], "minutes": 30, "where": "Aklatan"},
    )
    file = await life.applicant.call("POST", "/v1/files?name=salin.txt", b"Salin")
    freeze = await life.applicant.post(
        "/v1/freezes", {"scope": "person", "ends_at": soon.isoformat(), "reason": "exams"}
    )
    sandbox = await life.employer.post("/v1/sandboxes", {"name": "Pagsubok"})
    return {
        "slot_id": slots["items"][0]["id"],
        "file_id": file["id"],
        "freeze_id": freeze["freeze"]["id"],
        "payout_id": str(uuid4()),
        "thing_id": application_id,
        "tenant": sandbox["sandbox"]["tenant"],
        "provider": "sandbox",
    }


async def _for_credit(school: Api) -> dict[str, Any]:
    organization = await school.post(
        "/v1/organizations",
        {"name": "Pamantasan", "kind": "school", "industry": "education", "region": "ncr"},
    )
    return {
        "kind": "school_internship",
        "school_id": organization["id"],
        "programme": "BA Filipino",
        "credit_hours": 20,
    }


async def _engage(life: Life) -> None:
    await life.command(life.employer, "offer", BODIES["application", "offer"])
    await life.command(life.applicant, "accept")
    life.engagement = (await life.applicant.get("/v1/me/engagements"))["items"][0]


async def _dispute(still: Gateway, life: Life, milestone_id: str) -> str:
    await still.database.execute(
        "UPDATE gateway.milestones SET state = 'submitted' WHERE id = $1", milestone_id
    )
    dispute = await life.applicant.post(f"/v1/milestones/{milestone_id}/dispute", CLAIM)
    return dispute["id"]


async def _credential(still: Gateway, life: Life) -> str:
    credential_id = uuid4()
    await still.database.execute(
        """INSERT INTO gateway.credentials
                  (id, engagement_id, project_id, organization_id, holder_id, skills, state,
                   proposed_at, changed_at)
           SELECT $1, id, project_id, organization_id, applicant_id, '{}', 'proposed', now(), now()
             FROM gateway.engagements WHERE id = $2""",
        credential_id,
        UUID(life.engagement["id"]),
    )
    return str(credential_id)
