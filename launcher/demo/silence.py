"""The same life in a sandbox: both do their part until the work is handed in, then nobody says a word
and the clock moves a month."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rich.markup import escape

from launcher.demo import proving
from launcher.demo.api import Api, eventually
from launcher.demo.data import Item, project_body
from launcher.demo.proving import Finding
from launcher.demo.telling import Teller, day, pesos, short_day
from launcher.demo.watching import Watch
from services.gateway.timers.calendar import MANILA

DAYS = 30
# Each of their notices is in the language of whom it is for.
EMPLOYER, INTERN = ("employer", "fil"), ("applicant", "en")
MAILS = """SELECT count(*) FILTER (WHERE state = 'sent') AS sent, count(*) AS due
             FROM notifications.deliveries WHERE tenant = $1"""


@dataclass
class Silence:
    owner: Api
    project: Item
    life: Item
    teller: Teller
    watch: Watch
    tenant: str = ""
    people: dict[str, Api] = field(default_factory=dict)
    at: dict[str, str] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    started: float = field(default_factory=time.monotonic)

    async def run(self) -> list[Finding]:
        await self._step("A sandbox is made: people of its own, and a clock that moves", self._make)
        names = " and ".join(api.person["name"] for api in self.people.values())
        self.teller.line("people", f"{escape(names)}; whatever they do stays in here")
        await self._step("They post, hold the money, apply, agree, begin and hand in", self._work)
        await self._fall_silent()
        await self._tell_of_it()
        return await self._end()

    async def _step(self, what: str, act: Callable[[], Awaitable[None]]) -> None:
        started = time.monotonic()
        await act()
        self.teller.step(what, took=time.monotonic() - started)

    async def _make(self) -> None:
        made = await self.owner.post("/v1/sandboxes", {"name": "Demo"})
        self.tenant = made["sandbox"]["tenant"]
        for person in made["people"]:
            if (person["role"], person["locale"]) in {EMPLOYER, INTERN}:
                api = Api(self.owner.session, self.owner.base, person["token"], person)
                self.people[person["role"]] = api

    @property
    def employer(self) -> Api:
        return self.people["employer"]

    @property
    def intern(self) -> Api:
        return self.people["applicant"]

    async def _work(self) -> None:
        await self._post()
        await self._agree()
        await self._hand_in()
        await self._told(self.employer, "deliverable.submitted.v1", len(self.life["deliverables"]))
        for person in self.people.values():
            self.known |= {notice["id"] for notice in await notices(person)}

    async def _post(self) -> None:
        organization = self.employer.person["organization_id"]
        drafted = await self.employer.post(
            f"/v1/organizations/{organization}/projects", project_body(self.project)
        )
        self.at["project"] = at = f"/v1/projects/{drafted['id']}"
        await self.employer.post(f"{at}/submit")
        await self.employer.post(f"{at}/fund")
        await eventually(
            lambda: self.employer.get(at),
            lambda project: project["state"] == "open",
            what="Opening the posting of the sandbox",
        )

    async def _agree(self) -> None:
        letter = {"cover_letter": self.life["cover_letter"]}
        sent = await self.intern.post(f"{self.at['project']}/applications", letter)
        today = (await self._now()).astimezone(MANILA).date()
        offer = {"message": self.life["offer_message"], "starts_on": today.isoformat()}
        await self.employer.post(f"/v1/applications/{sent['id']}/offer", offer)
        await self.intern.post(f"/v1/applications/{sent['id']}/accept")
        engagement = (await self.intern.get("/v1/me/engagements"))["items"][0]
        self.at["engagement"] = f"/v1/engagements/{engagement['id']}"
        for person in self.people.values():
            signed = {"agreement_hash": engagement["agreement_hash"]}
            await person.post(f"{self.at['engagement']}/sign", signed)

    async def _hand_in(self) -> None:
        milestones = await eventually(
            self._milestones,
            lambda found: all(item["state"] == "ready" for item in found),
            what="Holding the money of the sandbox",
        )
        await self.intern.post(f"{self.at['engagement']}/check-in", self.life["check_ins"][0])
        for milestone, delivery in zip(milestones, self.life["deliverables"], strict=True):
            files = [await self.intern.upload(**file) for file in delivery["files"]]
            body = {name: delivery[name] for name in ("note", "criteria_met")}
            body["file_ids"] = [file["id"] for file in files]
            await self.intern.post(f"/v1/milestones/{milestone['id']}/submit", body)

    async def _milestones(self) -> list[Any]:
        found: list[Any] = (await self.intern.get(f"{self.at['engagement']}/milestones"))["items"]
        return found

    async def _now(self) -> datetime:
        return datetime.fromisoformat((await self.intern.get("/v1/sandbox/clock"))["now"])

    async def _fall_silent(self) -> None:
        now, started = await self._now(), time.monotonic()
        fired = await self._advance(now + timedelta(days=DAYS))
        what = f"Nobody says a word any more, and the clock moves {DAYS} days"
        self.teller.step(what, took=time.monotonic() - started)
        reminders = sum(item["kind"] == "reminder" for item in fired)
        then = await self._now()
        self.teller.line("clock", f"{day(now.isoformat())} -> {day(then.isoformat())}")
        self.teller.line("rang", f"{reminders} reminders, {len(fired) - reminders} deadlines")

    async def _advance(self, to: datetime) -> list[Any]:
        """In several requests, when a room is away and each takes too long."""
        fired: list[Any] = []
        while True:
            wanted = {"tenant": self.tenant, "to": to.isoformat()}
            moved = await self.owner.post("/v1/sandbox/clock", wanted)
            fired += moved["fired"]
            if moved["reached"]:
                return fired

    async def _tell_of_it(self) -> None:
        """What both are told of, on the days of the sandbox."""
        await self._told(self.intern, "credential.issued.v1")
        found = [
            (notice["created_at"], person.person["name"].split()[0], notice["title"])
            for person in self.people.values()
            for notice in await notices(person)
            if notice["id"] not in self.known
        ]
        before = ""
        for at, name, title in sorted(found):
            label = short_day(at)
            self.teller.line(label if label != before else "", f"{name:10}  {escape(title)}")
            before = label

    async def _told(self, person: Api, kind: str, times: int = 1) -> None:
        await eventually(
            lambda: notices(person),
            lambda found: [notice["kind"] for notice in found].count(kind) >= times,
            what=f"Telling of {kind} in the sandbox",
        )

    async def _end(self) -> list[Finding]:
        payments = (await self.intern.get("/v1/me/payments"))["items"]
        credential = (await self.intern.get("/v1/me/credentials"))["items"][0]
        paid = [payment for payment in payments if payment["state"] == "paid"]
        for payment in reversed(paid):
            receipt = await self.intern.get(f"/v1/payments/{payment['id']}/receipt")
            told = f"{pesos(receipt['net'])} on {day(receipt['issued_at'])}, receipt {receipt['number']}"
            self.teller.line("paid", told)
        self.teller.line("badge", escape(credential["url"]))
        self.teller.explain(
            f"Posting, work, {DAYS} days of silence, pay and badge: "
            f"{time.monotonic() - self.started:.1f} s of real time."
        )
        whole = sum(payment["amount"] for payment in paid) == self.project["fee_centavos"]
        text = f"in the sandbox silence paid {pesos(self.project['fee_centavos'])}, the whole fee"
        return [
            Finding(whole and len(paid) == len(payments), text),
            *await self._badge(credential),
            await self._mails(),
        ]

    async def _badge(self, credential: Item) -> list[Finding]:
        content = await self.owner.document(f"/sandbox/credentials/{credential['id']}")
        trial, real = [
            json.loads(await self.owner.document(path))
            for path in ("/sandbox/did.json", "/.well-known/did.json")
        ]
        return await asyncio.to_thread(proving.of_a_trial, json.loads(content), trial, real)

    async def _mails(self) -> Finding:
        row = (await self.watch.fetch(MAILS, self.tenant))[0]
        return Finding(row["sent"] == 0, f"none of the sandbox's {row['due']} mails was sent")


async def notices(person: Api) -> list[Any]:
    return await person.all("/v1/me/notices")
