"""Where an event points: the records whose names its notice needs, and the page it leads to."""

from dataclasses import dataclass
from uuid import UUID

from shared.errors import Invalid
from shared.events.applications import ApplicationEvent
from shared.events.base import Event
from shared.events.credentials import CredentialEvent
from shared.events.engagements import EngagementEvent
from shared.events.matches import MatchComputed
from shared.events.milestones import MilestoneEvent
from shared.events.people import OrganizationMemberAdded, OrganizationRegistered, PersonJoined
from shared.events.projects import ProjectEvent

WorkEvent = ProjectEvent | ApplicationEvent | EngagementEvent | MilestoneEvent | CredentialEvent


@dataclass(frozen=True)
class Records:
    """`link` is a path of the web page; `reason` a code."""

    link: str
    person_id: UUID | None = None
    organization_id: UUID | None = None
    project_id: UUID | None = None
    milestone_id: UUID | None = None
    reason: str | None = None
    people: int | None = None


def records_of(event: Event) -> Records:
    match event:
        case PersonJoined():
            return Records("/#/profile", person_id=event.person_id)
        case OrganizationRegistered() | OrganizationMemberAdded():
            person_id = event.person_id if isinstance(event, OrganizationMemberAdded) else None
            return Records(
                f"/#/organizations/{event.organization_id}", person_id, event.organization_id
            )
        case MatchComputed():
            link = f"/#/projects/{event.project_id}/matches"
            return Records(link, project_id=event.project_id, people=event.people)
        case (
            ProjectEvent()
            | ApplicationEvent()
            | EngagementEvent()
            | MilestoneEvent()
            | CredentialEvent()
        ):
            return _of_work(event)
        case _:
            raise Invalid(f"Nobody is told of {event.name}.")


def _of_work(event: WorkEvent) -> Records:
    return Records(
        link=_page(event),
        person_id=_person(event),
        organization_id=event.organization_id,
        project_id=event.project_id,
        milestone_id=event.milestone_id if isinstance(event, MilestoneEvent) else None,
        reason=event.reason,
    )


def _person(event: WorkEvent) -> UUID | None:
    match event:
        case ProjectEvent():
            return None
        case CredentialEvent():
            return event.holder_id
        case _:
            return event.applicant_id


def _page(event: WorkEvent) -> str:
    match event:
        case ProjectEvent():
            return f"/#/projects/{event.project_id}"
        case ApplicationEvent():
            return f"/#/applications/{event.application_id}"
        case EngagementEvent() | MilestoneEvent():
            return f"/#/engagements/{event.engagement_id}"
        case CredentialEvent():
            return f"/#/credentials/{event.credential_id}"
