from datetime import datetime
from typing import Any, Self
from uuid import UUID

from services.gateway.matches.queries import Match
from services.gateway.schemas import View


class MatchView(View):
    """`explanation` holds the parts that sum to the score, the gates, and what would raise it."""

    project_id: UUID
    project_title: str
    person_id: UUID
    headline: str
    passed: bool
    score: float
    explanation: dict[str, Any]
    labels: dict[str, str]
    computed_at: datetime

    @classmethod
    def of(cls, match: Match, labels: dict[str, str]) -> Self:
        facts = {name: getattr(match, name) for name in cls.model_fields if name != "labels"}
        return cls.model_validate(facts | {"labels": labels})


class MatchesView(View):
    items: list[MatchView]
