from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from services.gateway.credentials.queries import Credential
from services.gateway.lifecycles import CREDENTIAL
from services.gateway.reasons import Reason
from services.gateway.schemas import Request, SkillId, View
from services.gateway.timers.schemas import DueView


class AttestRequest(Request):
    """The skills that the work showed; the others are struck."""

    skills: Annotated[list[SkillId], Field(max_length=30)]


class PublishRequest(Request):
    published: bool = True


class RefuseRequest(Request):
    reason: Annotated[str, Reason("credential.refuse")] | None = None


class RevokeRequest(Request):
    """The holder is told the reason, and the badge's status list says that it is withdrawn."""

    reason: Annotated[str, Reason("credential.revoke")]


class CredentialSkillView(View):
    id: str
    label: str
    attested: bool


class CredentialView(View):
    """`url` is the public address of the signed badge, once it is issued."""

    id: UUID
    engagement_id: UUID
    project_id: UUID
    project_title: str
    organization_id: UUID
    organization_name: str
    holder_id: UUID
    skills: list[CredentialSkillView]
    attested_at: datetime | None
    url: str | None
    published: bool
    state: str
    reason: str | None
    version: int
    due: list[DueView]
    allowed: list[str]
    proposed_at: datetime

    @classmethod
    def of(cls, credential: Credential, labels: dict[str, str], allowed: list[str]) -> Self:
        skills = [
            CredentialSkillView(
                id=skill,
                label=labels.get(skill, skill),
                attested=skill in credential.attested_skills,
            )
            for skill in credential.skills
        ]
        due = DueView.of(CREDENTIAL, credential.state, credential.timers)
        own = {"skills": skills, "allowed": allowed, "due": due}
        facts = {name: getattr(credential, name) for name in cls.model_fields if name not in own}
        return cls.model_validate(facts | own)
