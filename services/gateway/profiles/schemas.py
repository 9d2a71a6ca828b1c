from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field

from services.gateway.profiles.queries import Profile
from services.gateway.schemas import (
    Line120,
    OptionalLine120,
    OptionalText4000,
    Request,
    SkillId,
    Slug,
    View,
)

Language = Literal["fil", "en", "ceb", "ilo", "hil", "war", "bik", "pam", "pag", "tsg", "mdh"]


class SkillLevel(Request):
    """`level` runs from 1, beginner, to 5, expert."""

    skill_id: SkillId
    level: Annotated[int, Field(ge=1, le=5)] = 3


class Experience(Request):
    title: Line120
    organization: Line120
    year: Annotated[int, Field(ge=1950, le=2100)]


class ProfileRequest(Request):
    """The whole profile: what is left out is emptied. Pay in centavos for an hour."""

    headline: OptionalLine120 = ""
    about: OptionalText4000 = ""
    region: Slug
    city: OptionalLine120 = ""
    remote: bool = True
    weekly_hours: Annotated[int, Field(ge=1, le=60)]
    minimum_hourly_pay: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    languages: Annotated[list[Language], Field(min_length=1, max_length=11)]
    interests: Annotated[list[Slug], Field(max_length=20)] = Field(default_factory=list)
    school: OptionalLine120 = ""
    experience: Annotated[list[Experience], Field(max_length=30)] = Field(default_factory=list)
    skills: Annotated[list[SkillLevel], Field(max_length=60)] = Field(default_factory=list)


class SkillView(View):
    id: str
    label: str
    level: int


class ProfileView(View):
    person_id: UUID
    version: int
    headline: str
    about: str
    region: str
    city: str
    remote: bool
    weekly_hours: int
    minimum_hourly_pay: int
    languages: list[str]
    interests: list[str]
    school: str
    experience: list[Experience]
    skills: list[SkillView]

    @classmethod
    def of(cls, profile: Profile, labels: dict[str, str]) -> Self:
        skills = [
            SkillView(id=skill, label=labels.get(skill, skill), level=level)
            for skill, level in profile.skills.items()
        ]
        facts = {name: getattr(profile, name) for name in cls.model_fields if name != "skills"}
        return cls.model_validate(facts | {"skills": skills})
