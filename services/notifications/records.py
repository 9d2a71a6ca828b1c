"""Where an event points: the records whose names its notice needs, and the page it leads to."""

from dataclasses import dataclass
from uuid import UUID

from services.notifications.audience import Reminded
from services.notifications.rendering import Facts, Money
from shared.errors import Invalid
from shared.events.applications import ApplicationEvent, InterviewBooked
from shared.events.base import Event
from shared.events.credentials import CredentialEvent
from shared.events.disputes import DisputeEvent
from shared.events.engagements import EngagementEvent, EngagementProposed
from shared.events.freezes import FreezeEvent
from shared.events.matches import MatchComputed
from shared.events.milestones import MilestoneEvent, MilestoneProposed
from shared.events.payments import PaymentEvent
from shared.events.people import OrganizationMemberAdded, OrganizationRegistered, PersonJoined
from shared.events.projects import ProjectEvent

WorkEvent = (
    ProjectEvent
    | ApplicationEvent
    | EngagementEvent
    | MilestoneEvent
    | CredentialEvent
    | PaymentEvent
    | DisputeEvent
)


NO_FACTS = Facts()


@dataclass(frozen=True)
class Records:
    """`link` is a path of the web page; `reason` a code; `facts` what the event itself knows."""

    link: str
    person_id: UUID | None = None
    organization_id: UUID | None = None
    project_id: UUID | None = None
    milestone_id: UUID | None = None
    freeze_id: UUID | None = None
    reason: str | None = None
    facts: Facts = NO_FACTS


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
            facts = Facts(people=event.people)
            return Records(link, project_id=event.project_id, facts=facts)
        case FreezeEvent():
            return _of_freeze(event)
        case (
            ProjectEvent()
            | ApplicationEvent()
            | EngagementEvent()
            | MilestoneEvent()
            | CredentialEvent()
            | PaymentEvent()
            | DisputeEvent()
        ):
            return _of_work(event)
        case _:
            raise Invalid(f"Nobody is told of {event.name}.")


def _of_freeze(event: FreezeEvent) -> Records:
    facts = Facts(starts=event.starts_at, due=event.ends_at, place=event.place)
    return Records("/#/deadlines", freeze_id=event.freeze_id, reason=event.reason, facts=facts)


def _of_work(event: WorkEvent) -> Records:
    return Records(
        link=_page(event),
        person_id=_person(event),
        organization_id=event.organization_id,
        project_id=event.project_id,
        milestone_id=_milestone(event),
        reason=event.reason,
        facts=_facts(event),
    )


def _person(event: WorkEvent) -> UUID | None:
    match event:
        case ProjectEvent():
            return None
        case CredentialEvent():
            return event.holder_id
        case _:
            return event.applicant_id


def _milestone(event: WorkEvent) -> UUID | None:
    match event:
        case MilestoneEvent() | PaymentEvent() | DisputeEvent():
            return event.milestone_id
        case _:
            return None


def _facts(event: WorkEvent) -> Facts:
    due = event.due_at if isinstance(event, Reminded) else None
    match event:
        case PaymentEvent():
            return Facts(amount=Money(event.amount, event.currency), due=due)
        case DisputeEvent(intern_share=int(share)):
            return Facts(share=Money(share), due=due)
        case EngagementProposed() | MilestoneProposed():
            return Facts(change=event.command)
        case InterviewBooked():
            return Facts(starts=event.starts_at)
        case _:
            return Facts(due=due)


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
        case PaymentEvent():
            return f"/#/payments/{event.payment_id}"
        case DisputeEvent():
            return f"/#/disputes/{event.dispute_id}"
