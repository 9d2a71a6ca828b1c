from typing import ClassVar
from uuid import UUID

from shared.events.base import Event


class NotificationDelivered(Event):
    """A message reached its channel."""

    name: ClassVar[str] = "notification.delivered.v1"
    subject_field: ClassVar[str] = "notification_id"

    notification_id: UUID
    person_id: UUID
    channel: str


class NotificationFailed(Event):
    """A message could not be delivered and will not be tried again."""

    name: ClassVar[str] = "notification.failed.v1"
    subject_field: ClassVar[str] = "notification_id"

    notification_id: UUID
    person_id: UUID
    channel: str
    reason: str


EVENTS: tuple[type[Event], ...] = (
    NotificationDelivered,
    NotificationFailed,
)
