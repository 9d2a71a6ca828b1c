"""Each event as its golden file has it, and every notice that can be made of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from services.notifications.audience import AUDIENCE, REMINDERS, Role
from shared import clock
from shared.events.base import Envelope, Event
from shared.events.freezes import FreezeEvent

GOLDEN = Path(__file__).parents[2] / "contracts" / "golden" / "events"


def sample(kind: type[Event], actor: str = "system", **facts: Any) -> Event:
    golden = json.loads((GOLDEN / f"{kind.name}.json").read_text("utf-8"))
    event = kind.model_validate(golden | facts)
    return event.received(
        Envelope(
            id=uuid4(),
            name=event.name,
            source="/sibol/gateway",
            subject=event.subject,
            sequence=1,
            time=clock.now(),
            correlation_id=uuid4(),
            causation_id=None,
            actor_kind=actor,
            tenant="ph",
        )
    )


def notices() -> Iterator[tuple[Event, Role]]:
    for kind, roles in AUDIENCE.items():
        if kind in REMINDERS:
            yield from reminders(kind)
        elif issubclass(kind, FreezeEvent):
            for scope in ("region", "school", "person"):
                yield sample(kind, scope=scope), Role.PERSON
        else:
            yield from ((sample(kind), role) for role in sorted(roles))


def reminders(kind: type[Event]) -> Iterator[tuple[Event, Role]]:
    for timer, roles in REMINDERS[kind].items():
        yield from ((sample(kind, timer=timer), role) for role in sorted(roles))
