"""One micro-internship from posting to badge, as both people live it."""

import contextlib
import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from urllib.parse import quote
from uuid import uuid4

import aiohttp
from rich.markup import escape

from launcher.console import show
from launcher.demo import backstage, measuring, proving
from launcher.demo.api import Api, Problem, eventually, opened
from launcher.demo.backstage import Backstage
from launcher.demo.data import Item, World, profile_body, project_body, read, skill_id, world
from launcher.demo.loading import PASSWORD, employ, enter
from launcher.demo.proving import Finding
from launcher.demo.scene import Party, Scene
from launcher.demo.silence import DAYS, Silence
from launcher.demo.telling import day, pesos
from launcher.demo.watching import watching
from launcher.errors import Refused
from services.matching.scoring.words import Language, in_words
from shared.errors import Invalid

LANGUAGES: tuple[Language, ...] = ("fil", "en")
# The last delivery is handed in twice: at first without the guide, and sent back with these words.
FIRST_TRY = (
    "Ito na ang talaan ng presyo at ang larawan para sa group chat. Sinusubukan pa ito ng tatlong "
    "kasapi; isusunod ko ang gabay."
)
CHANGES = (
    "Malapit na. Maayos ang talaan at nababasa ang larawan sa telepono ko. Nagkamali lang si Aling "
    "Belen sa petsa dahil tina-type pa ito. Gawing pinipili ang petsa, at isama na ang gabay."
)
# Of the agreement, which is long.
CLAUSES = ("Bayad:", "Pananahimik:", "Pay:", "Silence:")


async def play(api_url: str, stage: Backstage | None = None) -> None:
    """With a new applicant and a new posting each time; Refused when something does not hold."""
    stage = stage or backstage.find(api_url)
    try:
        async with opened(api_url) as api, watching(stage.database_url) as watch:
            cast = Cast.of(world(), read("life"))
            contact, organization_id = await employ(api, cast.organization)
            employer = Party(contact, first_name(cast.organization["contact"]["name"]))
            await employer.notices()
            applicant = Party(Api(api.session, api.base), first_name(cast.person["name"]))
            scene = Scene(employer, applicant, watch)
            await Play(scene, cast, stage, organization_id).run()
    except (Problem, Invalid) as wrong:
        raise Refused(f"The demo stopped: {wrong}") from wrong


def numbered(title: str, titles: list[str]) -> str:
    """With the next number that no earlier posting has taken."""
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


def clauses(text: str, beginnings: tuple[str, ...]) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(beginnings)]


def size(text: str) -> str:
    return f"{len(text.encode()) / 1024:.1f} KiB"


@dataclass(frozen=True)
class Cast:
    """Who plays what, as the demo's data have it."""

    world: World
    life: Item
    organization: Item
    project: Item
    person: Item

    @classmethod
    def of(cls, world: World, life: Item) -> "Cast":
        organization = next(
            item for item in world.organizations if item["slug"] == life["organization"]
        )
        project = next(item for item in world.projects if item["slug"] == life["project"])
        person = next(item for item in world.people if item["email"] == life["applicant"])
        return cls(
            world, life, organization, project, person | {"email": one_more(person["email"])}
        )


@dataclass
class Play:
    scene: Scene
    cast: Cast
    stage: Backstage
    organization_id: str
    others: list[str] = field(default_factory=list)
    agreement: Item = field(default_factory=dict)
    found: list[Finding] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    async def run(self) -> None:
        person, organization = self.cast.person, self.cast.organization
        self._chapter(f"One micro-internship: {person['name']} and {organization['name']}")
        await self._join()
        await self._post()
        await self._show_matches()
        await self._apply()
        self._chapter(f"{measuring.APPLICATIONS} others apply too, {measuring.A_SECOND} a second")
        await self._let_others_apply()
        self._chapter("Chosen, offered, agreed")
        await self._choose()
        await self._agree()
        self._chapter("The work")
        await self._work()
        await self._work_on()
        self._chapter("Feedback and badge")
        await self._say_how_it_was()
        await self._earn_badge()
        self._chapter("The money")
        await self._show_money()
        self._chapter(f"Mails to {self.scene.applicant.name}")
        await self._show_mails()
        self._chapter(f"The same in a sandbox, with everybody silent for {DAYS} days")
        await self._fall_silent()
        await self._prove()

    def _chapter(self, title: str) -> None:
        self.scene.teller.chapter(title)

    async def _join(self) -> None:
        applicant, person = self.scene.applicant, self.cast.person

        async def act() -> None:
            applicant.api, _ = await enter(applicant.api, person)
            self.scene.watch.follow(applicant.api.person["id"])
            await applicant.api.put("/v1/me/profile", profile_body(person))

        await self.scene.step(f"{person['name']} signs up and fills in a profile", act)
        self.scene.teller.line("person", f"{person['email']}, {len(person['skills'])} skills")

    async def _post(self) -> None:
        scene, employer = self.scene, self.scene.employer
        at = f"/v1/organizations/{self.organization_id}/projects"
        titles = [item["title"] for item in await employer.api.all(at)]
        project = self.cast.project | {"title": numbered(self.cast.project["title"], titles)}

        async def draft() -> None:
            scene.remember("project", await employer.api.post(at, project_body(project)))
            await employer.api.post(f"{scene.at('project')}/submit")

        await scene.step(f"{employer.name} drafts a posting and submits it", draft)
        scene.teller.line("title", escape(project["title"]))
        fee = pesos(project["fee_centavos"])
        await scene.step(f"{employer.name} pays {fee} into holding; the posting opens", self._fund)

    async def _fund(self) -> None:
        """It opens when the provider, which the timers process asks, holds the money."""
        scene, employer = self.scene, self.scene.employer
        asked = await employer.api.post(f"{scene.at('project')}/fund")
        for number, payment in enumerate(asked["items"], 1):
            scene.remember(f"payment {number}", payment)
        await eventually(
            lambda: employer.api.get(scene.at("project")),
            lambda project: project["state"] == "open",
            what="Opening the posting",
        )

    async def _show_matches(self) -> None:
        scene, teller = self.scene, self.scene.teller
        found = await scene.employer.api.get(f"{scene.at('project')}/matches?limit=100")
        ids = [item["person_id"] for item in found["items"]]
        mine = scene.applicant.api.person["id"]
        place = f"number {ids.index(mine) + 1}" if mine in ids else "not among them"
        teller.line("match", f"{len(ids)} people fit; {scene.applicant.name} is {place}")
        for item in found["items"][:3]:
            teller.line("", f"{round(item['score'] * 100)} of 100  {escape(item['headline'])}")

    async def _apply(self) -> None:
        scene, applicant, letter = self.scene, self.scene.applicant, self.cast.life["cover_letter"]

        async def act() -> None:
            at = f"{scene.at('project')}/applications"
            scene.remember("application", await applicant.api.post(at, {"cover_letter": letter}))

        what = f"{applicant.name} applies with a letter written for this posting"
        await scene.step(what, act, words=letter)
        match = await applicant.api.get(f"{scene.at('application')}/match")
        for language in LANGUAGES:
            said = in_words(
                match["explanation"], lambda skill: match["labels"].get(skill, skill), language
            )
            scene.teller.paragraph(f"why {language}", said)

    async def _let_others_apply(self) -> None:
        latencies, self.others = await measuring.others_apply(
            Api(self.scene.employer.api.session, self.scene.employer.api.base),
            self.cast.world,
            self.scene.watch,
            project_id=self.scene.records["project"],
            but=self.cast.life["applicant"],
        )
        show(measuring.table(latencies))
        self.scene.teller.explain(
            "Measured at this end: the clock starts just before the POST is sent and stops when a "
            f"look into the database, every {measuring.LOOK_EVERY * 1000:.0f} ms, finds the "
            "committed row, so the request itself is within. "
            f"Of {len(self.others)} applications, p99 is the slowest one."
        )

    async def _choose(self) -> None:
        scene, employer, name = self.scene, self.scene.employer, self.scene.applicant.name
        await scene.command("application", "view", employer, "opens the letter")
        await scene.command("application", "shortlist", employer, f"shortlists {name}")
        starts = next_monday(date.today())  # noqa: DTZ011 - the day of whoever watches
        offer = {"message": self.cast.life["offer_message"], "starts_on": starts.isoformat()}
        what = f"offers the work, from {starts:%d %B %Y}"
        await scene.command("application", "offer", employer, what, offer, words=offer["message"])

    async def _agree(self) -> None:
        scene, applicant = self.scene, self.scene.applicant
        what = f"{applicant.name} accepts; the others hear that the seat is taken"
        await scene.step(what, self._accept)
        self._show_agreement()
        signed = {"agreement_hash": self.agreement["agreement_hash"]}
        for party in (applicant, scene.employer):
            await scene.command("engagement", "sign", party, "signs the agreement", signed)

    async def _accept(self) -> None:
        scene, api = self.scene, self.scene.applicant.api
        await api.post(f"{scene.at('application')}/accept")
        mine = await api.get("/v1/me/engagements")
        scene.remember("engagement", mine["items"][0])
        self.agreement = mine["items"][0]
        found = await api.get(f"{scene.at('engagement')}/milestones")
        for number, milestone in enumerate(found["items"], 1):
            scene.remember(f"milestone {number}", milestone)

    def _show_agreement(self) -> None:
        teller = self.scene.teller
        for clause in clauses(self.agreement["agreement"], CLAUSES):
            teller.paragraph("agreed" if clause.startswith(CLAUSES[0]) else "", clause)
        teller.line("SHA-256", self.agreement["agreement_hash"])

    async def _work(self) -> None:
        life, scene = self.cast.life, self.scene
        kickoff = {"mood": "fine", "note": life["kickoff"]}
        what = "says how to begin"
        await scene.command(
            "engagement", "check-in", scene.employer, what, kickoff, words=life["kickoff"]
        )
        await self._check_in(life["check_ins"][0], "; both have, so the work begins")
        await self._deliver(1, "delivers the first part", life["deliverables"][0])
        await self._accept_work(1, "accepts it", life["review"][0])

    async def _work_on(self) -> None:
        life, delivery = self.cast.life, self.cast.life["deliverables"][1]
        *met, unmet = delivery["criteria_met"]
        files = delivery["files"][:1]
        await self._check_in(life["check_ins"][1])
        first_try = {"note": FIRST_TRY, "criteria_met": met, "files": files}
        await self._deliver(2, "delivers the second part", first_try)
        await self._ask_for_changes(unmet)
        await self._check_in(life["check_ins"][2])
        await self._deliver(2, "delivers again", delivery)
        await self._accept_work(2, "accepts the whole work", life["review"][1])

    async def _check_in(self, said: Item, so: str = "") -> None:
        what, who = f"checks in: {said['mood']}{so}", self.scene.applicant
        await self.scene.command("engagement", "check-in", who, what, said, words=said["note"])

    async def _deliver(self, number: int, what: str, delivery: Item) -> None:
        scene, applicant = self.scene, self.scene.applicant

        async def act() -> None:
            files = [await applicant.api.upload(**file) for file in delivery["files"]]
            body = {name: delivery[name] for name in ("note", "criteria_met")}
            body["file_ids"] = [file["id"] for file in files]
            await applicant.api.post(f"{scene.at(f'milestone {number}')}/submit", body)

        await scene.step(f"{applicant.name} {what}", act, words=delivery["note"])
        names = [f"{file['name']} ({size(file['text'])})" for file in delivery["files"]]
        scene.teller.line("files", escape(", ".join(names)))

    async def _ask_for_changes(self, unmet: int) -> None:
        what = "asks for changes, naming what is not met yet"
        body = {"review": CHANGES, "criteria_unmet": [unmet]}
        await self.scene.command(
            "milestone 2", "request-changes", self.scene.employer, what, body, words=CHANGES
        )

    async def _accept_work(self, number: int, what: str, review: str) -> None:
        record, employer = f"milestone {number}", self.scene.employer
        await self.scene.command(record, "accept", employer, what, {"review": review}, words=review)

    async def _say_how_it_was(self) -> None:
        scene = self.scene
        for side, party in (("applicant", scene.applicant), ("employer", scene.employer)):
            said = self.cast.life["feedback"][side]
            what = f"gives feedback, {said['rating']} of 5"
            await scene.command("engagement", "feedback", party, what, said, words=said["words"])

    async def _earn_badge(self) -> None:
        scene, employer, applicant = self.scene, self.scene.employer, self.scene.applicant
        mine = await applicant.api.get("/v1/me/credentials")
        scene.remember("credential", mine["items"][0])
        skills = [skill_id(label) for label in self.cast.life["attested_skills"]]

        async def attest() -> None:
            await employer.api.post(f"{scene.at('credential')}/attest", {"skills": skills})
            await eventually(
                lambda: applicant.api.get(scene.at("credential")),
                lambda credential: credential["state"] == "issued",
                what="Signing the badge",
            )

        what = f"{employer.name} confirms the skills; the badge is signed and issued"
        await scene.step(what, attest)
        what = "shows the badge to everybody"
        await scene.command("credential", "publish", applicant, what, {"published": True})

    async def _show_money(self) -> None:
        teller, who = self.scene.teller, self.scene.applicant
        mine = (await who.api.get("/v1/me/payments"))["items"]
        for payment in reversed(mine):
            latest = f"with {who.name} by {day(payment['pay_by'])} at the latest"
            teller.line("pay", f"{pesos(payment['net'])} {payment['state']}, {latest}")
        teller.explain(
            "Held before anybody applied, owed since the work was accepted, sent after a day of "
            "cooling: tomorrow in real time, and at once in the sandbox below."
        )

    async def _fall_silent(self) -> None:
        """A new person may make sandboxes; the employer of this life is in every play."""
        cast, scene = self.cast, self.scene
        silence = Silence(scene.applicant.api, cast.project, cast.life, scene.teller, scene.watch)
        self.found += await silence.run()

    async def _show_mails(self) -> None:
        statement = """SELECT state, count(*) AS mails FROM notifications.deliveries
                        WHERE person_id = $1 GROUP BY state"""
        person_id = self.scene.applicant.api.person["id"]
        found = await eventually(
            lambda: self.scene.watch.fetch(statement, person_id),
            lambda rows: all(row["state"] != "due" for row in rows),
            what="Sending the mails",
            pause=0.1,
        )
        self.scene.teller.line(
            "mails", ", ".join(f"{row['mails']} {row['state']}" for row in found)
        )
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            await self._show_received()

    async def _show_received(self) -> None:
        """What the mail server of this machine holds, if there is one."""
        if self.stage.mails_url is None:
            return
        url, to = f"{self.stage.mails_url}/messages.json", self.cast.person["email"]
        async with self.scene.applicant.api.session.get(url, params={"to": to}) as response:
            mails = await response.json()
        self.scene.teller.line("inbox", f"{len(mails)} have arrived; the newest:")
        for mail in mails[:3]:
            self.scene.teller.line("", escape(mail["subject"]))

    async def _prove(self) -> None:
        scene, api = self.scene, self.scene.applicant.api
        credential = await api.get(scene.at("credential"))
        scene.watch.follow(*self.others)
        found = [
            *await proving.check_badge(api, credential["id"]),
            *await proving.findings(scene.watch, scene.records["project"]),
            *self.found,
        ]
        self._chapter("What holds")
        for finding in found:
            scene.teller.finding(finding.text, holds=finding.holds)
        self._look_next(credential["url"])
        took = time.monotonic() - self.started
        self._chapter(
            f"Played in {took:.1f} s: {scene.teller.steps} steps, {scene.teller.events} events, "
            f"{scene.teller.notices} notices to {scene.applicant.name} and {scene.employer.name}"
        )
        proving.require(found)

    def _look_next(self, badge_url: str) -> None:
        teller, base = self.scene.teller, self.scene.employer.api.base
        email, contact = self.cast.person["email"], self.cast.organization["contact"]["email"]
        self._chapter("What to look at next")
        teller.address("the badge", badge_url)
        teller.address("the issuer's keys", f"{base}/.well-known/did.json")
        teller.address("the posting", f"{base}{self.scene.at('project')}")
        teller.address("the API", f"{base}/docs")
        if self.stage.mails_url:
            teller.address("the mails", f"{self.stage.mails_url}/?to={quote(email)}")
        teller.address("sign in as", f"{email} or {contact}")
        teller.address("password", PASSWORD)
