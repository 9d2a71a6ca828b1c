"""One step of any record's life: the new state, what is said of it, and the clocks that run from
then on. The caller holds the record's lock and the transaction."""

from collections.abc import Awaitable, Callable, Container, Mapping
from dataclasses import Field, replace
from enum import StrEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from uuid import UUID

from services.gateway.lifecycles import Machine, Who
from services.gateway.lifecycles.machine import SYSTEM, Rest, Timer
from services.gateway.timers import queries
from services.gateway.timers.planning import Pace, Terms, earliest, plan, shown
from services.gateway.timers.queries import DueTimer
from shared import clock, messaging
from shared.database import Connection
from shared.events.base import Event

PARTIES = frozenset({Who.APPLICANT, Who.EMPLOYER, Who.SCHOOL})


class Living(Protocol):
    """A record with a lifecycle: a frozen dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def id(self) -> UUID: ...
    @property
    def state(self) -> StrEnum: ...
    @property
    def version(self) -> int: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def timers(self) -> list[dict[str, Any]]: ...


class UpdateState(Protocol):
    async def __call__(
        self, conn: Connection, record_id: UUID, /, *, state: str, reason: str | None
    ) -> None: ...


R = TypeVar("R", bound=Living)


class Lifecycle(Generic[R]):
    """`says` gives the facts of the record's events; `terms` whom its clocks concern."""

    def __init__(
        self,
        machine: Machine,
        *,
        update_state: UpdateState,
        says: Callable[[R], Mapping[str, Any]],
        terms: Callable[[Connection, R], Awaitable[Terms]],
        open_now: Container[str],
    ) -> None:
        self.machine = machine
        self._update_state = update_state
        self._says = says
        self._terms = terms
        self._open_now = open_now

    async def begin(self, conn: Connection, record: R) -> R:
        """Start the clocks of a record that was just made."""
        return replace(record, timers=await self._start_clocks(conn, record))

    async def move(
        self,
        conn: Connection,
        record: R,
        command: str,
        who: frozenset[Who] = SYSTEM,
        *,
        reason: str | None = None,
        to: str | None = None,
        **facts: Any,
    ) -> R:
        """`to` stands in for the table's state where a record goes back to the one it left. No end
        is without a reason: when nobody gives one, it is the command."""
        step = self.machine.move(record.state, command, who, open_now=self._open_now)
        if step.to in self.machine.terminal:
            reason = reason or command
        moved = await self._enter(conn, record, to or step.to, reason)
        party = min(who & PARTIES, default=None)
        await self.say(
            conn, moved, step.event, actor=min(step.who & who), reason=reason, party=party, **facts
        )
        if moved.state != record.state or step.restarts:
            moved = await self.rearm(conn, moved)
        return moved

    async def fire(
        self,
        conn: Connection,
        record: R,
        name: str,
        *,
        reason: str | None = None,
        otherwise: bool = False,
        **facts: Any,
    ) -> R:
        """What the table says silence does; the reason is the clock that ran out."""
        timer = self.machine.timer(record.state, name)
        step = timer.otherwise if otherwise and timer.otherwise else timer
        if step.to is None:
            await self.say(conn, record, step.event, actor=Who.TIMER, reason=reason, **facts)
            return record
        reason = reason or name
        moved = await self._enter(conn, record, step.to, reason)
        await self.say(conn, moved, step.event, actor=Who.TIMER, reason=reason, **facts)
        return await self.rearm(conn, moved)

    async def remind(self, conn: Connection, record: R, timer: DueTimer) -> None:
        terms = await self._terms(conn, record)
        awaited = terms.waits_on.get(timer.name, timer.clock.waits_on)
        await self.say(
            conn,
            record,
            self.machine.reminded,
            actor=Who.TIMER,
            timer=timer.name,
            due_at=timer.ends_at,
            waits_on=sorted(awaited),
        )

    async def remind_again(self, conn: Connection, timer: DueTimer) -> None:
        """Of what may rest for ever, again and again."""
        if timer.clock.days_again is None:
            return
        again = replace(
            timer.clock,
            starts_at=timer.due_at,
            rings_after=timer.clock.days_again,
            days_before=0,
        )
        await queries.insert_timers(
            conn,
            record=timer.record,
            record_id=timer.record_id,
            state=timer.state,
            clocks=[again],
            pace=Pace(),
        )

    async def rearm(self, conn: Connection, record: R) -> R:
        """Let the clocks of its state begin anew."""
        await queries.delete_timers(conn, record.id)
        return replace(record, timers=await self._start_clocks(conn, record))

    async def say(
        self, conn: Connection, record: R, event: type[Event], *, actor: str, **facts: Any
    ) -> None:
        known = {"reason": None, **self._says(record), "state": record.state, **facts}
        await messaging.record(conn, event.model_validate(known), actor=actor)

    async def _enter(self, conn: Connection, record: R, state: str, reason: str | None) -> R:
        await self._update_state(conn, record.id, state=state, reason=reason)
        return replace(
            record,
            state=type(record.state)(state),
            version=record.version + 1,
            reason=reason or record.reason,
        )

    async def _start_clocks(self, conn: Connection, record: R) -> list[dict[str, Any]]:
        """Return the deadlines, as the record shows them."""
        if not self._has_clocks(record.state):
            return []
        terms, now = await self._terms(conn, record), clock.now()
        pace = await queries.select_pace(
            conn,
            applicant_id=terms.applicant_id,
            organization_id=terms.organization_id,
            since=earliest(terms, now),
        )
        clocks = plan(self.machine, record.state, terms, pace, now)
        await queries.insert_timers(
            conn,
            record=self.machine.record,
            record_id=record.id,
            state=record.state,
            clocks=clocks,
            pace=pace,
        )
        return shown(clocks, pace)

    def _has_clocks(self, state: str) -> bool:
        clocks: tuple[Timer | Rest, ...] = (*self.machine.timers, *self.machine.rests)
        return any(each.state == state for each in clocks)
