from typing import ClassVar
from uuid import UUID

from shared.events.base import Event


class PersonJoined(Event):
    """Somebody signed up."""

    name: ClassVar[str] = "person.joined.v1"
    subject_field: ClassVar[str] = "person_id"
    public: ClassVar[bool] = False

    person_id: UUID


class ProfileChanged(Event):
    """A person changed skills, hours or wishes."""

    name: ClassVar[str] = "profile.changed.v1"
    subject_field: ClassVar[str] = "person_id"
    public: ClassVar[bool] = False

    person_id: UUID
    version: int


class OrganizationRegistered(Event):
    """An employer came to the platform."""

    name: ClassVar[str] = "organization.registered.v1"
    subject_field: ClassVar[str] = "organization_id"

    organization_id: UUID


class OrganizationMemberAdded(Event):
    """A person now acts for an employer."""

    name: ClassVar[str] = "organization.member_added.v1"
    subject_field: ClassVar[str] = "organization_id"
    public: ClassVar[bool] = False

    organization_id: UUID
    person_id: UUID


EVENTS: tuple[type[Event], ...] = (
    PersonJoined,
    ProfileChanged,
    OrganizationRegistered,
    OrganizationMemberAdded,
)
