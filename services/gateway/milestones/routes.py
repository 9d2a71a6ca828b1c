from uuid import UUID

from aiohttp import web

from services.gateway.commands import command_routes
from services.gateway.http import (
    Route,
    answer,
    connection,
    expected_version,
    path_id,
    viewer,
)
from services.gateway.lifecycles import MILESTONE
from services.gateway.milestones import actions, queries, rules
from services.gateway.milestones.queries import Milestone
from services.gateway.milestones.schemas import (
    AcceptRequest,
    AmendRequest,
    CancelRequest,
    ChangesRequest,
    MilestonesView,
    MilestoneView,
    StartRequest,
    SubmitRequest,
)
from services.gateway.proposals.actions import Asked
from services.gateway.reasons import narrowed
from services.gateway.schemas import Request
from services.gateway.viewer import Viewer
from shared.database import Connection
from shared.errors import NotFound

BODIES: dict[str, type[Request]] = {
    "start": StartRequest,
    "submit": SubmitRequest,
    "accept": AcceptRequest,
    "request_changes": ChangesRequest,
    "cancel": narrowed(CancelRequest, "milestone.cancel"),
    "amend": AmendRequest,
}


def view_of(milestone: Milestone, viewer: Viewer) -> MilestoneView:
    who = viewer.roles(applicant=milestone.is_applicant, employer=milestone.is_employer)
    return MilestoneView.of(milestone, rules.allowed_in(milestone, who))


async def list_of_engagement(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        found = await queries.select_milestones(
            conn,
            path_id(request, "engagement_id"),
            viewer_id=viewer(request).id,
            sees_all=viewer(request).moderates,
        )
    if not found:
        raise NotFound("No such engagement.")
    return answer(MilestonesView(items=[view_of(item, viewer(request)) for item in found]))


async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        milestone = await queries.select_milestone(
            conn,
            path_id(request, "milestone_id"),
            viewer_id=viewer(request).id,
            sees_all=viewer(request).moderates,
        )
    if milestone is None:
        raise NotFound("No such milestone.")
    return answer(view_of(milestone, viewer(request)), version=milestone.version)


async def give(
    request: web.Request, milestone_id: UUID, command: str, wanted: Request
) -> web.Response:
    """What waits for the other side's consent is accepted, not done."""
    async with connection(request) as conn:
        milestone, done = await _carried_out(
            conn,
            wanted,
            command=command,
            milestone_id=milestone_id,
            viewer=viewer(request),
            expected=expected_version(request),
        )
    return answer(
        view_of(milestone, viewer(request)),
        status=200 if done else 202,
        version=milestone.version,
    )


async def _carried_out(
    conn: Connection,
    wanted: Request,
    *,
    command: str,
    milestone_id: UUID,
    viewer: Viewer,
    expected: int | None,
) -> tuple[Milestone, bool]:
    match wanted:
        case AcceptRequest():
            return await actions.accept(
                conn,
                milestone_id=milestone_id,
                viewer=viewer,
                review=wanted.review,
                asked=Asked(wanted.terms(), wanted.proposal_id),
                expected=expected,
            )
        case AmendRequest():
            return await actions.amend(
                conn,
                milestone_id=milestone_id,
                viewer=viewer,
                asked=Asked(wanted.terms(), wanted.proposal_id),
                expected=expected,
            )
        case _:
            done = await _done_at_once(
                conn,
                wanted,
                command=command,
                milestone_id=milestone_id,
                viewer=viewer,
                expected=expected,
            )
            return done, True


async def _done_at_once(
    conn: Connection,
    wanted: Request,
    *,
    command: str,
    milestone_id: UUID,
    viewer: Viewer,
    expected: int | None,
) -> Milestone:
    match wanted:
        case SubmitRequest():
            return await actions.submit(
                conn,
                milestone_id=milestone_id,
                viewer=viewer,
                note=wanted.note,
                criteria_met=wanted.criteria_met,
                file_ids=wanted.file_ids,
                expected=expected,
            )
        case ChangesRequest():
            return await actions.request_changes(
                conn,
                milestone_id=milestone_id,
                viewer=viewer,
                review=wanted.review,
                criteria_unmet=wanted.criteria_unmet,
                expected=expected,
            )
        case _:
            return await actions.command(
                conn,
                milestone_id=milestone_id,
                command=command,
                viewer=viewer,
                reason=wanted.reason if isinstance(wanted, CancelRequest) else None,
                expected=expected,
            )


ROUTES = [
    Route(
        "GET",
        "/v1/engagements/{engagement_id}/milestones",
        list_of_engagement,
        "The milestones of an engagement",
        ("applicant", "employer", "moderator"),
        gives=MilestonesView,
    ),
    Route(
        "GET",
        "/v1/milestones/{milestone_id}",
        show,
        "One milestone with everything handed in",
        ("applicant", "employer", "moderator"),
        gives=MilestoneView,
    ),
    *command_routes(MILESTONE, give, gives=MilestoneView, takes=BODIES),
]
