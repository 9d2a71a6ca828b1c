"""The two people of the play, the records between them, and how one step is taken and told."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from launcher.demo.api import Api
from launcher.demo.data import Item
from launcher.demo.telling import Teller
from launcher.demo.watching import Watch

Act = Callable[[], Awaitable[Any]]


@dataclass
class Party:
    """`seen` are the notices that were told of already."""

    api: Api
    name: str
    seen: set[str] = field(default_factory=set)

    async def notices(self) -> list[Any]:
        """The new ones, the oldest first."""
        page = await self.api.get("/v1/me/notices?limit=100")
        fresh = [notice for notice in reversed(page["items"]) if notice["id"] not in self.seen]
        self.seen.update(notice["id"] for notice in fresh)
        return fresh


@dataclass
class Scene:
    employer: Party
    applicant: Party
    watch: Watch
    teller: Teller = field(default_factory=Teller)
    records: dict[str, str] = field(default_factory=dict)

    def remember(self, record: str, found: Item) -> None:
        """Follow a record from now on; the name of one of several ends with its number."""
        self.records[record] = found["id"]
        self.watch.follow(found["id"])

    def at(self, record: str) -> str:
        return f"/v1/{record.partition(' ')[0]}s/{self.records[record]}"

    async def command(
        self,
        record: str,
        command: str,
        who: Party,
        what: str,
        body: Item | None = None,
        *,
        words: str = "",
    ) -> None:
        """`what` completes a sentence that begins with the person's name."""
        path = f"{self.at(record)}/{command}"
        await self.step(f"{who.name} {what}", lambda: who.api.post(path, body), words=words)

    async def step(self, what: str, act: Act, *, words: str = "") -> None:
        """Act, wait until all rooms are done with what follows, and tell of it."""
        started = time.monotonic()
        await act()
        took = time.monotonic() - started
        events = await self.watch.settled()
        self.teller.step(what, took=took, settled=time.monotonic() - started)
        if words:
            self.teller.words(words)
        self.teller.moved(await self._records())
        self.teller.said(events)
        for party in (self.applicant, self.employer):
            await self._tell_notices(party, {str(event.id) for event in events})

    async def _records(self) -> dict[str, Item]:
        return {record: await self.employer.api.get(self.at(record)) for record in self.records}

    async def _tell_notices(self, party: Party, event_ids: set[str]) -> None:
        """Only of what follows from this step: others play on the same stage."""
        for notice in await party.notices():
            if notice["event_id"] in event_ids:
                self.teller.told(party.name, notice)
