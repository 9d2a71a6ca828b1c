from uuid import UUID

from aiohttp import web

from services.gateway.commands import command_routes
from services.gateway.engagements import actions, queries, rules
from services.gateway.engagements.actions import CheckIn
from services.gateway.engagements.queries import Engagement
from services.gateway.engagements.schemas import (
    AmendRequest,
    CheckInRequest,
    CommandRequest,
    EngagementView,
    FeedbackRequest,
    FeedbacksView,
    FeedbackView,
    PauseRequest,
    ReasonRequest,
    SignRequest,
)
from services.gateway.http import (
    SIGNED_IN,
    Paging,
    Route,
    answer,
    connection,
    cursor,
    expected_version,
    page,
    path_id,
    query,
    viewer,
)
from services.gateway.lifecycles import ENGAGEMENT
from services.gateway.proposals.actions import Asked
from services.gateway.reasons import narrowed
from services.gateway.schemas import Page, Request
from services.gateway.together import Command, together
from services.gateway.viewer import Viewer
from shared.database import Connection
from shared.errors import NotFound

BODIES: dict[str, type[Request]] = {
    "sign": SignRequest,
    "check_in": CheckInRequest,
    "feedback": FeedbackRequest,
    "amend": AmendRequest,
    "pause": PauseRequest,
}
# A dispute is a record of its own, and opened there.
HERE = rules.COMMANDS - {"dispute"}


def view_of(engagement: Engagement, viewer: Viewer) -> EngagementView:
    who = viewer.roles(
        applicant=engagement.is_applicant,
        employer=engagement.is_employer,
        school=engagement.is_school,
    )
    return EngagementView.of(engagement, rules.allowed_in(engagement, who))


CHECK_IN = Command(
    "check_in",
    actions.check_in,
    key_of=lambda wanted: wanted.engagement_id,
    answer=lambda wanted, engagement: answer(
        view_of(engagement, wanted.viewer), version=engagement.version
    ),
)


async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        engagement = await queries.select_engagement(
            conn,
            path_id(request, "engagement_id"),
            viewer_id=viewer(request).id,
            sees_all=viewer(request).moderates,
        )
    if engagement is None:
        raise NotFound("No such engagement.")
    return answer(view_of(engagement, viewer(request)), version=engagement.version)


async def list_mine(request: web.Request) -> web.Response:
    at = cursor(query(request, Paging))
    async with connection(request) as conn:
        found = await queries.select_engagements_of(
            conn, viewer_id=viewer(request).id, before=at.before, limit=at.limit
        )
    views = [view_of(item, viewer(request)) for item in found]
    return answer(page(views, at.limit, lambda item: item.id))


async def show_feedback(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        found = await actions.read_feedback(
            conn, engagement_id=path_id(request, "engagement_id"), viewer=viewer(request)
        )
    return answer(FeedbacksView(items=[FeedbackView.of(item) for item in found]))


async def check_in(
    request: web.Request, engagement_id: UUID, wanted: CheckInRequest
) -> web.Response:
    given = CheckIn(
        engagement_id=engagement_id,
        viewer=viewer(request),
        mood=wanted.mood,
        note=wanted.note,
        expected=expected_version(request),
    )
    return await together(request, CHECK_IN, given)


async def give(
    request: web.Request, engagement_id: UUID, command: str, wanted: Request
) -> web.Response:
    """What waits for the other side's consent is accepted, not done."""
    if isinstance(wanted, CheckInRequest):
        return await check_in(request, engagement_id, wanted)
    async with connection(request) as conn:
        engagement, done = await _carried_out(
            conn,
            wanted,
            command=command,
            engagement_id=engagement_id,
            viewer=viewer(request),
            expected=expected_version(request),
        )
    return answer(
        view_of(engagement, viewer(request)),
        status=200 if done else 202,
        version=engagement.version,
    )


async def _carried_out(
    conn: Connection,
    wanted: Request,
    *,
    command: str,
    engagement_id: UUID,
    viewer: Viewer,
    expected: int | None,
) -> tuple[Engagement, bool]:
    if isinstance(wanted, AmendRequest | PauseRequest):
        act = actions.amend if isinstance(wanted, AmendRequest) else actions.pause
        return await act(
            conn,
            engagement_id=engagement_id,
            viewer=viewer,
            asked=Asked(wanted.terms(), wanted.proposal_id),
            expected=expected,
        )
    done = await _done_at_once(
        conn,
        wanted,
        command=command,
        engagement_id=engagement_id,
        viewer=viewer,
        expected=expected,
    )
    return done, True


async def _done_at_once(
    conn: Connection,
    wanted: Request,
    *,
    command: str,
    engagement_id: UUID,
    viewer: Viewer,
    expected: int | None,
) -> Engagement:
    match wanted:
        case SignRequest(agreement_hash=agreement_hash):
            return await actions.sign(
                conn,
                engagement_id=engagement_id,
                viewer=viewer,
                agreement_hash=agreement_hash,
                expected=expected,
            )
        case FeedbackRequest(rating=rating, words=words):
            return await actions.give_feedback(
                conn,
                engagement_id=engagement_id,
                viewer=viewer,
                rating=rating,
                words=words,
                expected=expected,
            )
        case _ if command == "ask_help":
            return await actions.ask_help(
                conn, engagement_id=engagement_id, viewer=viewer, expected=expected
            )
        case _:
            return await actions.command(
                conn,
                engagement_id=engagement_id,
                command=command,
                viewer=viewer,
                reason=wanted.reason if isinstance(wanted, ReasonRequest) else None,
                expected=expected,
            )


def _body_of(command: str) -> type[Request]:
    if command in rules.NEED_REASON:
        return narrowed(ReasonRequest, f"engagement.{command}")
    return BODIES.get(command, CommandRequest)


ROUTES = [
    Route(
        "GET",
        "/v1/me/engagements",
        list_mine,
        "My engagements, as intern, employer or school",
        (SIGNED_IN,),
        filters=Paging,
        gives=Page[EngagementView],
    ),
    Route(
        "GET",
        "/v1/engagements/{engagement_id}",
        show,
        "One engagement, with the agreement to sign",
        ("applicant", "employer", "school", "moderator"),
        gives=EngagementView,
    ),
    Route(
        "GET",
        "/v1/engagements/{engagement_id}/feedback",
        show_feedback,
        "What both sides said, once both have spoken",
        ("applicant", "employer", "school", "moderator"),
        gives=FeedbacksView,
    ),
    *command_routes(
        ENGAGEMENT,
        give,
        gives=EngagementView,
        takes={name: _body_of(name) for name in HERE},
        together={"check_in"},
    ),
]
