from uuid import UUID

from aiohttp import web

from services.gateway.applications import actions, queries, rules
from services.gateway.applications.actions import Apply, Look
from services.gateway.applications.queries import Application
from services.gateway.applications.schemas import (
    ApplicationView,
    ApplyRequest,
    CommandRequest,
    InvitationRequest,
    LetterRequest,
    NotSelectRequest,
    OfferRequest,
    ReasonRequest,
)
from services.gateway.commands import command_routes
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
from services.gateway.lifecycles import APPLICATION
from services.gateway.projects.queries import acts_for
from services.gateway.reasons import narrowed
from services.gateway.schemas import Page, Request
from services.gateway.together import Command, together
from services.gateway.viewer import Viewer
from shared.errors import NotFound


def view_of(application: Application, viewer: Viewer) -> ApplicationView:
    who = viewer.roles(applicant=application.is_applicant, employer=application.is_employer)
    return ApplicationView.of(application, rules.allowed(application.state, who))


def answer_of(application: Application, viewer: Viewer, status: int = 200) -> web.Response:
    return answer(view_of(application, viewer), status=status, version=application.version)


def _answer(request: web.Request, application: Application, status: int = 200) -> web.Response:
    return answer_of(application, viewer(request), status)


APPLY = Command(
    "apply",
    actions.apply,
    key_of=lambda wanted: wanted.viewer.id,
    answer=lambda wanted, application: answer_of(application, wanted.viewer, status=201),
)
VIEW = Command(
    "view",
    actions.view,
    key_of=lambda look: look.application_id,
    answer=lambda look, application: answer_of(application, look.viewer),
)


async def apply(request: web.Request) -> web.Response:
    given = await body(request, ApplyRequest)
    wanted = Apply(
        project_id=path_id(request, "project_id"),
        viewer=viewer(request),
        cover_letter=given.cover_letter,
        draft=given.draft,
    )
    return await together(request, APPLY, wanted)


async def invite(request: web.Request) -> web.Response:
    wanted = await body(request, InvitationRequest)
    async with connection(request) as conn:
        application = await actions.invite(
            conn,
            project_id=path_id(request, "project_id"),
            viewer=viewer(request),
            person_id=wanted.person_id,
            reason=wanted.reason,
        )
    return _answer(request, application, status=201)


async def change_letter(request: web.Request) -> web.Response:
    wanted = await body(request, LetterRequest)
    async with connection(request) as conn:
        application = await actions.change_letter(
            conn,
            application_id=path_id(request, "application_id"),
            viewer=viewer(request),
            cover_letter=wanted.cover_letter,
            expected=expected_version(request),
        )
    return _answer(request, application)


async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        application = await queries.select_application(
            conn,
            path_id(request, "application_id"),
            viewer_id=viewer(request).id,
            moderates=viewer(request).moderates,
        )
    if application is None:
        raise NotFound("No such application.")
    return _answer(request, application)


async def list_to_project(request: web.Request) -> web.Response:
    at = cursor(query(request, Paging))
    project_id, who = path_id(request, "project_id"), viewer(request)
    async with connection(request) as conn:
        if not await acts_for(conn, project_id=project_id, person_id=who.id):
            raise NotFound("No such project of yours.")
        found = await queries.select_applications_to(
            conn,
            project_id=project_id,
            viewer_id=who.id,
            before=at.before,
            limit=at.limit,
        )
    views = [view_of(item, who) for item in found]
    return answer(page(views, at.limit, lambda item: item.id))


async def list_mine(request: web.Request) -> web.Response:
    at = cursor(query(request, Paging))
    async with connection(request) as conn:
        found = await queries.select_applications_of(
            conn, applicant_id=viewer(request).id, before=at.before, limit=at.limit
        )
    views = [view_of(item, viewer(request)) for item in found]
    return answer(page(views, at.limit, lambda item: item.id))


async def view(request: web.Request, application_id: UUID) -> web.Response:
    look = Look(application_id, viewer(request), expected_version(request))
    return await together(request, VIEW, look)


async def give(
    request: web.Request, application_id: UUID, command: str, wanted: Request
) -> web.Response:
    if command == "view":
        return await view(request, application_id)
    who, expected = viewer(request), expected_version(request)
    async with connection(request) as conn:
        if isinstance(wanted, OfferRequest):
            application = await actions.offer(
                conn,
                application_id=application_id,
                viewer=who,
                message=wanted.message,
                starts_on=wanted.starts_on,
                expected=expected,
            )
        elif isinstance(wanted, NotSelectRequest):
            application = await actions.not_select(
                conn,
                application_id=application_id,
                viewer=who,
                reason=wanted.reason,
                criteria_not_met=wanted.criteria_not_met,
                expected=expected,
            )
        elif command in {"accept", "start"}:
            act = actions.accept if command == "accept" else actions.start
            application = await act(
                conn, application_id=application_id, viewer=who, expected=expected
            )
        else:
            application = await actions.command(
                conn,
                application_id=application_id,
                command=command,
                viewer=who,
                reason=wanted.reason if isinstance(wanted, ReasonRequest) else None,
                expected=expected,
            )
    return _answer(request, application)


def _body_of(command: str) -> type[Request]:
    if command == "offer":
        return OfferRequest
    if command in rules.NEED_REASON:
        model = NotSelectRequest if command == "not_select" else ReasonRequest
        return narrowed(model, f"application.{command}")
    if command in rules.MAY_GIVE_REASON:
        return narrowed(ReasonRequest, f"application.{command}", optional=True)
    return CommandRequest


ROUTES = [
    Route(
        "POST",
        "/v1/projects/{project_id}/applications",
        apply,
        "Apply with a letter written for this project",
        (SIGNED_IN,),
        takes=ApplyRequest,
        gives=ApplicationView,
        status=201,
        together=True,
    ),
    Route(
        "GET",
        "/v1/projects/{project_id}/applications",
        list_to_project,
        "Who applied",
        ("employer",),
        filters=Paging,
        gives=Page[ApplicationView],
    ),
    Route(
        "POST",
        "/v1/projects/{project_id}/invitations",
        invite,
        "Invite one of the project's matches to apply",
        ("employer",),
        takes=InvitationRequest,
        gives=ApplicationView,
        status=201,
    ),
    Route(
        "GET",
        "/v1/me/applications",
        list_mine,
        "My applications",
        (SIGNED_IN,),
        filters=Paging,
        gives=Page[ApplicationView],
    ),
    Route(
        "GET",
        "/v1/applications/{application_id}",
        show,
        "One application",
        ("applicant", "employer", "moderator"),
        gives=ApplicationView,
    ),
    Route(
        "PUT",
        "/v1/applications/{application_id}",
        change_letter,
        "Change the letter of a draft",
        ("applicant",),
        takes=LetterRequest,
        gives=ApplicationView,
    ),
    *command_routes(
        APPLICATION,
        give,
        gives=ApplicationView,
        takes={name: _body_of(name) for name in rules.COMMANDS},
        together={"view"},
    ),
]
