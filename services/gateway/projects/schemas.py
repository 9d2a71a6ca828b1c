from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field

from services.gateway.lifecycles import PROJECT
from services.gateway.organizations.regions import Region
from services.gateway.profiles.schemas import Language
from services.gateway.projects import rules
from services.gateway.projects.queries import PlannedMilestone, Project
from services.gateway.projects.wages import Wage
from services.gateway.schemas import (
    Line80,
    Line120,
    Line240,
    ReasonCode,
    Request,
    SkillId,
    Slug,
    Text500,
    Text4000,
    View,
)
from services.gateway.timers.schemas import DueView

Kind = Literal["independent", "school_internship", "government_programme"]


class WantedSkill(Request):
    skill_id: SkillId
    must_have: bool = False


class WantedMilestone(Request):
    """`due_days` after the start; `fee` in centavos."""

    title: Line120
    description: Text500
    due_days: Annotated[int, Field(ge=1, le=120)]
    fee: Annotated[int, Field(ge=0, le=100_000_000)]


class ProjectRequest(Request):
    """`fee` in centavos for one seat, the sum of the milestones' fees; `hours` in all.

    A school_internship needs `school_id`, `programme` (the course) and `credit_hours`; a
    government_programme needs `programme` and `programme_reference`; an independent one, none.
    `rights`: who may show the work. `ai_use`: what the intern may use."""

    title: Line120
    summary: Line240
    description: Text4000
    language: Literal["fil", "en"]
    languages: Annotated[list[Language], Field(min_length=1, max_length=11)]
    industry: Slug
    region: Region
    remote: bool
    hours: Annotated[int, Field(ge=1, le=200)]
    weeks: Annotated[int, Field(ge=1, le=16)]
    seats: Annotated[int, Field(ge=1, le=50)] = 1
    fee: Annotated[int, Field(ge=1, le=100_000_000)]
    answer_days: Annotated[int, Field(ge=1, le=7)] = 7
    review_days: Annotated[int, Field(ge=2, le=14)] = 5
    kind: Kind = "independent"
    school_id: UUID | None = None
    programme: Line120 | None = None
    programme_reference: Line80 | None = None
    credit_hours: Annotated[int, Field(ge=1, le=1000)] | None = None
    rights: Literal["public", "on_request", "digest_only"] = "on_request"
    ai_use: Literal["free", "disclosed", "none"] = "disclosed"
    criteria: Annotated[list[Line240], Field(min_length=1, max_length=20)]
    skills: Annotated[list[WantedSkill], Field(min_length=1, max_length=30)]
    milestones: Annotated[list[WantedMilestone], Field(min_length=1, max_length=12)]

    def planned(self) -> list[PlannedMilestone]:
        return [PlannedMilestone(**milestone.model_dump()) for milestone in self.milestones]


class CommandRequest(Request):
    pass


class ReasonRequest(Request):
    """`reason` is a code that the people concerned see in words."""

    reason: ReasonCode


class ProjectSkillView(View):
    id: str
    label: str
    must_have: bool


class PlannedMilestoneView(View):
    title: str
    description: str
    due_days: int
    fee: int


class ProjectView(View):
    """`allowed` lists the commands that you may give now. `pay_floor`: the least that the fee could
    lawfully be, in centavos. `conditions`: what an intern must be."""

    id: UUID
    organization_id: UUID
    organization_name: str
    title: str
    summary: str
    description: str
    language: str
    languages: list[str]
    industry: str
    region: str
    remote: bool
    hours: int
    weeks: int
    seats: int
    fee: int
    currency: str
    answer_days: int
    review_days: int
    kind: str
    school_id: UUID | None
    programme: str | None
    programme_reference: str | None
    credit_hours: int | None
    conditions: list[str]
    rights: str
    ai_use: str
    pay_floor: int
    extended: bool
    criteria: list[str]
    skills: list[ProjectSkillView]
    milestones: list[PlannedMilestoneView]
    state: str
    reason: str | None
    version: int
    due: list[DueView]
    allowed: list[str]
    drafted_at: datetime
    changed_at: datetime
    opened_at: datetime | None

    @classmethod
    def of(cls, project: Project, labels: dict[str, str], allowed: list[str]) -> Self:
        skills = [
            ProjectSkillView(id=skill, label=labels.get(skill, skill), must_have=must_have)
            for skill, must_have in project.skills.items()
        ]
        milestones = [
            PlannedMilestoneView.model_validate(planned, from_attributes=True)
            for planned in project.milestones
        ]
        own = {
            "skills": skills,
            "milestones": milestones,
            "allowed": allowed,
            "due": DueView.of(PROJECT, project.state, project.timers),
            "conditions": list(rules.CONDITIONS[rules.Kind(project.kind)]),
        }
        facts = {name: getattr(project, name) for name in cls.model_fields if name not in own}
        return cls.model_validate(facts | own)


class PayFloorView(View):
    """In centavos; `daily_wage` is set by the wage order `source` from the day `since`. What was not
    `checked` against published reports is to be compared with the order."""

    region: str
    hourly_floor: int
    daily_wage: int
    since: date
    source: str
    checked: bool

    @classmethod
    def of(cls, wage: Wage) -> Self:
        return cls.model_validate(wage, from_attributes=True)


class PayFloorsView(View):
    """What held `on` that day."""

    on: date
    items: list[PayFloorView]
