from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.events.base import Event


class CredentialEvent(Event):
    """`state` is the state after; `reason` a code."""

    subject_field: ClassVar[str] = "credential_id"

    credential_id: UUID
    engagement_id: UUID
    project_id: UUID
    organization_id: UUID
    holder_id: UUID
    state: str
    reason: str | None = None


class CredentialAttested(CredentialEvent):
    """The employer confirmed the skills shown; the badge can be signed."""

    name: ClassVar[str] = "credential.attested.v1"


class CredentialAttestationSkipped(CredentialEvent):
    """The employer said nothing in time; the badge is signed at the lower level."""

    name: ClassVar[str] = "credential.attestation_skipped.v1"


class CredentialRefused(CredentialEvent):
    """The learner does not want the badge."""

    name: ClassVar[str] = "credential.refused.v1"


class CredentialIssued(CredentialEvent):
    """The signed badge is available at its public address."""

    name: ClassVar[str] = "credential.issued.v1"


class CredentialVisibilityChanged(CredentialEvent):
    """The holder published or hid a badge."""

    name: ClassVar[str] = "credential.visibility_changed.v1"


class CredentialSuperseded(CredentialEvent):
    """A corrected badge took the place of this one."""

    name: ClassVar[str] = "credential.superseded.v1"


class CredentialSuspended(CredentialEvent):
    """A badge is suspended while it is looked into."""

    name: ClassVar[str] = "credential.suspended.v1"


class CredentialReinstated(CredentialEvent):
    """A suspended badge counts again."""

    name: ClassVar[str] = "credential.reinstated.v1"


class CredentialRevoked(CredentialEvent):
    """A badge was revoked."""

    name: ClassVar[str] = "credential.revoked.v1"


class CredentialExpired(CredentialEvent):
    """A badge reached its end date."""

    name: ClassVar[str] = "credential.expired.v1"


class CredentialSignOverdue(CredentialEvent):
    """A badge waits too long for its signature."""

    name: ClassVar[str] = "credential.sign_overdue.v1"


class CredentialReminded(CredentialEvent):
    """Somebody is reminded of what is awaited until `due_at`."""

    name: ClassVar[str] = "credential.reminded.v1"

    timer: str
    due_at: datetime
    waits_on: list[str]


EVENTS: tuple[type[Event], ...] = (
    CredentialAttested,
    CredentialAttestationSkipped,
    CredentialRefused,
    CredentialIssued,
    CredentialVisibilityChanged,
    CredentialSuperseded,
    CredentialSuspended,
    CredentialReinstated,
    CredentialRevoked,
    CredentialExpired,
    CredentialSignOverdue,
    CredentialReminded,
)
