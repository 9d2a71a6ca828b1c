"""What arrives while a commit is under way shares the next transaction. Nobody waits for company: an
idle lane takes what there is, at once, and whoever asked is answered after the commit."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import asyncpg

from shared import clock
from shared.database.pool import is_away
from shared.errors import Refusal, Unavailable
from shared.events.origin import Origin, current, within

W = TypeVar("W")
R = TypeVar("R")

LANES = 2
# Larger batches are cheaper, so a further lane is opened only beside one that takes longer than this.
SLOW_SECONDS = 0.05
LARGEST_BATCH = 128
MOST_WAITING = 2048
PATIENCE_SECONDS = 10
# Nothing of the transaction was done, and it may be one item's fault alone.
UNDONE = (
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.SerializationError,
    asyncpg.InvalidCachedStatementError,
)


@dataclass(frozen=True)
class Errand(Generic[W]):
    wanted: W
    origin: Origin = field(default_factory=current)


CarryOut = Callable[[Sequence[Errand[W]]], Awaitable[Sequence[R | Refusal]]]


@dataclass(slots=True, eq=False)
class _Waiting(Generic[W, R]):
    asked: Errand[W]
    keys: frozenset[Hashable]
    answer: asyncio.Future[R]
    since: float

    def is_beside(self, other: "_Waiting[W, R]") -> bool:
        """A transaction works for one tenant, at one time."""
        mine, yours = self.asked.origin, other.asked.origin
        return mine.tenant == yours.tenant and mine.ahead == yours.ahead

    def answered(self, outcome: R | BaseException) -> None:
        if self.answer.done():
            return
        if isinstance(outcome, BaseException):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class Coalescer(Generic[W, R]):
    """`carry_out` makes one transaction of the whole batch and gives each item its answer or its
    refusal. `keys_of` names what an item works on: two with a common key go one after the other."""

    def __init__(
        self,
        carry_out: CarryOut[W, R],
        *,
        keys_of: Callable[[W], Collection[Hashable]],
        lanes: int = LANES,
        slow_seconds: float = SLOW_SECONDS,
        largest: int = LARGEST_BATCH,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._act = carry_out
        self._keys_of = keys_of
        self._lanes = lanes
        self._slow_seconds = slow_seconds
        # Batches under way that are not slow yet.
        self._quick: set[int] = set()
        self._largest = largest
        self._most_waiting = most_waiting
        self._waiting: deque[_Waiting[W, R]] = deque()
        self._in_hand: set[Hashable] = set()
        self._fresh = asyncio.Event()
        self._closing = False

    async def ask(self, wanted: W) -> R:
        """Carried out even if whoever asked does not wait for the answer."""
        if len(self._waiting) >= self._most_waiting:
            raise Unavailable("Too many are waiting for the same. Try again soon.")
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        keys = frozenset(self._keys_of(wanted))
        self._waiting.append(_Waiting(Errand(wanted), keys, answer, time.monotonic()))
        self._fresh.set()
        return await answer

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What still waits at the end is carried out first."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._lanes):
                tasks.create_task(self._work())
            yield
            self._closing = True
            self._fresh.set()

    async def _work(self) -> None:
        while not self._closing or self._waiting:
            batch = [] if self._quick else self._take()
            if batch:
                await self._serve(batch)
            else:
                self._fresh.clear()
                await self._fresh.wait()

    def _take(self) -> list[_Waiting[W, R]]:
        """The longest waiting first; what shares a key with one before it stays in its place."""
        batch: list[_Waiting[W, R]] = []
        later: list[_Waiting[W, R]] = []
        taken = set(self._in_hand)
        while self._waiting and len(batch) < self._largest:
            item = self._waiting.popleft()
            alone = bool(batch) and not item.is_beside(batch[0])
            (later if alone or taken & item.keys else batch).append(item)
            taken |= item.keys
        self._waiting.extendleft(reversed(later))
        return batch

    async def _serve(self, batch: Sequence[_Waiting[W, R]]) -> None:
        keys = frozenset().union(*(item.keys for item in batch))
        self._in_hand |= keys
        self._quick.add(id(batch))
        slow = asyncio.get_running_loop().call_later(self._slow_seconds, self._let_next, batch)
        try:
            await self._carry_out(batch)
        finally:
            slow.cancel()
            for item in batch:
                item.answer.cancel()
            self._in_hand -= keys
            self._let_next(batch)

    def _let_next(self, batch: Sequence[_Waiting[W, R]]) -> None:
        self._quick.discard(id(batch))
        self._fresh.set()

    async def _carry_out(self, batch: Sequence[_Waiting[W, R]]) -> None:
        patient = [item for item in batch if not _gave_up(item)]
        if not patient:
            return
        try:
            outcomes = await self._together(patient)
        except Exception as error:  # whatever it was, whoever asked hears it
            await self._failed(patient, error)
        else:
            for item, outcome in zip(patient, outcomes, strict=True):
                item.answered(outcome)

    async def _together(self, batch: Sequence[_Waiting[W, R]]) -> Sequence[R | Refusal]:
        origin = batch[0].asked.origin
        with within(Origin(tenant=origin.tenant, ahead=origin.ahead)), clock.advanced(origin.ahead):
            return await self._act([item.asked for item in batch])

    async def _failed(self, batch: Sequence[_Waiting[W, R]], error: Exception) -> None:
        """One by one, so that the guilty one fails alone. Not when the database is away: a commit
        whose answer was lost may have been one."""
        if len(batch) > 1 and (not is_away(error) or isinstance(error, UNDONE)):
            for item in batch:
                await self._carry_out([item])
            return
        for item in batch:
            item.answered(error)


def _gave_up(item: _Waiting[W, R]) -> bool:
    if time.monotonic() - item.since < PATIENCE_SECONDS:
        return False
    item.answered(Unavailable("Too much is waiting. Nothing was done; try again soon."))
    return True
