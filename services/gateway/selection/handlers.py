"""What becomes of a seat, of a slot and of hours when an event says that they are free, or gone. Each
handler looks before it moves, so that hearing twice, or late, changes nothing."""

from uuid import UUID

from services.gateway.applications import moves as application_moves
from services.gateway.applications.queries import lock_any_application, return_slot
from services.gateway.lifecycles import APPLICATION, Who
from services.gateway.lifecycles.machine import SYSTEM
from services.gateway.projects import moves as project_moves
from services.gateway.projects.queries import lock_project
from services.gateway.selection import actions, queries
from services.gateway.selection.rules import WAY_OUT
from services.gateway.standing import queries as standing
from services.gateway.standing.rules import MOST_MISSED, REMEMBERED, Fault, at_fault
from shared import clock
from shared.database import Connection
from shared.events.applications import (
    ApplicationAccepted,
    ApplicationAnswerOverdue,
    ApplicationClashing,
    ApplicationDeclined,
    ApplicationEvent,
    ApplicationOfferLapsed,
)
from shared.events.engagements import (
    EngagementAgreementLapsed,
    EngagementEvent,
    EngagementNoShow,
    EngagementNotAgreed,
    EngagementStalled,
)
from shared.events.projects import ProjectExpiredUndecided, ProjectStarted
from shared.messaging import Subscription, on

MISSED_ANSWERS = "missed_answers"
SEATS_TAKEN = "project_filled"


async def offer_runner_up(conn: Connection, event: ApplicationEvent | EngagementEvent) -> None:
    await actions.offer_next(conn, project_id=event.project_id, after_id=event.application_id)


async def release_reserve(conn: Connection, event: ProjectStarted) -> None:
    """Whoever was kept in reserve is told when the work has begun."""
    await lock_project(conn, event.project_id, viewer_id=None)
    for application_id in sorted(await queries.select_reserve(conn, event.project_id)):
        application = await lock_any_application(conn, application_id)
        if application and "project_closed" in APPLICATION.allowed(application.state, SYSTEM):
            await application_moves.move(conn, application, "project_closed", reason=SEATS_TAKEN)


async def give_slot_back(conn: Connection, event: ApplicationAnswerOverdue) -> None:
    await return_slot(conn, event.application_id)


async def note_missed_answer(conn: Connection, event: ApplicationAnswerOverdue) -> None:
    """The third in half a year pauses every open posting of the employer."""
    organization_id = event.organization_id
    await standing.lock_organization(conn, organization_id)
    new = await standing.insert_fault(
        conn,
        kind=Fault.MISSED_ANSWER,
        record_id=event.application_id,
        organization_id=organization_id,
    )
    since = clock.now() - REMEMBERED
    missed = await standing.count_faults(
        conn, organization_id, kind=Fault.MISSED_ANSWER, since=since
    )
    if new and missed > MOST_MISSED:
        for project_id in await queries.select_open_projects(conn, organization_id):
            await _pause(conn, project_id)


async def _pause(conn: Connection, project_id: UUID) -> None:
    project = await lock_project(conn, project_id, viewer_id=None)
    if project is not None and project.state == "open":
        await project_moves.move(conn, project, "auto_pause", reason=MISSED_ANSWERS)


async def note_strike(conn: Connection, event: ProjectExpiredUndecided) -> None:
    await standing.insert_fault(
        conn,
        kind=Fault.EXPIRED_UNDECIDED,
        record_id=event.project_id,
        organization_id=event.organization_id,
    )


async def note_no_show(conn: Connection, event: EngagementNoShow) -> None:
    await _note_party(conn, event, Fault.NO_SHOW)


async def note_silence(conn: Connection, event: EngagementStalled) -> None:
    await _note_party(conn, event, Fault.SILENCE)


async def _note_party(conn: Connection, event: EngagementEvent, kind: Fault) -> None:
    match at_fault(party=event.party, reason=event.reason):
        case Who.APPLICANT:
            await standing.insert_fault(
                conn, kind=kind, record_id=event.engagement_id, person_id=event.applicant_id
            )
        case Who.EMPLOYER:
            await standing.insert_fault(
                conn,
                kind=kind,
                record_id=event.engagement_id,
                organization_id=event.organization_id,
            )
        case _:
            pass


async def propose_withdrawals(conn: Connection, event: ApplicationAccepted) -> None:
    """Say which live applications the hours just taken leave no room for."""
    _, clashing = await actions.clashes(conn, event.applicant_id)
    for waiting in clashing:
        application = await lock_any_application(conn, waiting.application_id)
        if application is None or application.state not in WAY_OUT:
            continue
        if await queries.mark_clashing(conn, application.id):
            await application_moves.LIFE.say(
                conn, application, ApplicationClashing, actor=Who.SYSTEM
            )


SUBSCRIPTIONS: list[Subscription] = [
    on(ApplicationAnswerOverdue, give_slot_back),
    on(ApplicationAnswerOverdue, note_missed_answer),
    on(ApplicationAccepted, propose_withdrawals),
    on(ApplicationOfferLapsed, offer_runner_up),
    on(ApplicationDeclined, offer_runner_up),
    on(EngagementNotAgreed, offer_runner_up),
    on(EngagementAgreementLapsed, offer_runner_up),
    on(EngagementNoShow, offer_runner_up),
    on(EngagementNoShow, note_no_show),
    on(EngagementStalled, note_silence),
    on(ProjectExpiredUndecided, note_strike),
    on(ProjectStarted, release_reserve),
]
