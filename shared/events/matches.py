from typing import ClassVar
from uuid import UUID

from shared.events.base import Event


class MatchComputed(Event):
    """The people who fit a project best have changed."""

    name: ClassVar[str] = "match.computed.v1"
    subject_field: ClassVar[str] = "project_id"
    public: ClassVar[bool] = False

    project_id: UUID
    people: int
    scorer: str


class MatchExplained(Event):
    """An application was scored against its project, with reasons."""

    name: ClassVar[str] = "match.explained.v1"
    subject_field: ClassVar[str] = "application_id"
    public: ClassVar[bool] = False

    application_id: UUID
    project_id: UUID
    person_id: UUID
    score: float
    passed: bool
    scorer: str


EVENTS: tuple[type[Event], ...] = (
    MatchComputed,
    MatchExplained,
)
