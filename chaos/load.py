"""Clients that never take no answer for an answer: with the same key they ask the other gateway."""

import asyncio
import json
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp

from chaos.ledger import Entry, Ledger
from chaos.people import Person, Posting, Town
from tests.support.api import Api, Life, Refused

TRY_SECONDS = 3
PAUSE_SECONDS = 0.15
PARALLEL, LATE, ALTERED = 0.05, 0.05, 0.3
LETTER = {"cover_letter": "Matagal na akong nagsasalin ng mga gabay para sa aming barangay."}
ANOTHER = {"cover_letter": "Ibang liham ito, at hindi ang naipadala ko noong una."}
# Said of a twin that is still under way, or was undone: ask again.
AGAIN = "The same request "

# Which command, by whom, with which body.
Step = tuple[str, Person, Any]


class Unanswered(Exception):
    """The run ended before any gateway gave an answer."""


@dataclass
class Client:
    session: aiohttp.ClientSession
    gateways: list[str]
    ledger: Ledger
    dice: random.Random
    closing_at: float = float("inf")
    _keys: "count[int]" = field(default_factory=lambda: count(1))

    async def command(
        self, person: Person, kind: str, path: str, body: Any, *, method: str = "POST"
    ) -> Entry:
        """Ask until it is answered, or the run ends."""
        entry = self.ledger.begin(
            person_id=str(person.id),
            kind=kind,
            method=method,
            path=path,
            key=f"chaos-{next(self._keys)}",
            body=body,
        )
        if self.dice.random() < PARALLEL:
            await self._twice_at_once(entry, person.token)
        else:
            with suppress(Unanswered):
                self.ledger.answered(entry, *await self._asked(entry, person.token))
        return entry

    async def _twice_at_once(self, entry: Entry, token: str) -> None:
        found = await asyncio.gather(
            self._asked(entry, token, first=0),
            self._asked(entry, token, first=1),
            return_exceptions=True,
        )
        answers = [answer for answer in found if not isinstance(answer, BaseException)]
        if answers:
            self.ledger.answered(entry, *answers[0])
        for answer in answers[1:]:
            self.ledger.repeated(entry, *answer)

    async def repeat(self, entry: Entry, token: str) -> None:
        """A late replay of an answered command."""
        with suppress(Unanswered):
            self.ledger.repeated(entry, *await self._asked(entry, token))

    async def alter(self, entry: Entry, token: str) -> None:
        """Another command under a key that was used is refused."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": entry.key}
        url = self.gateways[entry.number % len(self.gateways)] + entry.path
        answer = await self.once(entry.method, url, headers, ANOTHER)
        if answer is not None and answer[0] != 422:
            self.ledger.differences.append(
                f"{entry.key} was taken for another command: {answer[0]}"
            )

    async def _asked(
        self, entry: Entry, token: str, *, first: int | None = None
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": entry.key}
        # Spread over both, so that a frozen one keeps only half of the clients waiting.
        place = entry.number if first is None else first
        while True:
            entry.tries += 1
            base = self.gateways[place % len(self.gateways)]
            answer = await self.once(entry.method, base + entry.path, headers, entry.body)
            if answer is not None:
                return answer
            place += 1
            if time.monotonic() > self.closing_at:
                raise Unanswered
            await asyncio.sleep(PAUSE_SECONDS)

    async def once(
        self, method: str, url: str, headers: dict[str, str], body: Any
    ) -> tuple[int, Any] | None:
        """None when it is to be asked again."""
        given: dict[str, Any] = {"data": body} if isinstance(body, bytes) else {"json": body}
        try:
            async with (
                asyncio.timeout(TRY_SECONDS),
                self.session.request(method, url, headers=headers, **given) as response,
            ):
                text = await response.read()
                status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None
        answer = json.loads(text) if text else None
        if status >= 500 or status == 429 or _is_twin(status, answer):
            return None
        return status, answer


def _is_twin(status: int, answer: Any) -> bool:
    return (
        status == 409
        and isinstance(answer, dict)
        and str(answer.get("detail", "")).startswith(AGAIN)
    )


@dataclass
class PatientApi(Api):
    """The driver of whole lives, with every command in the ledger."""

    client: Client | None = None
    who: Person | None = None

    async def call(self, method: str, path: str, body: Any = None, **_: str) -> Any:
        assert self.client is not None
        assert self.who is not None
        if method == "GET" or isinstance(body, bytes):
            status, answer = await self._patiently(method, path, body)
        else:
            kind = f"life {path.rpartition('/')[2].partition('?')[0]}"
            entry = await self.client.command(self.who, kind, path, body, method=method)
            if entry.status is None:
                raise Unanswered
            status, answer = entry.status, entry.answer
        if status >= 400:
            raise Refused(status, answer)
        return answer

    async def _patiently(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        assert self.client is not None
        place = 0
        while time.monotonic() < self.client.closing_at:
            base = self.client.gateways[place % len(self.client.gateways)]
            headers = {"Authorization": f"Bearer {self.token}"}
            answer = await self.client.once(method, base + path, headers, body)
            if answer is not None:
                return answer
            place += 1
            await asyncio.sleep(PAUSE_SECONDS)
        raise Unanswered


@dataclass
class Load:
    """`ending` tells the clients to begin nothing more."""

    town: Town
    client: Client
    dice: random.Random
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    lives_done: int = 0
    lives_broken: list[str] = field(default_factory=list)
    _pairs: list[tuple[Person, Posting]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._pairs = [
            (person, posting) for posting in self.town.postings for person in self.town.applicants
        ]
        self.dice.shuffle(self._pairs)
        self._tokens = {
            str(person.id): person.token
            for person in (*self.town.applicants, *self.town.employers, *self.town.spare)
        }

    async def apply_again_and_again(self) -> None:
        while not self.ending.is_set() and self._pairs:
            person, posting = self._pairs.pop()
            await self._one_application(person, posting)
            if self.dice.random() < LATE * 4:
                await self._replay_late()

    async def _one_application(self, person: Person, posting: Posting) -> None:
        entry = await self.client.command(
            person, "apply", f"/v1/projects/{posting.id}/applications", LETTER
        )
        if not entry.is_acknowledged:
            return
        at = f"/v1/applications/{entry.answer['id']}"
        for kind, who, body in self._steps(person, posting.employer):
            step = await self.client.command(who, kind, f"{at}/{kind.replace('_', '-')}", body)
            if not step.is_acknowledged or self.ending.is_set():
                return

    def _steps(self, person: Person, employer: Person) -> list[Step]:
        """Nearly all end, since nobody may have too many waiting."""
        view: Step = ("view", employer, {})
        shortlist: Step = ("shortlist", employer, {})
        withdraw: Step = ("withdraw", person, {})
        turned_down: Step = ("not_select", employer, {"reason": "position_filled"})
        return self.dice.choice(
            [
                [view, shortlist, withdraw],
                [view, shortlist, turned_down],
                [view, turned_down],
                [view, withdraw],
                [shortlist, withdraw],
            ]
        )

    async def _replay_late(self) -> None:
        entries = self.client.ledger.acknowledged()
        if entries:
            entry = self.dice.choice(entries)
            token = self._tokens[entry.person_id]
            if entry.kind == "apply" and self.dice.random() < ALTERED:
                await self.client.alter(entry, token)
            else:
                await self.client.repeat(entry, token)

    async def live_again_and_again(self, until: float) -> None:
        while not self.ending.is_set() and time.monotonic() < until and len(self.town.spare) > 1:
            employer, applicant = self.town.spare.pop(), self.town.spare.pop()
            try:
                await self._one_life(employer, applicant)
                self.lives_done += 1
            except (Unanswered, Refused, AssertionError) as error:
                self.lives_broken.append(f"{type(error).__name__} {error}"[:300])

    async def _one_life(self, employer: Person, applicant: Person) -> None:
        life = Life(self._api(employer), self._api(applicant), self.town.skills)
        await life.post_project()
        await life.apply()
        await life.agree()
        await life.work()
        await life.wrap_up()

    def _api(self, person: Person) -> PatientApi:
        gateway = self.client.gateways[0]
        return PatientApi(
            self.client.session,
            gateway,
            person.token,
            {"id": str(person.id)},
            client=self.client,
            who=person,
        )
