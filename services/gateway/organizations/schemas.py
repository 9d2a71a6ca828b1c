from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import StringConstraints, WithJsonSchema

from services.gateway.accounts.schemas import Email
from services.gateway.organizations.queries import Member, Organization
from services.gateway.organizations.regions import Region
from services.gateway.schemas import (
    Line120,
    OptionalLine120,
    OptionalText4000,
    Request,
    Slug,
    View,
    shaped,
)

WEBSITE = r"^https://[A-Za-z0-9.-]+(?::\d+)?(?:/[\x21-\x7e]*)?$"
Website = Annotated[
    str,
    StringConstraints(max_length=200),
    shaped(WEBSITE, "must be an address such as https://aklatan.example/tungkol"),
    WithJsonSchema({"type": "string", "maxLength": 200, "pattern": WEBSITE}),
]


class OrganizationRequest(Request):
    """A `school` vouches for interns and never posts."""

    name: Line120
    kind: Literal["employer", "school"] = "employer"
    about: OptionalText4000 = ""
    industry: Slug
    region: Region
    city: OptionalLine120 = ""
    website: Website | None = None


class OrganizationView(View):
    id: UUID
    name: str
    kind: str
    about: str
    industry: str
    region: str
    city: str
    website: str | None
    registered_at: datetime

    @classmethod
    def of(cls, organization: Organization) -> Self:
        return cls.model_validate(organization, from_attributes=True)


class OrganizationsView(View):
    items: list[OrganizationView]


class MemberRequest(Request):
    """The address of somebody who has signed up."""

    email: Email


class MemberView(View):
    person_id: UUID
    name: str
    role: str
    joined_at: datetime

    @classmethod
    def of(cls, member: Member) -> Self:
        return cls.model_validate(member, from_attributes=True)


class MembersView(View):
    items: list[MemberView]
