from typing import ClassVar
from uuid import UUID

from shared.events.base import Event


class BadgeSigned(Event):
    """The document of a credential was signed and stored."""

    name: ClassVar[str] = "badge.signed.v1"
    subject_field: ClassVar[str] = "badge_id"
    public: ClassVar[bool] = False

    badge_id: UUID
    credential_id: UUID
    url: str


EVENTS: tuple[type[Event], ...] = (BadgeSigned,)
