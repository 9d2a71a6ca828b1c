"""Fill an empty Sibol with a small country's worth of people and work, through its public API."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from launcher.demo.api import AT_ONCE, Api, Problem, for_each, opened
from launcher.demo.data import Item, World, organization_body, profile_body, project_body, world
from launcher.errors import Refused

Say = Callable[[str], None]

# The same for everybody in the demo, so that each of them can be looked at from inside.
PASSWORD = "maliit na usbong sa bukid"  # noqa: S105 - a demo's password is no secret
UNFUNDED = "awaiting_funding"
FUNDING_SECONDS = 180
TELL_SECONDS = 3.0


async def load(api_url: str, say: Say) -> None:
    """What is there already is left as it is, so that an interrupted load goes on where it was."""
    async with opened(api_url) as api:
        if await is_loaded(api, world()):
            say("the demo is loaded already")
        else:
            await Loading(api, world(), say).run()
    say(f"sign in as {_somebody(world())}; everybody's password: [bold]{PASSWORD}[/]")


async def is_loaded(api: Api, world: World) -> bool:
    letter = world.last_letter
    try:
        applicant = await api.sign_in(letter["email"], PASSWORD)
    except Problem:
        return False
    title = next(item["title"] for item in world.projects if item["slug"] == letter["project"])
    sent = await applicant.all("/v1/me/applications")
    return any(application["project_title"] == title for application in sent)


async def enter(api: Api, person: Item) -> tuple[Api, bool]:
    """Sign up, or in, as somebody of the demo."""
    try:
        return await api.enter(
            email=person["email"],
            password=PASSWORD,
            name=person["name"],
            locale=person["locale"],
        )
    except Problem as problem:
        if problem.status != 401:
            raise
        raise Refused(
            f"{person['email']} has signed up with another password than the demo's. "
            "Load the demo into a database of its own."
        ) from problem


async def employ(api: Api, organization: Item) -> tuple[Api, str]:
    """Enter as the contact of an employer; return them and the employer's id."""
    contact, _ = await enter(api, organization["contact"])
    mine = await contact.get("/v1/me/organizations")
    for item in mine["items"]:
        if item["name"] == organization["name"]:
            return contact, item["id"]
    made = await contact.post_stable("/v1/organizations", organization_body(organization))
    return contact, made["id"]


async def join(api: Api, person: Item) -> Api:
    """Enter as an applicant whose profile is filled in."""
    applicant, is_new = await enter(api, person)
    if is_new or (await applicant.get("/v1/me/profile"))["version"] == 0:
        await applicant.put("/v1/me/profile", profile_body(person))
    return applicant


async def fund_posting(contact: Api, project: Item) -> None:
    """From whatever state an earlier run has left; unless a moderator must look first. It opens when
    the provider holds the money."""
    at = f"/v1/projects/{project['id']}"
    if project["state"] == "draft":
        project = await contact.post_stable(f"{at}/submit")
    if project["state"] == UNFUNDED:
        await contact.post_stable(f"{at}/fund")


@dataclass
class Loading:
    """People come first: whom a posting fits is then looked for once, and its employer is told of
    all of them at once."""

    api: Api
    world: World
    say: Say
    started: float = field(default_factory=time.monotonic)
    applicants: dict[str, Api] = field(default_factory=dict)
    project_ids: dict[str, str] = field(default_factory=dict)
    unfunded: dict[str, Api] = field(default_factory=dict)

    async def run(self) -> None:
        world = self.world
        await for_each(world.people, self._person)
        self.say(f"{len(world.people)} people; now {len(world.organizations)} employers")
        await for_each(world.organizations, self._employer)
        await self._wait_until_funded()
        self.say(f"every posting is open; now {len(world.letters)} applications")
        await for_each(world.letters[:-1], self._apply)
        await self._apply(world.last_letter)
        took = time.monotonic() - self.started
        self.say(f"the demo is loaded in {took:.1f} s")

    async def _person(self, person: Item) -> None:
        self.applicants[person["email"]] = await join(self.api, person)
        if len(self.applicants) % 100 == 0:
            self.say(f"{len(self.applicants)} of {len(self.world.people)} people")

    async def _employer(self, organization: Item) -> None:
        contact, organization_id = await employ(self.api, organization)
        at = f"/v1/organizations/{organization_id}/projects"
        known = {item["title"]: item for item in await contact.all(at)}
        for project in self.world.projects_of(organization):
            posted = known.get(project["title"]) or await contact.post_stable(
                at, project_body(project)
            )
            await fund_posting(contact, posted)
            self.project_ids[project["slug"]] = posted["id"]
            self.unfunded[posted["id"]] = contact

    async def _wait_until_funded(self) -> None:
        self.say(f"{len(self.unfunded)} postings; the payment provider takes the money for each")
        try:
            async with asyncio.timeout(FUNDING_SECONDS):
                await self._look_until_funded(len(self.unfunded))
        except TimeoutError as error:
            raise Refused(
                f"{len(self.unfunded)} postings still wait for their money after "
                f"{FUNDING_SECONDS} s. Look at ./sibol status and ./sibol logs timers."
            ) from error

    async def _look_until_funded(self, count: int) -> None:
        told = time.monotonic()
        while self.unfunded:
            await for_each(list(self.unfunded)[:AT_ONCE], self._look)
            await asyncio.sleep(0.1)
            if self.unfunded and time.monotonic() - told > TELL_SECONDS:
                told = time.monotonic()
                self.say(f"{count - len(self.unfunded)} of {count} postings are open")

    async def _look(self, project_id: str) -> None:
        project = await self.unfunded[project_id].get(f"/v1/projects/{project_id}")
        if project["state"] != UNFUNDED:
            del self.unfunded[project_id]

    async def _apply(self, letter: Item) -> None:
        """Under its stable key a letter that was sent before is only answered again."""
        at = f"/v1/projects/{self.project_ids[letter['project']]}/applications"
        body = {"cover_letter": letter["cover_letter"]}
        try:
            await self.applicants[letter["email"]].post_stable(at, body)
        except Problem as problem:
            if problem.status != 409:
                raise


def _somebody(world: World) -> str:
    contact = world.organizations[0]["contact"]["email"]
    return f"{contact} (employer) or {world.people[0]['email']} (applicant)"
