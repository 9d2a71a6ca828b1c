"""One step of any record's life, or of many records at once: the new state, what is said of it, and
the clocks that run from then on. The caller holds the records' locks and the transaction."""

from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import Field, dataclass, field, replace
from enum import StrEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from uuid import UUID

from services.gateway.lifecycles import Machine, Who
from services.gateway.lifecycles.machine import SYSTEM, Rest, Timer
from services.gateway.timers import queries
from services.gateway.timers.planning import Alarm, Pace, Terms, earliest, plan, shown
from services.gateway.timers.queries import DueTimer, Hung, Sides
from shared import clock, messaging
from shared.database import Connection
from shared.events.base import Event
from shared.events.origin import Origin, current
from shared.messaging import Said

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


@dataclass(frozen=True)
class Step(Generic[R]):
    """`record` is as it will be. `entered`: its new state is to be written; `restarts`: its clocks
    begin anew."""

    record: R
    event: Event | None = None
    actor: str | None = None
    entered: bool = False
    restarts: bool = False
    origin: Origin = field(default_factory=current)


class Lifecycle(Generic[R]):
    """`says` gives the facts of the record's events; `terms` whom its clocks concern. A kind of
    record that moves in great numbers has `update_states` and `terms_of`, which do the same for
    many by one statement."""

    def __init__(
        self,
        machine: Machine,
        *,
        says: Callable[[R], Mapping[str, Any]],
        open_now: Container[str],
        update_state: UpdateState | None = None,
        update_states: Callable[[Connection, Sequence[R]], Awaitable[None]] | None = None,
        terms: Callable[[Connection, R], Awaitable[Terms]] | None = None,
        terms_of: Callable[[Connection, Sequence[R]], Awaitable[list[Terms]]] | None = None,
    ) -> None:
        self.machine = machine
        self._update_states = update_states or _each_by_itself(update_state)
        self._says = says
        self._terms_of = terms_of or _terms_of_each(terms)
        self._open_now = open_now

    async def begin(self, conn: Connection, record: R) -> R:
        """Start the clocks of a record that was just made."""
        (begun,) = await self.take_all(conn, [Step(record, restarts=True)])
        return begun

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
        step = self.step(record, command, who, reason=reason, to=to, **facts)
        (moved,) = await self.take_all(conn, [step])
        return moved

    def step(
        self,
        record: R,
        command: str,
        who: frozenset[Who] = SYSTEM,
        *,
        reason: str | None = None,
        to: str | None = None,
        **facts: Any,
    ) -> Step[R]:
        """What the table says; nothing is done yet. `to` stands in for the table's state where a
        record goes back to the one it left. No end is without a reason: when nobody gives one, it
        is the command."""
        found = self.machine.move(record.state, command, who, open_now=self._open_now)
        if found.to in self.machine.terminal:
            reason = reason or command
        moved = _moved(record, to or found.to, reason)
        party = min(who & PARTIES, default=None)
        return Step(
            moved,
            self._event(moved, found.event, {"reason": reason, "party": party, **facts}),
            actor=min(found.who & who),
            entered=True,
            restarts=moved.state != record.state or found.restarts,
        )

    async def take_all(self, conn: Connection, steps: Sequence[Step[R]]) -> list[R]:
        """Write, say and start the clocks of all, by one statement for each of these."""
        entered = [step.record for step in steps if step.entered]
        await self._update_states(conn, entered)
        now = clock.now()
        await messaging.record_all(
            conn, [Said(step.event, step.origin, now, step.actor) for step in steps if step.event]
        )
        await self._stop_clocks(conn, [s.record.id for s in steps if s.entered and s.restarts])
        started = await self._start_clocks(conn, [step for step in steps if step.restarts])
        return [started.get(step.record.id, step.record) for step in steps]

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
        moved = _moved(record, step.to, reason)
        event = self._event(moved, step.event, {"reason": reason, **facts})
        (fired,) = await self.take_all(
            conn, [Step(moved, event, actor=Who.TIMER, entered=True, restarts=True)]
        )
        return fired

    async def remind(self, conn: Connection, record: R, timer: DueTimer) -> None:
        (terms,) = await self._terms_of(conn, [record])
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
        await self._stop_clocks(conn, [record.id])
        return await self.begin(conn, record)

    async def say(
        self, conn: Connection, record: R, event: type[Event], *, actor: str, **facts: Any
    ) -> None:
        await self.take_all(conn, [self.mention(record, event, actor=actor, **facts)])

    def mention(self, record: R, event: type[Event], *, actor: str, **facts: Any) -> Step[R]:
        """Something is said of it, and it stays as it is."""
        return Step(record, self._event(record, event, facts), actor=actor)

    def _event(self, record: R, event: type[Event], facts: Mapping[str, Any]) -> Event:
        known = {"reason": None, **self._says(record), "state": record.state, **facts}
        return event.model_validate(known)

    async def _stop_clocks(self, conn: Connection, record_ids: Sequence[UUID]) -> None:
        if record_ids:
            await queries.delete_timers(conn, record_ids)

    async def _start_clocks(self, conn: Connection, steps: Sequence[Step[R]]) -> dict[UUID, R]:
        """Return the records with their deadlines."""
        running = [step for step in steps if self._has_clocks(step.record.state)]
        planned = await self._plan(conn, [step.record for step in running])
        hung = [
            Hung(self.machine.record, step.record.id, step.record.state, alarms, step.origin)
            for step, alarms in zip(running, planned, strict=True)
        ]
        await queries.insert_alarms(conn, hung)
        alarms_of = {each.record_id: each.alarms for each in hung}
        return {
            step.record.id: replace(step.record, timers=shown(alarms_of.get(step.record.id, ())))
            for step in steps
        }

    async def _plan(self, conn: Connection, records: Sequence[R]) -> list[list[Alarm]]:
        if not records:
            return []
        all_terms, now = await self._terms_of(conn, records), clock.now()
        paces = await queries.select_paces(
            conn,
            [
                Sides(terms.applicant_id, terms.organization_id, earliest(terms, now))
                for terms in all_terms
            ],
        )
        return [
            plan(self.machine, record.state, terms, pace, now)
            for record, terms, pace in zip(records, all_terms, paces, strict=True)
        ]

    def _has_clocks(self, state: str) -> bool:
        clocks: tuple[Timer | Rest, ...] = (*self.machine.timers, *self.machine.rests)
        return any(each.state == state for each in clocks)


def _moved(record: R, state: str, reason: str | None) -> R:
    return replace(
        record,
        state=type(record.state)(state),
        version=record.version + 1,
        reason=reason or record.reason,
    )


def _each_by_itself(
    update_state: UpdateState | None,
) -> Callable[[Connection, Sequence[R]], Awaitable[None]]:
    assert update_state is not None, "A lifecycle needs update_state or update_states."

    async def update_states(conn: Connection, records: Sequence[R]) -> None:
        for record in records:
            await update_state(conn, record.id, state=record.state, reason=record.reason)

    return update_states


def _terms_of_each(
    terms: Callable[[Connection, R], Awaitable[Terms]] | None,
) -> Callable[[Connection, Sequence[R]], Awaitable[list[Terms]]]:
    assert terms is not None, "A lifecycle needs terms or terms_of."

    async def terms_of(conn: Connection, records: Sequence[R]) -> list[Terms]:
        return [await terms(conn, record) for record in records]

    return terms_of
