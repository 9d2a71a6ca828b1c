"""Which clocks run in a state, and when each of them rings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.gateway.lifecycles.machine import Machine, Remind, Timer, Who
from services.gateway.timers.calendar import Span, due_at, out_of


@dataclass(frozen=True)
class Terms:
    """Whom the clocks of one record concern, the facts that they count from, and the lengths that
    differ from the table. `waits_on` names those still awaited where the table names both sides. No
    deadline lies after `not_after`."""

    organization_id: UUID | None
    applicant_id: UUID | None = None
    since: Mapping[str, datetime] = field(default_factory=dict)
    days: Mapping[str, float] = field(default_factory=dict)
    waits_on: Mapping[str, frozenset[Who]] = field(default_factory=dict)
    not_after: datetime | None = None

    def awaited(self, timer: Timer) -> frozenset[Who]:
        return self.waits_on.get(timer.name, timer.waits_on)


@dataclass(frozen=True)
class Pace:
    """How time counts for the two sides: a right to more of it, and what is frozen."""

    multiplier: float = 1
    applicant_frozen: tuple[Span, ...] = ()
    organization_frozen: tuple[Span, ...] = ()

    def frozen(self, clock: "Clock") -> tuple[Span, ...]:
        """What does not count for those whom the clock waits for."""
        return (
            *(self.applicant_frozen if clock.applicant_id else ()),
            *(self.organization_frozen if clock.organization_id else ()),
        )


@dataclass(frozen=True)
class Clock:
    """One row of `gateway.timers`: a deadline `days` after `starts_at`, or a reminder of it that
    rings `rings_after` days, less `days_before`."""

    name: str
    is_reminder: bool
    waits_on: frozenset[Who]
    starts_at: datetime
    days: float
    rings_after: float
    working: bool
    not_after: datetime | None
    applicant_id: UUID | None
    organization_id: UUID | None
    days_before: float = 0
    days_again: float | None = None

    def set(self, pace: Pace) -> "Alarm":
        frozen = pace.frozen(self)
        end = self.ends_at(frozen)
        rings = end if self.rings_after == self.days else self._after(self.rings_after, frozen)
        return Alarm(self, out_of(rings - timedelta(days=self.days_before), frozen), end)

    def ends_at(self, frozen: Sequence[Span]) -> datetime:
        return self._after(self.days, frozen)

    def due_at(self, frozen: Sequence[Span]) -> datetime:
        at = self._after(self.rings_after, frozen) - timedelta(days=self.days_before)
        return out_of(at, frozen)

    def _after(self, days: float, frozen: Sequence[Span]) -> datetime:
        end = due_at(self.starts_at, days, frozen=frozen, working=self.working)
        return out_of(min(end, self.not_after), frozen) if self.not_after else end


@dataclass(frozen=True)
class Alarm:
    """A clock with its times."""

    clock: Clock
    due_at: datetime
    ends_at: datetime


def earliest(terms: Terms, now: datetime) -> datetime:
    """From when on a freeze may matter."""
    return min([now, *terms.since.values()])


def plan(machine: Machine, state: str, terms: Terms, pace: Pace, now: datetime) -> list[Alarm]:
    found: list[Clock] = []
    for timer in machine.timers_in(state):
        clock = _deadline(timer, terms, pace, now)
        found += [clock, *_reminders(timer.reminders, clock, _nominal(timer, terms), terms)]
    for rest in machine.rests:
        if rest.state == state:
            clock = _clock(rest.state, rest.waits_on, terms, now)
            found += _reminders(rest.reminders, clock, 0, terms)
    return _still_to_come(found, pace, now)


def _deadline(timer: Timer, terms: Terms, pace: Pace, now: datetime) -> Clock:
    start = terms.since.get(timer.since, now)
    awaited = terms.awaited(timer)
    multiplier = pace.multiplier if Who.APPLICANT in awaited else 1
    days = terms.days.get(timer.name, _nominal(timer, terms)) * multiplier
    return _clock(timer.name, awaited, terms, start, days=days, working=timer.working)


def _nominal(timer: Timer, terms: Terms) -> float:
    """The length in the table: from the fact that it counts from, when that is known."""
    return timer.days if timer.left is None or timer.since not in terms.since else timer.left


def _clock(
    name: str,
    waits_on: frozenset[Who],
    terms: Terms,
    start: datetime,
    *,
    days: float = 0,
    working: bool = False,
) -> Clock:
    return Clock(
        name=name,
        is_reminder=False,
        waits_on=waits_on,
        starts_at=start,
        days=days,
        rings_after=days,
        working=working,
        not_after=terms.not_after,
        applicant_id=terms.applicant_id if Who.APPLICANT in waits_on else None,
        organization_id=terms.organization_id if Who.EMPLOYER in waits_on else None,
    )


def _reminders(
    reminders: Iterable[Remind], clock: Clock, nominal: float, terms: Terms
) -> Iterator[Clock]:
    """A clock that runs longer or shorter than the table says reminds in proportion."""
    stretch = clock.days / nominal if nominal else 1
    for remind in reminders:
        times = _times(remind, clock, stretch, terms)
        if times is not None:
            yield replace(clock, is_reminder=True, days_again=remind.every, **times)


def _times(remind: Remind, clock: Clock, stretch: float, terms: Terms) -> dict[str, Any] | None:
    """What differs from the deadline's own times; None when it is not known when to remind."""
    if remind.of is not None:
        end, before = terms.since.get(remind.of), remind.before or 0
        known = {"starts_at": end, "days": 0, "rings_after": 0, "days_before": before}
        return known if end else None
    if remind.share is not None:
        return {"rings_after": clock.days * remind.share}
    if remind.before is not None:
        return {"days_before": remind.before}
    return {"rings_after": remind.after * stretch} if remind.after is not None else None


def _still_to_come(clocks: Iterable[Clock], pace: Pace, now: datetime) -> list[Alarm]:
    """Every deadline, and each reminder of it once, unless its moment has passed."""
    kept: dict[tuple[str, bool, datetime], Alarm] = {}
    for clock in clocks:
        alarm = clock.set(pace)
        if not clock.is_reminder or alarm.due_at > now:
            kept.setdefault((clock.name, clock.is_reminder, alarm.due_at), alarm)
    return list(kept.values())


def shown(alarms: Iterable[Alarm]) -> list[dict[str, Any]]:
    """The deadlines as a record shows them, the next one first."""
    deadlines = [
        {
            "name": each.clock.name,
            "due_at": each.due_at,
            "waits_on": sorted(each.clock.waits_on),
        }
        for each in alarms
        if not each.clock.is_reminder
    ]
    return sorted(deadlines, key=lambda deadline: deadline["due_at"])
