"""One micro-internship from posting to badge, as both people live it."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from rich.markup import escape

from launcher.console import show
from launcher.demo import backstage, measuring, proving
from launcher.demo.api import Api, Problem, eventually, opened
from launcher.demo.backstage import Backstage
from launcher.demo.data import Item, World, profile_body, project_body, read, skill_id, world
from launcher.demo.loading import PASSWORD, employ, enter
from launcher.demo.telling import Teller
from launcher.demo.watching import Watch, watching
from launcher.errors import Refused
from services.matching.scoring.words import Language, in_words
from shared.errors import Invalid

Act = Callable[[], Awaitable[Any]]

# The work in two deliveries: the second is sent back once, for what its check-in tells of.
FIRST_TRY = (
    "Ito na ang talaan ng presyo at ang larawan para sa group chat. Sinusubukan pa ito ng tatlong "
    "kasapi; isusunod ko ang gabay."
)
CHANGES = (
    "Malapit na. Maayos ang talaan at nababasa ang larawan sa telepono ko. Nagkamali lang si Aling "
    "Belen sa petsa dahil tina-type pa ito. Gawing pinipili ang petsa, at isama na ang gabay."
)


async def play(api_url: str, stage: Backstage | None = None) -> None:
    """Play it with a new applicant and a new posting; end in Refused when something does not hold."""
    stage = stage or backstage.find(api_url)
    try:
        async with opened(api_url) as api, watching(stage.database_url) as watch:
            await Play(api, watch, stage, world(), read("life")).run()
    except (Problem, Invalid) as wrong:
        raise Refused(f"The demo stopped: {wrong}") from wrong


def numbered(title: str, titles: list[str]) -> str:
    """The next number that no earlier posting has taken."""
    number = 2
    while f"{title} (#{number})" in titles:
        number += 1
    return f"{title} (#{number})"


def one_more(email: str) -> str:
    """Another address of the same person."""
    name, _, host = email.partition("@")
    return f"{name}+{uuid4().hex[:6]}@{host}"


def next_monday(today: date) -> date:
    return today + timedelta(days=7 - today.weekday())


def first_name(name: str) -> str:
    return name.rpartition(" ")[0] or name


@dataclass
class Play:
    api: Api
    watch: Watch
    stage: Backstage
    world: World
    life: Item
    teller: Teller = field(default_factory=Teller)
    records: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    started: float = field(default_factory=time.monotonic)

    async def run(self) -> None:
        await self._meet()
        await self._post()
        await self._match()
        await self._apply()
        await self._others()
        await self._agree()
        await self._first_delivery()
        await self._second_delivery()
        await self._feedback()
        await self._badge()
        await self._mails()
        await self._close()

    # The people and the posting.

    async def _meet(self) -> None:
        wanted = self.life["applicant"]
        person = next(item for item in self.world.people if item["email"] == wanted)
        self.person = person | {"email": one_more(wanted)}
        slug = self.life["organization"]
        organization = next(item for item in self.world.organizations if item["slug"] == slug)
        self.contact = organization["contact"]
        self.ana, self.edring = first_name(person["name"]), first_name(self.contact["name"])
        self.teller.chapter(f"One micro-internship: {person['name']} and {organization['name']}")
        self.employer, self.organization_id = await employ(self.api, organization)
        self.seen.update(item["id"] for item in await self._notices(self.employer))
        await self._step(f"{person['name']} signs up and fills in a profile", self._join)
        self.teller.line("person", f"{self.person['email']}, {len(person['skills'])} skills")

    async def _join(self) -> None:
        self.applicant, _ = await enter(self.api, self.person)
        self.watch.follow(self.applicant.person["id"])
        await self.applicant.put("/v1/me/profile", profile_body(self.person))

    async def _post(self) -> None:
        slug = self.life["project"]
        template = next(item for item in self.world.projects if item["slug"] == slug)
        at = f"/v1/organizations/{self.organization_id}/projects"
        titles = [item["title"] for item in await self.employer.all(at)]
        project = template | {"title": numbered(template["title"], titles)}

        async def draft() -> None:
            drafted = await self.employer.post(at, project_body(project))
            self._remember("project", drafted)
            await self.employer.post(f"{self._at('project')}/submit")

        await self._step(f"{self.edring} drafts a posting and submits it", draft)
        self.teller.line("title", escape(project["title"]))
        pesos = f"₱{project['fee_centavos'] / 100:,.0f}"
        await self._step(
            f"{self.edring} pays {pesos} into holding; the posting opens",
            lambda: self.employer.post(f"{self._at('project')}/fund"),
        )

    async def _match(self) -> None:
        found = await self.employer.get(f"{self._at('project')}/matches?limit=100")
        ids = [item["person_id"] for item in found["items"]]
        mine = self.applicant.person["id"]
        place = f"{self.ana} is number {ids.index(mine) + 1}" if mine in ids else "not in the list"
        self.teller.line("match", f"{len(ids)} people fit; {place}")
        for item in found["items"][:3]:
            points = round(item["score"] * 100)
            self.teller.line("", f"[dim]{points} of 100[/]  {escape(item['headline'])}")

    # From the letter to the signatures.

    async def _apply(self) -> None:
        async def act() -> None:
            sent = await self.applicant.post(
                f"{self._at('project')}/applications", {"cover_letter": self.life["cover_letter"]}
            )
            self._remember("application", sent)

        what = f"{self.ana} applies with a letter written for this posting"
        await self._step(what, act, words=self.life["cover_letter"])
        match = await self.applicant.get(f"{self._at('application')}/match")
        languages: tuple[Language, ...] = ("fil", "en")
        for language in languages:
            said = in_words(
                match["explanation"], lambda skill: match["labels"].get(skill, skill), language
            )
            self.teller.line(f"why {language}", escape(said))

    async def _others(self) -> None:
        self.teller.chapter(
            f"{measuring.APPLICATIONS} others apply as well, {measuring.A_SECOND} a second"
        )
        latencies, applications = await measuring.others_apply(
            self.api,
            self.world,
            self.watch,
            project_id=self.records["project"],
            but=self.life["applicant"],
        )
        self.others = applications
        show(measuring.table(latencies))
        self.teller.explain(
            "Measured at this end: the clock starts just before the POST is sent and stops when a "
            f"look into the database, every {measuring.LOOK_EVERY * 1000:.0f} ms, finds the "
            f"committed row. The time of the request itself is within. With {len(applications)} "
            "applications, p99 is the slowest one."
        )

    async def _agree(self) -> None:
        self.teller.chapter("Chosen, offered, agreed")
        await self._command("application", "view", self.employer, f"{self.edring} opens the letter")
        await self._command(
            "application", "shortlist", self.employer, f"{self.edring} shortlists {self.ana}"
        )
        starts = next_monday(date.today())  # noqa: DTZ011 - the day of whoever watches
        offer = {"message": self.life["offer_message"], "starts_on": starts.isoformat()}
        await self._command(
            "application",
            "offer",
            self.employer,
            f"{self.edring} offers the work, from {starts:%d %B %Y}",
            offer,
            words=offer["message"],
        )
        await self._step(
            f"{self.ana} accepts; the others hear that the seat is taken", self._accept
        )
        for party, name in ((self.applicant, self.ana), (self.employer, self.edring)):
            signed = {"agreement_hash": self.agreement_hash}
            await self._command("engagement", "sign", party, f"{name} signs the agreement", signed)

    async def _accept(self) -> None:
        await self.applicant.post(f"{self._at('application')}/accept")
        mine = await self.applicant.get("/v1/me/engagements")
        self._remember("engagement", mine["items"][0])
        self.agreement_hash = mine["items"][0]["agreement_hash"]
        found = await self.applicant.get(f"{self._at('engagement')}/milestones")
        for place, milestone in enumerate(found["items"], 1):
            self._remember(f"milestone {place}", milestone)

    # The work.

    async def _first_delivery(self) -> None:
        self.teller.chapter("The work")
        kickoff = {"mood": "fine", "note": self.life["kickoff"]}
        await self._check_in(self.employer, f"{self.edring} begins the work", kickoff)
        await self._applicant_checks_in(self.life["check_ins"][0])
        delivery = self.life["deliverables"][0]
        await self._deliver("milestone 1", f"{self.ana} delivers the first part", delivery)
        await self._review("milestone 1", f"{self.edring} accepts it", self.life["review"][0])

    async def _second_delivery(self) -> None:
        delivery = self.life["deliverables"][1]
        await self._applicant_checks_in(self.life["check_ins"][1])
        first = {"note": FIRST_TRY, "criteria_met": delivery["criteria_met"][:-1]}
        first["files"] = delivery["files"][:1]
        await self._deliver("milestone 2", f"{self.ana} delivers the second part", first)
        unmet = {"review": CHANGES, "criteria_unmet": delivery["criteria_met"][-1:]}
        what = f"{self.edring} asks for changes, naming what is not met yet"
        await self._command(
            "milestone 2", "request-changes", self.employer, what, unmet, words=CHANGES
        )
        await self._applicant_checks_in(self.life["check_ins"][2])
        await self._deliver("milestone 2", f"{self.ana} delivers again", delivery)
        what = f"{self.edring} accepts the whole work"
        await self._review("milestone 2", what, self.life["review"][1])

    async def _applicant_checks_in(self, said: Item) -> None:
        what = f"{self.ana} checks in: {said['mood']}"
        await self._check_in(self.applicant, what, said)

    async def _check_in(self, who: Api, what: str, body: Item) -> None:
        await self._command("engagement", "check-in", who, what, body, words=body["note"])

    async def _deliver(self, milestone: str, what: str, delivery: Item) -> None:
        async def act() -> None:
            files = [await self.applicant.upload(**file) for file in delivery["files"]]
            body = {
                "note": delivery["note"],
                "criteria_met": delivery["criteria_met"],
                "file_ids": [file["id"] for file in files],
            }
            await self.applicant.post(f"{self._at(milestone)}/submit", body)

        await self._step(what, act, words=delivery["note"])
        names = ", ".join(f"{file['name']} ({_size(file)})" for file in delivery["files"])
        self.teller.line("files", escape(names))

    async def _review(self, milestone: str, what: str, review: str) -> None:
        body = {"review": review}
        await self._command(milestone, "accept", self.employer, what, body, words=review)

    # What is left of it: feedback, badge, mails.

    async def _feedback(self) -> None:
        self.teller.chapter("Feedback and badge")
        said = self.life["feedback"]
        for who, name, party in (
            (self.applicant, self.ana, "applicant"),
            (self.employer, self.edring, "employer"),
        ):
            what = f"{name} gives feedback, {said[party]['rating']} of 5"
            await self._command(
                "engagement", "feedback", who, what, said[party], words=said[party]["words"]
            )

    async def _badge(self) -> None:
        async def attest() -> None:
            skills = [skill_id(label) for label in self.life["attested_skills"]]
            await self.employer.post(f"{self._at('credential')}/attest", {"skills": skills})
            await eventually(
                lambda: self.applicant.get(self._at("credential")),
                lambda credential: credential["state"] == "issued",
                what="Signing the badge",
            )

        waiting = await self.employer.get("/v1/me/credentials?limit=100")
        mine = self.records["engagement"]
        proposed = next(item for item in waiting["items"] if item["engagement_id"] == mine)
        self._remember("credential", proposed)
        what = f"{self.edring} confirms the skills; the badge is signed and issued"
        await self._step(what, attest)
        await self._command(
            "credential",
            "publish",
            self.applicant,
            f"{self.ana} shows the badge to everybody",
            {"published": True},
        )

    async def _mails(self) -> None:
        statement = """SELECT state, count(*) AS mails FROM notifications.deliveries
                        WHERE person_id = $1 GROUP BY state"""

        async def states() -> dict[str, int]:
            rows = await self.watch.fetch(statement, self.applicant.person["id"])
            return {row["state"]: row["mails"] for row in rows}

        found = await eventually(
            states, lambda counts: "due" not in counts, what="Sending the mails", pause=0.1
        )
        self.teller.chapter(f"Mails to {self.ana}")
        listed = ", ".join(f"{count} {state}" for state, count in found.items())
        self.teller.line("mails", f"{listed}; every mail is a notice from above")
        await self._received()

    async def _received(self) -> None:
        """What the mail server of this machine holds, if there is one."""
        if self.stage.mails_url is None:
            return
        url = f"{self.stage.mails_url}/messages.json"
        async with self.api.session.get(url, params={"to": self.person["email"]}) as response:
            mails = await response.json()
        self.teller.line("inbox", f"{len(mails)} have arrived; the newest:")
        for mail in mails[:3]:
            self.teller.line("", escape(mail["subject"]))

    async def _close(self) -> None:
        credential = await self.applicant.get(self._at("credential"))
        checked = await proving.check_badge(self.api, credential["id"])
        self.watch.follow(*self.others)
        found = [
            proving.Finding(
                holds=True, text="the badge's signature fits the issuer's published key"
            ),
            proving.Finding(checked.notices_changes, "a badge with one changed word is refused"),
            *await proving.findings(self.watch, self.records["project"]),
        ]
        self.teller.chapter("What holds")
        for finding in found:
            self.teller.finding(finding.text, holds=finding.holds)
        self._look_next(credential["url"])
        teller, took = self.teller, time.monotonic() - self.started
        self.teller.chapter(
            f"Played in {took:.1f} s: {teller.steps} steps, {teller.events} events, "
            f"{teller.notices} notices to {self.ana} and {self.edring}"
        )
        proving.require(found)

    def _look_next(self, badge_url: str) -> None:
        self.teller.chapter("What to look at next")
        self.teller.address("the badge", badge_url)
        self.teller.address("the issuer's keys", f"{self.api.base}/.well-known/did.json")
        self.teller.address("the posting", f"{self.api.base}{self._at('project')}")
        self.teller.address("the API", f"{self.api.base}/docs")
        if self.stage.mails_url:
            to = quote(self.person["email"])
            self.teller.address("the mails", f"{self.stage.mails_url}/?to={to}")
        self.teller.address(
            "sign in as", f"{self.person['email']} or {self.contact['email']}, password: {PASSWORD}"
        )

    # One step.

    async def _command(
        self,
        record: str,
        command: str,
        who: Api,
        what: str,
        body: Item | None = None,
        *,
        words: str = "",
    ) -> None:
        path = f"{self._at(record)}/{command}"
        await self._step(what, lambda: who.post(path, body), words=words)

    async def _step(self, what: str, act: Act, *, words: str = "") -> None:
        """Act, wait until all rooms are done with what follows, and tell of it."""
        started = time.monotonic()
        await act()
        took = time.monotonic() - started
        events = await self.watch.settled()
        settled = time.monotonic() - started
        self.teller.step(what, took=took, settled=settled)
        if words:
            self.teller.words(words)
        self.teller.moved(await self._states())
        self.teller.said(events)
        await self._tell_notices({str(event.id) for event in events})

    async def _states(self) -> dict[str, str]:
        found = {record: await self.employer.get(self._at(record)) for record in self.records}
        return {record: item["state"] for record, item in found.items()}

    async def _tell_notices(self, event_ids: set[str]) -> None:
        for who, name in ((self.applicant, self.ana), (self.employer, self.edring)):
            for notice in reversed(await self._notices(who)):
                if notice["id"] not in self.seen and notice["event_id"] in event_ids:
                    self.seen.add(notice["id"])
                    self.teller.told(name, notice)

    async def _notices(self, who: Api) -> list[Any]:
        page = await who.get("/v1/me/notices?limit=100")
        items: list[Any] = page["items"]
        return items

    def _remember(self, record: str, found: Item) -> None:
        self.records[record] = found["id"]
        self.watch.follow(found["id"])

    def _at(self, record: str) -> str:
        return f"/v1/{record.partition(' ')[0]}s/{self.records[record]}"


def _size(file: Item) -> str:
    return f"{len(file['text'].encode()) / 1024:.1f} KiB"
