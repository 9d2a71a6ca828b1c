from datetime import date, datetime
from fractions import Fraction
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field

from services.gateway.reasons import Reason
from services.gateway.schemas import Request, Text4000, View
from services.gateway.selection.queries import Ranking, Waiting
from services.gateway.selection.rules import Load

MOST_RANKED = 50
MOST_ITEMS = 100


class RankingRequest(Request):
    """Whom to ask, in which order, whenever a seat falls free; an empty list ends the order.
    `message` and `starts_on` go into the offer, which starts in three days at the earliest."""

    application_ids: Annotated[list[UUID], Field(max_length=MOST_RANKED)]
    message: Text4000
    starts_on: date


class RankedView(View):
    application_id: UUID
    state: str


class RankingView(View):
    project_id: UUID
    message: str
    starts_on: date
    made_at: datetime
    items: list[RankedView]

    @classmethod
    def of(cls, ranking: Ranking) -> Self:
        return cls.model_validate(ranking, from_attributes=True)


class ViewDecision(Request):
    command: Literal["view"]
    application_id: UUID


class ShortlistDecision(Request):
    command: Literal["shortlist"]
    application_id: UUID


class NotSelectDecision(Request):
    command: Literal["not_select"]
    application_id: UUID
    reason: Annotated[str, Reason("application.not_select")]
    criteria_not_met: Annotated[list[int], Field(max_length=20)] = Field(default_factory=list)


Decision = Annotated[
    ViewDecision | ShortlistDecision | NotSelectDecision, Field(discriminator="command")
]


class DecisionsRequest(Request):
    """Up to 100 decisions, each carried out or refused by itself."""

    items: Annotated[list[Decision], Field(min_length=1, max_length=MOST_ITEMS)]


class WithdrawalsRequest(Request):
    application_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_ITEMS)]


class ItemProblem(View):
    code: str
    detail: str
    allowed: list[str] | None = None


class ResultView(View):
    """`status` is what this item would have been answered by itself."""

    application_id: UUID
    status: int
    state: str | None
    problem: ItemProblem | None = None


class ResultsView(View):
    items: list[ResultView]


class ClashView(View):
    """`weekly_hours` is what this application would add to a week."""

    application_id: UUID
    project_id: UUID
    project_title: str
    state: str
    weekly_hours: float

    @classmethod
    def of(cls, waiting: Waiting) -> Self:
        return cls(
            application_id=waiting.application_id,
            project_id=waiting.project_id,
            project_title=waiting.project_title,
            state=waiting.state,
            weekly_hours=_hours(waiting.work.weekly),
        )


class ClashesView(View):
    """Hours of a week: those declared, those taken by work agreed on, and the live applications
    that no longer fit beside it."""

    weekly_hours: int
    taken_hours: float
    items: list[ClashView]

    @classmethod
    def of(cls, load: Load, clashing: list[Waiting]) -> Self:
        return cls(
            weekly_hours=load.capacity,
            taken_hours=_hours(load.taken),
            items=[ClashView.of(each) for each in clashing],
        )


class CommandReasonsView(View):
    record: str
    command: str
    codes: list[str]


class WordsView(View):
    fil: str
    en: str


class ReasonsView(View):
    """The codes that each command takes, and the words of every code that people see."""

    items: list[CommandReasonsView]
    words: dict[str, WordsView]


def _hours(value: Fraction) -> float:
    return round(float(value), 1)
