"""The catalogue: every event that any room says."""

from shared.events import (
    applications,
    badges,
    credentials,
    disputes,
    engagements,
    freezes,
    matches,
    milestones,
    notifications,
    payments,
    people,
    projects,
)
from shared.events.base import Event

CATALOGUE: dict[str, type[Event]] = {
    event.name: event
    for area in (
        people,
        projects,
        applications,
        engagements,
        milestones,
        credentials,
        payments,
        disputes,
        freezes,
        matches,
        badges,
        notifications,
    )
    for event in area.EVENTS
}
