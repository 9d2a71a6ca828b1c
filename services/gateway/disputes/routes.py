from uuid import UUID

from aiohttp import web

from services.gateway.commands import command_routes
from services.gateway.disputes import actions, queries, rules
from services.gateway.disputes.queries import Dispute
from services.gateway.disputes.schemas import (
    AnswerRequest,
    AppealDecisionRequest,
    AppealRequest,
    CommandRequest,
    DecideRequest,
    DisputeRequest,
    DisputeView,
    SettleRequest,
)
from services.gateway.http import (
    SIGNED_IN,
    Paging,
    Route,
    answer,
    body,
    connection,
    cursor,
    expected_version,
    page,
    path_id,
    query,
    viewer,
)
from services.gateway.lifecycles import DISPUTE
from services.gateway.proposals.actions import Asked
from services.gateway.schemas import Page, Request
from services.gateway.viewer import Viewer
from shared.errors import NotFound

BODIES: dict[str, type[Request]] = {
    "answer": AnswerRequest,
    "withdraw": CommandRequest,
    "settle": SettleRequest,
    "take": CommandRequest,
    "decide": DecideRequest,
}
PARTIES = ("applicant", "employer")


def view_of(dispute: Dispute, viewer: Viewer) -> DisputeView:
    who = viewer.roles(
        applicant=dispute.is_applicant, employer=dispute.is_employer, school=dispute.is_school
    )
    return DisputeView.of(dispute, rules.allowed_in(dispute, who, viewer.id))


def shown(request: web.Request, dispute: Dispute, *, status: int = 200) -> web.Response:
    return answer(view_of(dispute, viewer(request)), status=status, version=dispute.version)


async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        dispute = await queries.select_dispute(
            conn,
            path_id(request, "dispute_id"),
            viewer_id=viewer(request).id,
            sees_all=viewer(request).moderates,
        )
    if dispute is None:
        raise NotFound("No such dispute.")
    return shown(request, dispute)


async def list_mine(request: web.Request) -> web.Response:
    at = cursor(query(request, Paging))
    async with connection(request) as conn:
        found = await queries.select_disputes_of(
            conn, viewer_id=viewer(request).id, before=at.before, limit=at.limit
        )
    views = [view_of(item, viewer(request)) for item in found]
    return answer(page(views, at.limit, lambda item: item.id))


async def list_waiting(request: web.Request) -> web.Response:
    at = cursor(query(request, Paging))
    async with connection(request) as conn:
        found = await queries.select_waiting_disputes(
            conn, viewer_id=viewer(request).id, before=at.before, limit=at.limit
        )
    views = [view_of(item, viewer(request)) for item in found]
    return answer(page(views, at.limit, lambda item: item.id))


async def dispute_milestone(request: web.Request) -> web.Response:
    wanted = await body(request, DisputeRequest)
    async with connection(request) as conn:
        dispute = await actions.open_over_milestone(
            conn,
            milestone_id=path_id(request, "milestone_id"),
            viewer=viewer(request),
            claim=wanted.claim,
            statement=wanted.statement,
            reason=wanted.reason,
            expected=expected_version(request),
        )
    return shown(request, dispute, status=201)


async def dispute_engagement(request: web.Request) -> web.Response:
    wanted = await body(request, DisputeRequest)
    async with connection(request) as conn:
        dispute = await actions.open_over_engagement(
            conn,
            engagement_id=path_id(request, "engagement_id"),
            viewer=viewer(request),
            claim=wanted.claim,
            statement=wanted.statement,
            reason=wanted.reason,
            expected=expected_version(request),
        )
    return shown(request, dispute, status=201)


async def give(
    request: web.Request, dispute_id: UUID, command: str, wanted: Request
) -> web.Response:
    """A settlement that waits for the other side is accepted, not done."""
    who, expected = viewer(request), expected_version(request)
    status = 200
    async with connection(request) as conn:
        match wanted:
            case AnswerRequest():
                dispute = await actions.answer(
                    conn,
                    dispute_id=dispute_id,
                    viewer=who,
                    statement=wanted.statement,
                    share=wanted.share,
                    expected=expected,
                )
            case SettleRequest():
                dispute, agreed = await actions.settle(
                    conn,
                    dispute_id=dispute_id,
                    viewer=who,
                    asked=Asked(wanted.terms(), wanted.proposal_id),
                    expected=expected,
                )
                status = 200 if agreed else 202
            case DecideRequest():
                dispute = await actions.decide(
                    conn,
                    dispute_id=dispute_id,
                    viewer=who,
                    outcome=wanted.outcome,
                    share=wanted.intern_share,
                    reasons=wanted.reasons,
                    expected=expected,
                )
            case _:
                carried_out = actions.take if command == "take" else actions.withdraw
                dispute = await carried_out(
                    conn, dispute_id=dispute_id, viewer=who, expected=expected
                )
    return shown(request, dispute, status=status)


async def appeal(request: web.Request) -> web.Response:
    wanted = await body(request, AppealRequest)
    async with connection(request) as conn:
        dispute = await actions.appeal(
            conn,
            dispute_id=path_id(request, "dispute_id"),
            viewer=viewer(request),
            statement=wanted.statement,
            expected=expected_version(request),
        )
    return shown(request, dispute)


async def decide_appeal(request: web.Request) -> web.Response:
    wanted = await body(request, AppealDecisionRequest)
    async with connection(request) as conn:
        dispute = await actions.decide_appeal(
            conn,
            dispute_id=path_id(request, "dispute_id"),
            viewer=viewer(request),
            share=wanted.intern_share,
            reasons=wanted.reasons,
            expected=expected_version(request),
        )
    return shown(request, dispute)


ROUTES = [
    Route(
        "GET",
        "/v1/me/disputes",
        list_mine,
        "My disputes, on either side",
        (SIGNED_IN,),
        filters=Paging,
        gives=Page[DisputeView],
    ),
    Route(
        "GET",
        "/v1/operations/disputes",
        list_waiting,
        "Disputes that have not ended, and appeals that wait",
        ("moderator", "operator"),
        filters=Paging,
        gives=Page[DisputeView],
        duties=frozenset({"moderator", "operator"}),
    ),
    Route(
        "GET",
        "/v1/disputes/{dispute_id}",
        show,
        "One dispute",
        (*PARTIES, "moderator"),
        gives=DisputeView,
    ),
    Route(
        "POST",
        "/v1/milestones/{milestone_id}/dispute",
        dispute_milestone,
        "Milestone: dispute the work or its review",
        PARTIES,
        takes=DisputeRequest,
        gives=DisputeView,
        status=201,
    ),
    Route(
        "POST",
        "/v1/engagements/{engagement_id}/dispute",
        dispute_engagement,
        "Engagement: dispute how it goes on",
        PARTIES,
        takes=DisputeRequest,
        gives=DisputeView,
        status=201,
    ),
    *command_routes(DISPUTE, give, gives=DisputeView, takes=BODIES),
    Route(
        "POST",
        "/v1/disputes/{dispute_id}/appeal",
        appeal,
        "Appeal a decision about a milestone's fee, once, within 5 days and before the money is sent",
        PARTIES,
        takes=AppealRequest,
        gives=DisputeView,
    ),
    Route(
        "POST",
        "/v1/disputes/{dispute_id}/decide-appeal",
        decide_appeal,
        "Decide an appeal, as somebody other than the first mediator",
        ("moderator",),
        takes=AppealDecisionRequest,
        gives=DisputeView,
    ),
]
