"""Where clocks stand once a freeze has come or gone: each one computed anew from its beginning, so
that the order in which freezes are declared and ended never matters."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.gateway.timers.calendar import Span
from services.gateway.timers.planning import Clock, Pace


@dataclass(frozen=True)
class Freeze:
    """`place` is a region or a school's id, `school` its name."""

    id: UUID
    scope: str
    place: str | None
    school: str | None
    person_id: UUID | None
    starts_at: datetime
    ends_at: datetime
    reason: str
    declared_at: datetime

    @property
    def span(self) -> Span:
        return Span(self.starts_at, self.ends_at)


@dataclass(frozen=True)
class HeldTimer:
    """A timer whose row is locked, and where its two sides are."""

    id: UUID
    due_at: datetime
    ends_at: datetime
    clock: Clock
    applicant_region: str | None
    applicant_school: str | None
    organization_region: str | None


@dataclass(frozen=True)
class Moved:
    id: UUID
    due_at: datetime
    ends_at: datetime


def moved(timers: Iterable[HeldTimer], freezes: Iterable[Freeze]) -> list[Moved]:
    """Those that stand elsewhere now."""
    known = Freezes(freezes)
    found = [(timer, known.pace(timer).frozen(timer.clock)) for timer in timers]
    computed = [
        (timer, Moved(timer.id, timer.clock.due_at(frozen), timer.clock.ends_at(frozen)))
        for timer, frozen in found
    ]
    return [
        new for timer, new in computed if (new.due_at, new.ends_at) != (timer.due_at, timer.ends_at)
    ]


class Freezes:
    """Which spans do not count for whom."""

    def __init__(self, freezes: Iterable[Freeze]) -> None:
        self._spans: dict[tuple[str, object], list[Span]] = {}
        for freeze in freezes:
            self._spans.setdefault(_whom(freeze), []).append(freeze.span)

    def pace(self, timer: HeldTimer) -> Pace:
        applicant = [
            ("person", timer.clock.applicant_id),
            ("region", timer.applicant_region),
            ("school", (timer.applicant_school or "").casefold()),
        ]
        return Pace(
            applicant_frozen=tuple(self._of(applicant)),
            organization_frozen=tuple(self._of([("region", timer.organization_region)])),
        )

    def _of(self, keys: Iterable[tuple[str, object]]) -> Iterator[Span]:
        for key in keys:
            yield from self._spans.get(key, ())


def _whom(freeze: Freeze) -> tuple[str, object]:
    if freeze.school is not None:
        return freeze.scope, freeze.school.casefold()
    return freeze.scope, freeze.person_id or freeze.place
