"""One micro-internship, whose records a test puts into any state it likes."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from services.gateway.lifecycles.machine import Who
from tests.integration.gateway.support import Gateway
from tests.support.api import Api, Life

# What each command that needs more than an empty body is given.
REASON = {"reason": "no_time"}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    **{
        ("project", command): REASON
        for command in ("request_changes", "reject", "cancel", "suspend", "remove")
    },
    **{("application", command): REASON for command in ("not_select", "rescind", "remove")},
    ("application", "offer"): {"message": "Tuloy tayo!", "starts_on": "2099-01-05"},
    **{("engagement", command): REASON for command in ("decline", "cancel", "terminate")},
    ("engagement", "check_in"): {"mood": "fine"},
    ("engagement", "feedback"): {"rating": 4, "words": "Salamat"},
    ("milestone", "submit"): {"note": "Narito na.", "criteria_met": [0]},
    ("milestone", "request_changes"): {"review": "Kulang.", "criteria_unmet": [1]},
    ("milestone", "cancel"): REASON,
    ("credential", "attest"): {"skills": []},
}
AFRESH = {
    "project": (),
    "application": (
        """DELETE FROM gateway.milestones
            WHERE engagement_id IN (SELECT id FROM gateway.engagements
                                     WHERE application_id = $1)""",
        "DELETE FROM gateway.engagements WHERE application_id = $1",
        """UPDATE gateway.projects SET state = 'open'
            WHERE id = (SELECT project_id FROM gateway.applications WHERE id = $1)""",
        """INSERT INTO gateway.offers
           SELECT $1, 'Tuloy', '2099-01-05', 1, applicant_id, now()
             FROM gateway.applications WHERE id = $1 ON CONFLICT DO NOTHING""",
    ),
    "engagement": (
        "DELETE FROM gateway.signatures WHERE engagement_id = $1",
        "DELETE FROM gateway.feedback WHERE engagement_id = $1",
    ),
    "milestone": (
        "DELETE FROM gateway.deliverable_files WHERE milestone_id = $1",
        "DELETE FROM gateway.deliverables WHERE milestone_id = $1",
        "UPDATE gateway.milestones SET rounds = 0 WHERE id = $1",
        """UPDATE gateway.engagements SET state = 'active'
            WHERE id = (SELECT engagement_id FROM gateway.milestones WHERE id = $1)""",
    ),
    "credential": (),
}


@dataclass
class World:
    gateway: Gateway
    life: Life
    people: dict[str, Api]
    ids: dict[str, str]
    agreement_hash: str

    def body(self, record: str, command: str) -> dict[str, Any]:
        if command == "sign":
            return {"agreement_hash": self.agreement_hash}
        return BODIES.get((record, command), {})

    def address(self, record: str, command: str | None = None) -> str:
        found = f"/v1/{record}s/{self.ids[record]}"
        return f"{found}/{command.replace('_', '-')}" if command else found

    async def put(self, record: str, state: str) -> None:
        """The record in this state, with nothing in the way of a command."""
        async with self.gateway.database.acquire() as conn:
            for statement in AFRESH[record]:
                await conn.execute(statement, self.ids[record])
            await conn.execute(
                f"UPDATE gateway.{record}s SET state = $2 WHERE id = $1", self.ids[record], state
            )

    async def facts(self, record: str) -> tuple[str, int, int]:
        """State, version, and how much was said about it."""
        row = await self.gateway.database.fetchrow(
            f"""SELECT state, version,
                       (SELECT count(*) FROM gateway.events WHERE subject = $1) AS said
                  FROM gateway.{record}s WHERE id = $1""",
            UUID(self.ids[record]),
        )
        return row["state"], row["version"], row["said"]


def roles_of(person: str) -> frozenset[Who]:
    """What this person of the world is to its records."""
    return frozenset() if person in {"stranger", "rival"} else frozenset({Who(person)})


async def a_world(still: Gateway) -> World:
    """Two projects: one to work in, one whose application can be taken and given back."""
    working = await Life.between(still.api)
    await working.post_project()
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
        "moderator": await still.joined("Mona Diaz", duty="moderator"),
        "operator": await still.joined("Oscar Tan", duty="operator"),
        "rival": rival.employer,
        "stranger": await still.joined("Sino Siya"),
    }
    ids = {
        "project": taking.project["id"],
        "application": taking.application["id"],
        "engagement": working.engagement["id"],
        "milestone": (await working.milestones())[0]["id"],
        "credential": await _credential(still, working),
    }
    return World(still, working, people, ids, working.engagement["agreement_hash"])


async def _engage(life: Life) -> None:
    await life.command(life.employer, "offer", BODIES["application", "offer"])
    await life.command(life.applicant, "accept")
    life.engagement = (await life.applicant.get("/v1/me/engagements"))["items"][0]


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
