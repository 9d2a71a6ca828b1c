"""Which events a room hears, and what it does on each."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from shared import clock
from shared.database import Connection
from shared.events.base import Event
from shared.events.origin import Origin, within

E = TypeVar("E", bound=Event)
Handler = Callable[[Connection, Any], Awaitable[None]]


@dataclass(frozen=True)
class Subscription:
    """`takes_many`: the handler is given a list of events, in the order in which they came."""

    event: type[Event]
    handler: Handler
    takes_many: bool = False

    async def hear(self, conn: Connection, events: Sequence[Event]) -> None:
        """Events of this kind and of one tenant, in the transaction that marks them as handled."""
        if self.takes_many:
            with within(Origin(tenant=events[0].envelope.tenant)):
                return await self.handler(conn, events)
        for event in events:
            await self._hear_one(conn, event)
        return None

    async def _hear_one(self, conn: Connection, event: Event) -> None:
        envelope = event.envelope
        with (
            within(origin_of(event)),
            clock.advanced(envelope.ahead),
            structlog.contextvars.bound_contextvars(
                event_id=str(envelope.id),
                event_name=envelope.name,
                correlation_id=str(envelope.correlation_id),
            ),
        ):
            await self.handler(conn, event)


def on(event: type[E], handler: Callable[[Connection, E], Awaitable[None]]) -> Subscription:
    return Subscription(event, handler)


def on_many(
    event: type[E], handler: Callable[[Connection, Sequence[E]], Awaitable[None]]
) -> Subscription:
    """For a handler that wants the batch: one statement for all is many times cheaper. What it says, it
    says by `record_all`, each with the `origin_of` its cause."""
    return Subscription(event, handler, takes_many=True)


def origin_of(event: Event) -> Origin:
    """What an effect of this event carries."""
    envelope = event.envelope
    return Origin(
        correlation_id=envelope.correlation_id,
        causation_id=envelope.id,
        tenant=envelope.tenant,
        traceparent=envelope.traceparent,
        ahead=envelope.ahead,
    )
