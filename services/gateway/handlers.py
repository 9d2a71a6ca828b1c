"""What one record's event sets off in another. Each handler looks before it moves, so that hearing
twice, or late, changes nothing."""

from collections.abc import Sequence
from uuid import UUID

from services.gateway.applications import moves as application_moves
from services.gateway.applications import queries as applications
from services.gateway.credentials import moves as credential_moves
from services.gateway.credentials import queries as credentials
from services.gateway.disputes.handlers import SUBSCRIPTIONS as DISPUTES
from services.gateway.engagements import moves as engagement_moves
from services.gateway.engagements import queries as engagements
from services.gateway.lifecycles import APPLICATION, CREDENTIAL, ENGAGEMENT, PROJECT
from services.gateway.lifecycles.application import Status as ApplicationStatus
from services.gateway.lifecycles.machine import SYSTEM
from services.gateway.lifecycles.milestone import Status as MilestoneStatus
from services.gateway.milestones import queries as milestones
from services.gateway.milestones.handlers import SUBSCRIPTIONS as MILESTONES
from services.gateway.payments.handlers import SUBSCRIPTIONS as PAYMENTS
from services.gateway.projects import moves as project_moves
from services.gateway.projects import queries as projects
from services.gateway.selection.handlers import SUBSCRIPTIONS as SELECTION
from services.gateway.selection.queries import select_reserve
from shared.database import Connection
from shared.events.badges import BadgeSigned
from shared.events.engagements import (
    EngagementAgreementLapsed,
    EngagementCancelled,
    EngagementCompleted,
    EngagementDisputeSettled,
    EngagementEvent,
    EngagementNoShow,
    EngagementNotAgreed,
    EngagementResumed,
    EngagementStarted,
    EngagementTerminated,
    EngagementWorkAccepted,
)
from shared.events.matches import MatchExplained
from shared.events.milestones import (
    MilestoneAccepted,
    MilestoneAutoAccepted,
    MilestoneCancelled,
    MilestoneEvent,
    MilestoneFundingLapsed,
    MilestoneLapsed,
)
from shared.events.projects import (
    ProjectCancelled,
    ProjectEvent,
    ProjectExpired,
    ProjectExpiredUndecided,
    ProjectFilled,
    ProjectNotStarted,
    ProjectRemoved,
)
from shared.messaging import Subscription, on, on_many


async def close_applications(conn: Connection, event: ProjectEvent) -> None:
    """Nobody is left waiting under a posting that has ended."""
    reason = f"project_{event.state}"
    await projects.lock_project(conn, event.project_id, viewer_id=None)
    removed = isinstance(event, ProjectRemoved)
    filled = isinstance(event, ProjectFilled)
    reserve = await select_reserve(conn, event.project_id) if filled else frozenset()
    for application in await applications.lock_waiting_applications(conn, event.project_id):
        # Whoever has an offer keeps it, unless the posting was removed for cause.
        if application.state is ApplicationStatus.OFFERED and not removed:
            continue
        if application.id in reserve:
            continue
        if "project_closed" in APPLICATION.allowed(application.state, SYSTEM):
            await application_moves.move(conn, application, "project_closed", reason=reason)


async def free_seat(conn: Connection, event: EngagementEvent) -> None:
    project = await projects.lock_project(conn, event.project_id, viewer_id=None)
    if project is None or project.state != "filled":
        return
    if await applications.count_accepted(conn, project.id) < project.seats:
        await project_moves.move(conn, project, "seat_lost")


async def start_project(conn: Connection, event: EngagementStarted) -> None:
    project = await projects.lock_project(conn, event.project_id, viewer_id=None)
    if project is not None and "start" in PROJECT.allowed(project.state, SYSTEM):
        await project_moves.move(conn, project, "start")


async def finish_project(conn: Connection, event: EngagementEvent) -> None:
    project = await projects.lock_project(conn, event.project_id, viewer_id=None)
    if project is None or "finish" not in PROJECT.allowed(project.state, SYSTEM):
        return
    if not await engagements.has_unended(conn, project.id):
        await project_moves.move(conn, project, "finish")


async def accept_work(conn: Connection, event: MilestoneEvent) -> None:
    await _accept_work(conn, event.engagement_id)


async def accept_work_at_last(conn: Connection, event: EngagementEvent) -> None:
    """The last milestone may have been accepted while the engagement stood still."""
    await _accept_work(conn, event.engagement_id)


async def _accept_work(conn: Connection, engagement_id: UUID) -> None:
    """When the last milestone that was not cancelled is accepted, only feedback is left."""
    engagement = await engagements.lock_engagement(
        conn, engagement_id, viewer_id=None, sees_all=True
    )
    if engagement is None or "work_accepted" not in ENGAGEMENT.allowed(engagement.state, SYSTEM):
        return
    found = await milestones.select_milestones(conn, engagement_id, viewer_id=None, sees_all=True)
    states = {milestone.state for milestone in found} - {MilestoneStatus.CANCELLED}
    if states == {MilestoneStatus.ACCEPTED}:
        await engagement_moves.move(conn, engagement, "work_accepted")


async def propose_credential(conn: Connection, event: EngagementWorkAccepted) -> None:
    credential_id = await credentials.insert_credential(
        conn,
        engagement_id=event.engagement_id,
        project_id=event.project_id,
        organization_id=event.organization_id,
        holder_id=event.applicant_id,
    )
    if credential_id is None:
        return
    credential = await credentials.lock_credential(
        conn, credential_id, viewer_id=None, sees_all=True
    )
    assert credential is not None
    await credential_moves.begin(conn, credential)


async def issue_credential(conn: Connection, event: BadgeSigned) -> None:
    credential = await credentials.lock_credential(
        conn, event.credential_id, viewer_id=None, sees_all=True
    )
    if credential is not None and "sign" in CREDENTIAL.allowed(credential.state, SYSTEM):
        await credentials.update_url(conn, credential_id=credential.id, url=event.url)
        await credential_moves.move(conn, credential, "sign")


async def show_matches(conn: Connection, events: Sequence[MatchExplained]) -> None:
    await applications.update_match_scores(
        conn, {event.application_id: event.score for event in events}
    )


SUBSCRIPTIONS: list[Subscription] = [
    *PAYMENTS,
    *MILESTONES,
    *DISPUTES,
    *SELECTION,
    *(
        on(event, close_applications)
        for event in (
            ProjectCancelled,
            ProjectExpired,
            ProjectExpiredUndecided,
            ProjectFilled,
            ProjectNotStarted,
            ProjectRemoved,
        )
    ),
    *(
        on(event, handler)
        for event in (
            EngagementNotAgreed,
            EngagementAgreementLapsed,
            EngagementCancelled,
            EngagementNoShow,
            EngagementTerminated,
        )
        for handler in (free_seat, finish_project)
    ),
    on(EngagementStarted, start_project),
    on(EngagementCompleted, finish_project),
    *(
        on(event, accept_work)
        for event in (
            MilestoneAccepted,
            MilestoneAutoAccepted,
            MilestoneCancelled,
            MilestoneFundingLapsed,
            MilestoneLapsed,
        )
    ),
    on(EngagementResumed, accept_work_at_last),
    on(EngagementDisputeSettled, accept_work_at_last),
    on(EngagementWorkAccepted, propose_credential),
    on(BadgeSigned, issue_credential),
    on_many(MatchExplained, show_matches),
]
