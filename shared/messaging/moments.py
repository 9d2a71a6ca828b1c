"""An event's id begins with the real time of its making, whatever its tenant's clock said."""

from datetime import UTC, datetime
from uuid import UUID


def id_at(moment: datetime) -> UUID:
    """The lowest id that could have been made then."""
    milliseconds = max(int(moment.timestamp() * 1000), 0)
    return UUID(int=milliseconds << 80)


def made_at(event_id: UUID) -> datetime:
    return datetime.fromtimestamp((event_id.int >> 80) / 1000, UTC)
