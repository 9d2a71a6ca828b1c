"""How soon an application is told of and explained, measured as rows that anybody can read."""

import asyncio
import math
import random
import time
from dataclasses import dataclass, field

from rich import box
from rich.table import Table

from launcher.demo.api import Api, Problem, first_failure, for_each
from launcher.demo.data import Item, World
from launcher.demo.loading import join
from launcher.demo.telling import milliseconds
from launcher.demo.watching import Watch
from launcher.errors import Refused

APPLICATIONS = 50
A_SECOND = 10
LOOK_EVERY = 0.005
PATIENCE = 60.0
NOTICE, MATCH = "notice", "match"
NOTICES = """SELECT DISTINCT subject AS id FROM notifications.notices
              WHERE person_id = ANY($1) AND kind = 'application.submitted.v1' AND subject = ANY($2)"""
MATCHES = """SELECT application_id AS id FROM matching.matches
              WHERE project_id = $1 AND application_id = ANY($2)"""
LETTER = (
    "Magandang araw po. Interesado rin ako sa proyektong ito at handa akong magsimula agad. "
    "Nasa profile ko ang mga kasanayan ko."
)


@dataclass(frozen=True)
class Bar:
    kind: str
    title: str
    limit: str
    seconds: float


BARS = (
    Bar(NOTICE, "notice written", "500 ms", 0.5),
    Bar(MATCH, "match explained", "1 s", 1.0),
)


@dataclass
class Latencies:
    """Seconds from just before a POST to the first look that found its row."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {NOTICE: [], MATCH: []})


async def others_apply(
    api: Api, world: World, watch: Watch, *, project_id: str, but: str, count: int = APPLICATIONS
) -> tuple[Latencies, list[str]]:
    """Let people of the demo apply, a few each second; return also their applications."""
    people = [person for person in world.people if person["email"] != but]
    chosen = random.sample(people, min(count, len(people)))
    applicants: list[Api] = []

    async def enter(person: Item) -> None:
        applicants.append(await join(api, person))

    await for_each(chosen, enter)
    measuring = Measuring(watch, project_id, [one.person["id"] for one in applicants])
    return await measuring.run(applicants)


@dataclass
class Measuring:
    watch: Watch
    project_id: str
    person_ids: list[str]
    sent: dict[str, float] = field(default_factory=dict)
    found: dict[str, dict[str, float]] = field(default_factory=lambda: {NOTICE: {}, MATCH: {}})
    refused: int = 0

    async def run(self, applicants: list[Api]) -> tuple[Latencies, list[str]]:
        with first_failure():
            async with asyncio.TaskGroup() as group:
                group.create_task(self._look(len(applicants)))
                for applicant in applicants:
                    group.create_task(self._apply(applicant))
                    await asyncio.sleep(1 / A_SECOND)
        latencies = Latencies()
        for kind, found in self.found.items():
            latencies.seconds[kind] = [at - self.sent[one] for one, at in found.items()]
        return latencies, list(self.sent)

    async def _apply(self, applicant: Api) -> None:
        started = time.monotonic()
        try:
            sent = await applicant.post(
                f"/v1/projects/{self.project_id}/applications", {"cover_letter": LETTER}
            )
        except Problem as problem:
            if problem.status != 409:
                raise
            self.refused += 1
        else:
            self.sent[sent["id"]] = started

    async def _look(self, count: int) -> None:
        end = time.monotonic() + PATIENCE
        while not self._complete(count):
            await asyncio.sleep(LOOK_EVERY)
            if time.monotonic() > end:
                raise Refused("Not every application was told of and explained within a minute.")
            await self._note(NOTICE, NOTICES, self.person_ids)
            await self._note(MATCH, MATCHES, self.project_id)

    async def _note(self, kind: str, statement: str, where: object) -> None:
        found = self.found[kind]
        waiting = [one for one in self.sent if one not in found]
        if waiting:
            rows = await self.watch.fetch(statement, where, waiting)
            now = time.monotonic()
            found.update({str(row["id"]): now for row in rows})

    def _complete(self, count: int) -> bool:
        whole = len(self.sent) + self.refused == count
        return whole and all(len(found) == len(self.sent) for found in self.found.values())


def percentile(values: list[float], share: float) -> float:
    """The nearest rank: a value that was really measured."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def table(latencies: Latencies) -> Table:
    shown = Table("from POST to", "median", "p95", "p99", "bar for p99", "", box=box.SIMPLE)
    for bar in BARS:
        values = latencies.seconds[bar.kind]
        if values:
            shown.add_row(*_row(bar, values))
    return shown


def _row(bar: Bar, values: list[float]) -> list[str]:
    found = [milliseconds(percentile(values, share)) for share in (0.5, 0.95, 0.99)]
    holds = percentile(values, 0.99) < bar.seconds
    mark = "[green]✓[/]" if holds else "[red]✗ missed[/]"
    return [bar.title, *found, f"under {bar.limit}", mark]
