from datetime import datetime, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from services.gateway.accounts.schemas import Locale
from services.gateway.sandboxes.actions import Newcomer
from services.gateway.sandboxes.advancing import Moved
from services.gateway.sandboxes.cast import Role
from services.gateway.sandboxes.queries import Inhabitant, Sandbox
from services.gateway.sandboxes.tenants import real_now
from services.gateway.schemas import Line80, Request, View


class SandboxRequest(Request):
    name: Line80


class PeopleRequest(Request):
    role: Literal["employer", "applicant", "moderator", "school"]
    locale: Locale = "fil"
    count: Annotated[int, Field(ge=1, le=50)] = 1

    @property
    def part(self) -> Role:
        return Role(self.role)


class ClockQuery(Request):
    """`tenant` is needed only by an owner, who lives in none of their sandboxes."""

    tenant: Line80 | None = None


class ClockRequest(ClockQuery):
    """One of `advance`, such as `P14D` or `PT36H`, and `to`, a time to come."""

    advance: timedelta | None = None
    to: AwareDatetime | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.advance is None) == (self.to is None):
            raise ValueError('must give either advance, such as "P14D", or to')
        return self


class InhabitantView(View):
    id: UUID
    role: str
    name: str
    email: str
    locale: str
    organization_id: UUID | None

    @classmethod
    def of(cls, inhabitant: Inhabitant) -> Self:
        return cls.model_validate(inhabitant, from_attributes=True)


class NewcomerView(InhabitantView):
    """`token` is shown only here: send it as `Authorization: Bearer TOKEN`."""

    token: str

    @classmethod
    def joined(cls, newcomer: Newcomer) -> Self:
        facts = InhabitantView.of(newcomer.inhabitant).model_dump()
        return cls.model_validate(facts | {"token": newcomer.token})


class SandboxView(View):
    """`now` is its time, which its people move."""

    tenant: str
    name: str
    now: datetime
    created_at: datetime

    @classmethod
    def of(cls, sandbox: Sandbox) -> Self:
        return cls(
            tenant=sandbox.tenant,
            name=sandbox.name,
            now=real_now() + sandbox.ahead,
            created_at=sandbox.created_at,
        )


class SandboxesView(View):
    items: list[SandboxView]


class PeopledSandboxView(View):
    sandbox: SandboxView
    people: list[InhabitantView]


class NewSandboxView(View):
    sandbox: SandboxView
    people: list[NewcomerView]


class NewcomersView(View):
    items: list[NewcomerView]


class ClockView(View):
    tenant: str
    now: datetime


class FiredView(View):
    """`kind` is `reminder` or `deadline`."""

    at: datetime
    record: str
    record_id: UUID
    timer: str
    kind: str


class MovedView(View):
    """`reached` is false when it took too long: ask again to go on."""

    tenant: str
    now: datetime
    reached: bool
    fired: list[FiredView]

    @classmethod
    def of(cls, tenant: str, moved: Moved) -> Self:
        fired = [FiredView.model_validate(item, from_attributes=True) for item in moved.fired]
        return cls(tenant=tenant, now=moved.now, reached=moved.reached, fired=fired)
