"""People of every kind do whatever comes to their mind, in any order, while time passes. Whatever they
do: no step that the tables do not know, never more people than seats, the ledger balances to the
centavo, and every record's events are numbered without a gap."""

import asyncio
import os
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from services.gateway.lifecycles import MACHINES
from services.gateway.reasons import REASONS
from services.gateway.timers.calendar import MANILA
from shared.events import CATALOGUE
from tests.integration.gateway.support import Gateway
from tests.support.api import Api, Refused, profile_body, project_body, skill_ids, today
from tests.support.engine import Engine

LETTER = {"cover_letter": "Matagal na akong nagsasalin ng mga gabay para sa aming barangay."}
LISTS = {
    "application": "/v1/me/applications",
    "engagement": "/v1/me/engagements",
    "payment": "/v1/me/payments",
    "dispute": "/v1/me/disputes",
    "credential": "/v1/me/credentials",
}
# Where the events of the tables lead: (record, event, state after).
LEGAL = {
    (record, step.event.name, to)
    for record, machine in MACHINES.items()
    for step in (*machine.moves, *machine.timers)
    for to in ([step.to] if step.to else sorted(machine.states - machine.terminal))
} | {
    (record, timer.otherwise.event.name, timer.otherwise.to)
    for record, machine in MACHINES.items()
    for timer in machine.timers
    if timer.otherwise
}
SAID_WITHOUT_A_STEP = {machine.reminded.name for machine in MACHINES.values()} | {
    "application.invited.v1",
    "application.clashing.v1",
    "interview.offered.v1",
    "interview.booked.v1",
    "engagement.proposed.v1",
    "milestone.proposed.v1",
    "dispute.opened.v1",
    "dispute.settlement_proposed.v1",
    "dispute.appealed.v1",
    "dispute.appeal_decided.v1",
    # A first check-in before the agreed day.
    "engagement.checked_in.v1",
}
# A posting or an engagement that was suspended or disputed goes back to the state it left.
BACK = {"project.reinstated.v1", "milestone.dispute_withdrawn.v1"}
NEXT_WEEK = (datetime.now(MANILA).date() + timedelta(days=5)).isoformat()
DISPUTE = [{"claim": 1000, "statement": "Hindi ito ang usapan.", "reason": "quality"}]
BODIES: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("application", "offer"): [{"message": "Tuloy tayo!", "starts_on": today()}],
    ("engagement", "check_in"): [{"mood": "fine"}, {"mood": "stuck"}],
    ("engagement", "feedback"): [{"rating": 4, "words": "Salamat"}],
    ("engagement", "pause"): [{"until": NEXT_WEEK, "reason": "exams"}],
    ("engagement", "amend"): [{"hours": 21}],
    ("engagement", "dispute"): DISPUTE,
    ("milestone", "submit"): [{"note": "Narito na.", "criteria_met": [0]}],
    ("milestone", "accept"): [{}, {}, {"fee": 60_000}],
    ("milestone", "request_changes"): [{"review": "Kulang.", "criteria_unmet": [1]}],
    ("milestone", "dispute"): DISPUTE,
    ("dispute", "answer"): [{"statement": "Iba ang nangyari.", "share": 500}],
    ("dispute", "settle"): [{"intern_share": 700}, {"outcome": "continue"}],
    ("dispute", "decide"): [
        {"intern_share": 0, "reasons": "Ito ang napatunayan."},
        {"intern_share": 600, "reasons": "Ito ang napatunayan."},
        {"outcome": "end", "intern_share": 600, "reasons": "Ito ang napatunayan."},
    ],
    ("credential", "attest"): [{"skills": []}],
    ("credential", "publish"): [{"published": True}],
}
EXAMPLES = int(os.environ.get("SIBOL_TEST_EXAMPLES", "6"))
STEPS = 30
SEEDS = st.integers(0, 2**32)
ENDS = {
    "cancel",
    "close_applications",
    "decline",
    "discard",
    "dispute",
    "not_select",
    "pause",
    "refuse",
    "reject",
    "remove",
    "rescind",
    "suspend",
    "terminate",
    "withdraw",
}
SETTINGS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Town:
    """Two employers, four applicants, a moderator, an operator, and all that they make."""

    gateway: Gateway
    engine: Engine
    skills: list[str] = field(default_factory=list)
    employers: list[tuple[Api, str]] = field(default_factory=list)
    applicants: list[Api] = field(default_factory=list)
    judges: list[Api] = field(default_factory=list)
    projects: list[tuple[Api, str]] = field(default_factory=list)

    @property
    def people(self) -> list[Api]:
        return [employer for employer, _ in self.employers] + self.applicants + self.judges

    async def found(self) -> None:
        api = self.gateway.api
        self.skills = await skill_ids(api)
        for _ in range(2):
            employer = await self.gateway.joined("Elena Cruz")
            organization = await employer.post(
                "/v1/organizations",
                {"name": "Aklatan ng Bayan", "industry": "education", "region": "ncr"},
            )
            self.employers.append((employer, organization["id"]))
        for _ in range(4):
            applicant = await self.gateway.joined()
            await applicant.put("/v1/me/profile", profile_body(self.skills))
            self.applicants.append(applicant)
        self.judges = [
            await self.gateway.joined("Mona Diaz", duty="moderator"),
            await self.gateway.joined("Oscar Tan", duty="operator"),
        ]

    async def post(self, dice: random.Random) -> None:
        employer, organization_id = dice.choice(self.employers)
        drafted = await employer.post(
            f"/v1/organizations/{organization_id}/projects",
            project_body(self.skills, seats=dice.choice([1, 1, 2])),
        )
        self.projects.append((employer, drafted["id"]))
        await employer.post(f"/v1/projects/{drafted['id']}/submit")
        if dice.random() < 0.9:
            await employer.post(f"/v1/projects/{drafted['id']}/fund")
        await self.engine.settle()

    async def begin(self) -> None:
        """A posting, and three who apply."""
        dice = random.Random(1)
        await self.post(dice)
        for _ in range(5):
            await self.apply(dice)

    async def apply(self, dice: random.Random) -> None:
        _, project_id = dice.choice(self.projects)
        applicant = dice.choice(self.applicants)
        await tried(applicant.post(f"/v1/projects/{project_id}/applications", LETTER))

    async def act(self, dice: random.Random, *, lawfully: bool) -> None:
        """Somebody does something with a record that they can see."""
        for _ in range(12):
            person = dice.choice(self.people)
            record, shown = await self._some_record(person, dice)
            commands = self._thought_of(record, shown, dice, lawfully=lawfully)
            if commands:
                await self._give(person, record, shown, dice.choice(commands), dice)
                return

    def _thought_of(
        self, record: str, shown: Any, dice: random.Random, *, lawfully: bool
    ) -> list[str]:
        """Few people want to put an end to things."""
        if shown is None:
            return []
        if not lawfully:
            return sorted(MACHINES[record].commands)
        return [name for name in shown["allowed"] if name not in ENDS or dice.random() < 0.1]

    async def _some_record(self, person: Api, dice: random.Random) -> tuple[str, Any]:
        record = dice.choice(["project", "milestone", *LISTS, "application", "engagement"])
        found = await self._records(person, record)
        return record, dice.choice(found) if found else None

    async def _records(self, person: Api, record: str) -> list[Any]:
        if record == "project":
            return [
                shown
                for _, project_id in self.projects
                if (shown := await tried(person.get(f"/v1/projects/{project_id}")))
            ]
        if record == "milestone":
            return [
                milestone
                for engagement in await self._listed(person, "engagement")
                for milestone in (
                    await person.get(f"/v1/engagements/{engagement['id']}/milestones")
                )["items"]
            ]
        if record == "application":
            return await self._applications(person)
        return await self._listed(person, record)

    async def _applications(self, person: Api) -> list[Any]:
        found = await self._listed(person, "application")
        for _, project_id in self.projects:
            answer = await tried(person.get(f"/v1/projects/{project_id}/applications"))
            found += answer["items"] if answer else []
        return found

    async def _listed(self, person: Api, record: str) -> list[Any]:
        answer = await tried(person.get(LISTS[record]))
        return answer["items"] if answer else []

    async def _give(
        self, person: Api, record: str, shown: Any, command: str, dice: random.Random
    ) -> None:
        path = f"/v1/{record}s/{shown['id']}/{command.replace('_', '-')}"
        await tried(person.post(path, body_of(record, command, shown, dice)))
        await self.engine.settle()


def body_of(record: str, command: str, shown: Any, dice: random.Random) -> dict[str, Any]:
    codes = REASONS.get(f"{record}.{command}", ())
    reason = {"reason": dice.choice(codes)} if codes else {}
    if (record, command) == ("engagement", "sign"):
        return {"agreement_hash": shown["agreement_hash"]}
    return dice.choice(BODIES.get((record, command), [{}])) | reason


async def tried(asked: Coroutine[Any, Any, Any]) -> Any:
    """The answer, or None when it was refused in the house's way."""
    try:
        return await asked
    except Refused as refused:
        if refused.status in {403, 404, 409, 422} and refused.problem["detail"]:
            return None
        raise


async def check_everything(engine: Engine) -> None:
    await check_steps(engine)
    await check_seats(engine)
    await check_money(engine)
    await check_sequences(engine)


async def check_steps(engine: Engine) -> None:
    rows = await engine.reader.fetch(
        "SELECT DISTINCT name, data->>'state' AS state FROM gateway.events"
    )
    unknown = {
        (row["name"], row["state"])
        for row in rows
        if row["state"] is not None
        and row["name"] not in SAID_WITHOUT_A_STEP | BACK
        and not any((record, row["name"], row["state"]) in LEGAL for record in MACHINES)
    }
    assert not unknown
    assert {row["name"] for row in rows} <= set(CATALOGUE)


async def check_seats(engine: Engine) -> None:
    over = await engine.reader.fetch(
        """SELECT projects.id, seats, taken
             FROM gateway.projects
            CROSS JOIN LATERAL (
                  SELECT (SELECT count(*) FROM gateway.applications
                           WHERE project_id = projects.id AND state = 'offered')
                       + (SELECT count(*) FROM gateway.engagements
                           WHERE project_id = projects.id
                             AND state NOT IN ('not_agreed', 'not_started', 'terminated'))
                         AS taken) AS counted
            WHERE taken > seats"""
    )
    assert not over


async def check_money(engine: Engine) -> None:
    """What came in is what was paid, given back, or is still here."""
    unbalanced = await engine.reader.fetch(
        """SELECT transaction_id FROM gateway.ledger_entries
            GROUP BY transaction_id HAVING sum(amount) <> 0"""
    )
    wrong = await engine.reader.fetch(
        """SELECT kind, owner_id, balance FROM gateway.ledger_accounts AS account
            WHERE balance < floor
               OR balance <> (SELECT coalesce(sum(amount), 0) FROM gateway.ledger_entries
                               WHERE (kind, owner_id) = (account.kind, account.owner_id))"""
    )
    total = await engine.reader.fetchval(
        "SELECT coalesce(sum(balance), 0) FROM gateway.ledger_accounts"
    )
    twice = await engine.reader.fetch(
        """SELECT payment_id FROM gateway.payment_orders WHERE state = 'done' AND kind <> 'hold'
            GROUP BY payment_id HAVING count(*) > 1"""
    )
    assert (unbalanced, wrong, total, twice) == ([], [], 0, [])


async def check_sequences(engine: Engine) -> None:
    gaps = await engine.reader.fetch(
        """SELECT subject FROM gateway.events
            GROUP BY subject HAVING max(sequence) <> count(*) OR min(sequence) <> 1"""
    )
    assert not gaps


Wait = Callable[[Coroutine[Any, Any, None]], None]


def waiting(failures: list[Exception]) -> Wait:
    """For a thread of its own, where hypothesis may wait; the work is done in the loop of the tests.
    What went wrong first is kept: nobody does the same things twice in the same way."""
    loop = asyncio.get_running_loop()

    def wait(asked: Coroutine[Any, Any, None]) -> None:
        try:
            asyncio.run_coroutine_threadsafe(asked, loop).result(timeout=60)
        except Exception as error:
            failures.append(error)
            raise

    return wait


def people_of(gateway: Gateway, engine: Engine, wait: Wait) -> type[RuleBasedStateMachine]:
    class People(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.town = Town(gateway, engine)
            wait(self.town.found())
            wait(self.town.begin())

        @rule(seed=SEEDS)
        def somebody_posts(self, seed: int) -> None:
            if len(self.town.projects) < 4:
                wait(self.town.post(random.Random(seed)))

        @rule(seed=SEEDS)
        def somebody_applies(self, seed: int) -> None:
            wait(self.town.apply(random.Random(seed)))

        @rule(seed=SEEDS, times=st.integers(4, 16))
        def people_do_what_they_may(self, seed: int, times: int) -> None:
            dice = random.Random(seed)
            for _ in range(times):
                wait(self.town.act(dice, lawfully=True))

        @rule(seed=SEEDS)
        def somebody_does_what_they_may_not(self, seed: int) -> None:
            wait(self.town.act(random.Random(seed), lawfully=False))

        @rule(days=st.sampled_from([0.1, 0.3, 0.5, 1, 1.5, 3, 7]))
        def time_passes(self, days: float) -> None:
            wait(engine.pass_time(days=days))

        @invariant()
        def all_is_well(self) -> None:
            wait(check_everything(engine))

    return People


async def test_random_people_break_nothing(alone):
    engine, failures = alone.engine, []
    people = people_of(alone, engine, waiting(failures))
    try:
        await asyncio.to_thread(run_state_machine_as_test, people, settings=SETTINGS)
    except HypothesisException:
        raise failures[0] from None

    kinds = await engine.reader.fetchval("SELECT count(DISTINCT name) FROM gateway.events")
    assert kinds > 40, "They hardly did anything."
