from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Literal, Self, TypeVar
from uuid import UUID

from services.gateway.history.actions import History, Path
from services.gateway.history.queries import Said, Step, Told
from services.gateway.history.records import Seen
from services.gateway.history.rules import shows_reason
from services.gateway.history.sentences import sentence
from services.gateway.http import page
from services.gateway.schemas import Page, View
from services.gateway.timers.schemas import DueView

T = TypeVar("T")
DEAD = "what a room set aside is kept by the broker: ./sibol dead list"


class ActorView(View):
    """`kind` is applicant, employer, moderator, system, timer ...; `you` whether that was your own
    side."""

    kind: str
    you: bool


class ToldView(View):
    """What you were told of it. `state`: shown in the inbox; due, sent, failed or suppressed on the
    other channels, with the reason as a code."""

    to: Literal["you"] = "you"
    channel: str
    state: str
    at: datetime
    reason: str | None


class StepView(View):
    """`state` is the state after; `sequence` counts all steps, also those that are not yours to
    see."""

    id: UUID
    sequence: int
    at: datetime
    event: str
    what: str
    actor: ActorView
    state: str | None
    reason: str | None
    told: list[ToldView]

    @classmethod
    def of(cls, step: Step, told: Iterable[Told], seen: Seen, locale: str) -> Self:
        actor = step.party or step.actor_kind
        return cls(
            id=step.id,
            sequence=step.sequence,
            at=step.at,
            event=step.name,
            what=sentence(step.name, locale),
            actor=ActorView(kind=actor, you=actor in seen.side),
            state=step.state,
            reason=step.reason if shows_reason(step.name, seen.side) else None,
            told=[ToldView.model_validate(each, from_attributes=True) for each in told],
        )


class HistoryView(Page[StepView]):
    """The oldest first. `due`: the clocks that run now, and what each will do."""

    due: list[DueView]

    @classmethod
    def of(cls, history: History, limit: int) -> Self:
        seen = history.seen
        views = [
            StepView.of(step, history.told.get(step.id, []), seen, history.locale)
            for step in history.steps
        ]
        shown = page(views, limit, lambda step: step.id)
        due = DueView.of(seen.machine, seen.state, seen.timers)
        return cls(items=shown.items, next=shown.next, due=due)


class HandledView(View):
    room: str
    handled_at: datetime


class DeliveryView(View):
    """`channel` is null for a notice without a further message."""

    notice_id: UUID
    person_id: UUID
    created_at: datetime
    channel: str | None
    state: str | None
    attempts: int | None
    sent_at: datetime | None
    next_try_at: datetime | None
    reason: str | None


class TracedView(View):
    """`published` is false while the event waits in its room's outbox; `children` are the events
    that it caused."""

    id: UUID
    name: str
    room: str
    subject: UUID
    sequence: int
    at: datetime
    actor: str
    correlation_id: UUID
    causation_id: UUID | None
    tenant: str
    published: bool
    handled: list[HandledView]
    told: list[DeliveryView]
    children: list["TracedView"]


class BadgeView(View):
    credential_id: UUID
    url: str
    signed_at: datetime
    withdrawn_at: datetime | None


class TraceView(View):
    """`events` are those that no other one here caused, with all that followed. `more`: the path
    is longer than is shown. `dead`: where the failures are that no row tells of."""

    events: list[TracedView]
    badges: list[BadgeView]
    more: bool
    dead: str = DEAD

    @classmethod
    def of(cls, path: Path) -> Self:
        known = {event.id for event in path.said}
        tree = _Tree(path)
        return cls(
            events=[tree.view(event) for event in path.said if event.causation_id not in known],
            badges=[BadgeView.model_validate(each, from_attributes=True) for each in path.badges],
            more=path.more,
        )


class _Tree:
    def __init__(self, path: Path) -> None:
        self._children = _grouped(path.said, lambda event: event.causation_id)
        self._handled = _grouped(path.handled, lambda each: each.event_id)
        self._told = _grouped(path.deliveries, lambda each: each.event_id)

    def view(self, event: Said) -> TracedView:
        return TracedView(
            id=event.id,
            name=event.name,
            room=event.room,
            subject=event.subject,
            sequence=event.sequence,
            at=event.occurred_at,
            actor=event.actor_kind,
            correlation_id=event.correlation_id,
            causation_id=event.causation_id,
            tenant=event.tenant,
            published=not event.in_outbox,
            handled=[
                HandledView.model_validate(each, from_attributes=True)
                for each in self._handled.get(event.id, [])
            ],
            told=[
                DeliveryView.model_validate(each, from_attributes=True)
                for each in self._told.get(event.id, [])
            ],
            children=[self.view(child) for child in self._children.get(event.id, [])],
        )


def _grouped(items: Iterable[T], key: Callable[[T], UUID | None]) -> dict[UUID | None, list[T]]:
    groups: dict[UUID | None, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups
