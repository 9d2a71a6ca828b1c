from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field

from services.gateway.profiles.schemas import Language
from services.gateway.projects.queries import PlannedMilestone, Project
from services.gateway.schemas import (
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
    """`fee` in centavos for one seat, the sum of the milestones' fees; `hours` in all."""

    title: Line120
    summary: Line240
    description: Text4000
    language: Literal["fil", "en"]
    languages: Annotated[list[Language], Field(min_length=1, max_length=11)]
    industry: Slug
    region: Slug
    remote: bool
    hours: Annotated[int, Field(ge=1, le=200)]
    weeks: Annotated[int, Field(ge=1, le=16)]
    seats: Annotated[int, Field(ge=1, le=50)] = 1
    fee: Annotated[int, Field(ge=1, le=100_000_000)]
    answer_days: Annotated[int, Field(ge=1, le=7)] = 7
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
    """`allowed` lists the commands that you may give now."""

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
    criteria: list[str]
    skills: list[ProjectSkillView]
    milestones: list[PlannedMilestoneView]
    state: str
    reason: str | None
    version: int
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
        own = {"skills": skills, "milestones": milestones, "allowed": allowed}
        facts = {name: getattr(project, name) for name in cls.model_fields if name not in own}
        return cls.model_validate(facts | own)
