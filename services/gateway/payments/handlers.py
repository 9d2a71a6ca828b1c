"""What becomes of the money when something else happens. Each handler looks at how things stand now and
moves what is not yet where it belongs; so hearing twice, late or in another order changes nothing."""

from uuid import UUID

from services.gateway.engagements import queries as engagements
from services.gateway.engagements.queries import Engagement
from services.gateway.lifecycles import MILESTONE, Who
from services.gateway.lifecycles.engagement import Status as EngagementStatus
from services.gateway.lifecycles.machine import SYSTEM
from services.gateway.lifecycles.milestone import Status as MilestoneStatus
from services.gateway.lifecycles.payment import Status
from services.gateway.lifecycles.project import Status as ProjectStatus
from services.gateway.milestones import moves as milestone_moves
from services.gateway.milestones import queries as milestones
from services.gateway.payments import queries, rules
from services.gateway.payments.actions import bill, split
from services.gateway.payments.moves import begin, move
from services.gateway.payments.queries import Payment
from services.gateway.projects import moves as project_moves
from services.gateway.projects.queries import Project, lock_project
from services.gateway.timers.calendar import start_of
from shared.database import Connection
from shared.events.applications import ApplicationAccepted
from shared.events.engagements import (
    EngagementAgreed,
    EngagementAgreementLapsed,
    EngagementCancelled,
    EngagementCompleted,
    EngagementDisputed,
    EngagementDisputeSettled,
    EngagementEvent,
    EngagementNoShow,
    EngagementNotAgreed,
    EngagementStarted,
    EngagementTerminated,
    EngagementWorkAccepted,
)
from shared.events.milestones import (
    MilestoneAccepted,
    MilestoneAutoAccepted,
    MilestoneCancelled,
    MilestoneDisputed,
    MilestoneEvent,
    MilestoneFundingLapsed,
    MilestoneLapsed,
)
from shared.events.payments import PaymentHeld
from shared.events.projects import (
    ProjectApproved,
    ProjectCancelled,
    ProjectCompleted,
    ProjectDiscarded,
    ProjectEvent,
    ProjectExpired,
    ProjectExpiredUndecided,
    ProjectFundingLapsed,
    ProjectNotStarted,
    ProjectReinstated,
    ProjectRejected,
    ProjectRemoved,
    ProjectReviewLapsed,
    ProjectSuspended,
)
from shared.messaging import Subscription, on

KILL_FEE = "kill_fee"


async def bill_project(conn: Connection, event: ProjectApproved) -> None:
    project = await lock_project(conn, event.project_id, viewer_id=None)
    if project is not None and project.state is ProjectStatus.AWAITING_FUNDING:
        await bill(conn, project.id)


async def open_project(conn: Connection, event: PaymentHeld) -> None:
    """When the whole fee of every seat is held; what was held too late goes back."""
    project = await _settle(conn, event.project_id)
    if project is None or project.state is not ProjectStatus.AWAITING_FUNDING:
        return
    payments = await queries.lock_of_project(conn, project.id)
    if all(payment.state is Status.HELD for payment in payments):
        await project_moves.move(conn, project, "funds_held")


async def ready_held_milestone(conn: Connection, event: PaymentHeld) -> None:
    """A top-up was held, or the hold came later than the agreement."""
    if event.engagement_id is not None:
        await _ready_milestones(conn, event.project_id, event.engagement_id)


async def assign_accepted(conn: Connection, event: ApplicationAccepted) -> None:
    engagement_id = await queries.engagement_of(conn, event.application_id)
    if engagement_id is not None:
        await _assign(conn, event.project_id, engagement_id)


async def assign_agreed(conn: Connection, event: EngagementAgreed) -> None:
    """The work may begin, for its fee is held."""
    await _assign(conn, event.project_id, event.engagement_id)
    await _ready_milestones(conn, event.project_id, event.engagement_id)


async def unassign(conn: Connection, event: EngagementEvent) -> None:
    """The work did not begin: the seat's money waits for whoever comes next, less what is owed to an
    intern who was told too late."""
    await lock_project(conn, event.project_id, viewer_id=None)
    engagement = await _engagement(conn, event.engagement_id)
    if engagement is not None and engagement.state in rules.NOT_BEGUN:
        if event.party == Who.EMPLOYER and isinstance(event, EngagementCancelled):
            await _pay_kill_fee(conn, engagement)
        await queries.unassign(conn, engagement.id)
    await _settle(conn, event.project_id)


async def settle_project(conn: Connection, event: ProjectEvent) -> None:
    await _settle(conn, event.project_id)


async def settle_engagement(conn: Connection, event: EngagementEvent) -> None:
    await _settle(conn, event.project_id)


async def settle_milestone(conn: Connection, event: MilestoneEvent) -> None:
    await _settle(conn, event.project_id)


async def _assign(conn: Connection, project_id: UUID, engagement_id: UUID) -> None:
    await lock_project(conn, project_id, viewer_id=None)
    engagement = await _engagement(conn, engagement_id)
    if engagement is None or engagement.state in rules.ENDED:
        return
    if await queries.is_assigned(conn, engagement_id):
        return
    seat = await queries.free_seat_of(conn, project_id)
    if seat is not None:
        await queries.assign(conn, engagement_id=engagement_id, project_id=project_id, seat=seat)


async def _ready_milestones(conn: Connection, project_id: UUID, engagement_id: UUID) -> None:
    await lock_project(conn, project_id, viewer_id=None)
    engagement = await _engagement(conn, engagement_id)
    if engagement is None or engagement.state in {EngagementStatus.AGREEING, *rules.ENDED}:
        return
    planned = await milestones.select_milestones(conn, engagement_id, viewer_id=None, sees_all=True)
    for each in planned:
        milestone = await milestones.lock_milestone(conn, each.id, viewer_id=None, sees_all=True)
        if milestone is None or "funds_held" not in MILESTONE.allowed(milestone.state, SYSTEM):
            continue
        if await queries.held_for(conn, milestone.id) >= milestone.fee:
            await milestone_moves.move(conn, milestone, "funds_held")


async def _pay_kill_fee(conn: Connection, engagement: Engagement) -> None:
    """Once: afterwards nothing is assigned that could be paid from. The employer owes the seat what is
    now missing from it."""
    payments = await queries.lock_of_engagement(conn, engagement.id)
    held = [payment for payment in payments if payment.state is Status.HELD]
    owed = rules.kill_fee(
        sum(payment.amount for payment in held),
        cancelled_at=engagement.ended_at,
        starts_at=start_of(engagement.starts_on),
    )
    for payment in held:
        if owed == 0:
            return
        part = min(owed, payment.amount)
        owed -= part
        await _pay_part(conn, payment, part)


async def _pay_part(conn: Connection, payment: Payment, part: int) -> None:
    if part < payment.amount:
        _, payment = await split(conn, payment, payment.amount - part)
    await move(conn, payment, "release", reason=KILL_FEE)
    await _top_up(conn, payment)


async def _top_up(conn: Connection, payment: Payment) -> None:
    payment_id = await queries.insert_payment(
        conn,
        project_id=payment.project_id,
        organization_id=payment.organization_id,
        seat=payment.seat,
        position=payment.position,
        amount=payment.amount,
        state=Status.DUE,
        reason=KILL_FEE,
    )
    made = await queries.lock_payment(conn, payment_id)
    assert made is not None
    await begin(conn, made)


async def _settle(conn: Connection, project_id: UUID) -> Project | None:
    """Move each payment of a project to where it belongs as things stand."""
    project = await lock_project(conn, project_id, viewer_id=None)
    if project is None:
        return None
    for payment in await queries.lock_of_project(conn, project_id):
        await _settle_payment(conn, project, payment)
    return project


async def _settle_payment(conn: Connection, project: Project, payment: Payment) -> None:
    if payment.milestone_id is None:
        if payment.state is Status.HELD and project.state in rules.OVER:
            await move(conn, payment, "refund", reason=f"project_{project.state}")
        return
    milestone = await queries.select_milestone(conn, payment.milestone_id)
    command = rules.next_step(
        payment.state,
        project_state=project.state,
        engagement_state=EngagementStatus(milestone.engagement_state),
        milestone_state=MilestoneStatus(milestone.state),
        begun=milestone.begun,
        appealed=milestone.appealed,
        waits=payment.refund_at is not None,
    )
    if command is not None:
        await move(conn, payment, command, reason=f"milestone_{milestone.state}")


async def _engagement(conn: Connection, engagement_id: UUID) -> Engagement | None:
    return await engagements.lock_engagement(conn, engagement_id, viewer_id=None, sees_all=True)


SUBSCRIPTIONS: list[Subscription] = [
    on(ProjectApproved, bill_project),
    on(PaymentHeld, open_project),
    on(PaymentHeld, ready_held_milestone),
    on(ApplicationAccepted, assign_accepted),
    on(EngagementAgreed, assign_agreed),
    *(
        on(event, unassign)
        for event in (
            EngagementNotAgreed,
            EngagementAgreementLapsed,
            EngagementCancelled,
            EngagementNoShow,
        )
    ),
    *(
        on(event, settle_engagement)
        for event in (
            EngagementStarted,
            EngagementDisputed,
            EngagementDisputeSettled,
            EngagementWorkAccepted,
            EngagementCompleted,
            EngagementTerminated,
        )
    ),
    *(
        on(event, settle_milestone)
        for event in (
            MilestoneAccepted,
            MilestoneAutoAccepted,
            MilestoneDisputed,
            MilestoneCancelled,
            MilestoneFundingLapsed,
            MilestoneLapsed,
        )
    ),
    *(
        on(event, settle_project)
        for event in (
            ProjectCancelled,
            ProjectCompleted,
            ProjectDiscarded,
            ProjectExpired,
            ProjectExpiredUndecided,
            ProjectFundingLapsed,
            ProjectNotStarted,
            ProjectReinstated,
            ProjectRejected,
            ProjectRemoved,
            ProjectReviewLapsed,
            ProjectSuspended,
        )
    ),
]
