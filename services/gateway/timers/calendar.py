"""When a clock runs out. Time that does not count - a weekend or a holiday where days are working
days, and every freeze - is left out; the rest is measured to the second."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays

MANILA = ZoneInfo("Asia/Manila")
SATURDAY = 5
# A clock never runs longer than this, whatever is frozen: a bound on every search below.
LONGEST = timedelta(days=3 * 366)


@dataclass(frozen=True, order=True)
class Span:
    """From `start` until just before `end`."""

    start: datetime
    end: datetime


def due_at(
    start: datetime, days: float, *, frozen: Iterable[Span] = (), working: bool = False
) -> datetime:
    """The moment when `days` of counted time have passed since `start`."""
    left = timedelta(days=days)
    at = start
    for span in _uncounted(start, frozen, working=working):
        if span.end <= at:
            continue
        if at + left < span.start:
            return at + left
        left -= max(span.start - at, timedelta())
        at = max(at, span.end)
    return at + left


def out_of(at: datetime, frozen: Iterable[Span]) -> datetime:
    """`at`, or the end of the freezes that it falls into."""
    for span in sorted(frozen):
        if span.start <= at < span.end:
            at = span.end
    return at


def is_working(day: date) -> bool:
    return day.weekday() < SATURDAY and day not in _holidays(day.year)


@cache
def _holidays(year: int) -> frozenset[date]:
    """Regular holidays and special non-working days of the whole country."""
    return frozenset(holidays.country_holidays("PH", years=year))


def _uncounted(start: datetime, frozen: Iterable[Span], *, working: bool) -> Iterator[Span]:
    """In order of their beginning; days off only as far as they are asked for."""
    waiting = sorted(frozen)
    if working:
        for day_off in _days_off(start):
            while waiting and waiting[0].start <= day_off.start:
                yield waiting.pop(0)
            yield day_off
    yield from waiting


def _days_off(start: datetime) -> Iterator[Span]:
    day = start.astimezone(MANILA).date()
    last = day + LONGEST
    while day <= last:
        if not is_working(day):
            yield Span(_midnight(day), _midnight(day + timedelta(days=1)))
        day += timedelta(days=1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), MANILA).astimezone(UTC)


def end_of(day: date) -> datetime:
    """The midnight that ends this day in the Philippines."""
    return _midnight(day + timedelta(days=1))


def start_of(day: date) -> datetime:
    """The midnight that begins this day in the Philippines."""
    return _midnight(day)
