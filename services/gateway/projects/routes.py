from uuid import UUID

from aiohttp import web

from services.gateway.commands import command_routes
from services.gateway.http import (
    ANYONE,
    VIEWER,
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
from services.gateway.lifecycles import PROJECT
from services.gateway.organizations.queries import select_role
from services.gateway.organizations.regions import REGIONS, Region
from services.gateway.projects import actions, queries, rules, wages
from services.gateway.projects.queries import Project
from services.gateway.projects.schemas import (
    CommandRequest,
    PayFloorsView,
    PayFloorView,
    ProjectRequest,
    ProjectView,
    ReasonRequest,
)
from services.gateway.reasons import narrowed
from services.gateway.schemas import Day, Page, Request, SkillId, Slug
from services.gateway.skills.rules import labels
from services.gateway.viewer import Viewer
from shared import clock
from shared.errors import NotFound


class ProjectsQuery(Paging):
    skill: SkillId | None = None
    industry: Slug | None = None
    region: Region | None = None
    remote: bool | None = None


class PayFloorsQuery(Request):
    """`on` is a day; today, when it is left out."""

    region: Region | None = None
    on: Day | None = None


def view_of(project: Project, viewer: Viewer | None) -> ProjectView:
    who = viewer.roles(employer=project.is_mine) if viewer else frozenset()
    allowed = rules.allowed(project.state, who)
    if project.extended:
        allowed = [command for command in allowed if command != "extend"]
    return ProjectView.of(project, labels(project.skills), allowed)


async def draft(request: web.Request) -> web.Response:
    wanted = await body(request, ProjectRequest)
    rules.check_milestones(
        fee=wanted.fee, milestone_fees=[milestone.fee for milestone in wanted.milestones]
    )
    async with connection(request) as conn:
        project = await actions.draft(
            conn,
            organization_id=path_id(request, "organization_id"),
            viewer=viewer(request),
            facts=wanted.model_dump(exclude={"skills", "milestones"}),
            skills={skill.skill_id: skill.must_have for skill in wanted.skills},
            milestones=wanted.planned(),
        )
    return answer(view_of(project, viewer(request)), status=201, version=project.version)


async def change(request: web.Request) -> web.Response:
    wanted = await body(request, ProjectRequest)
    rules.check_milestones(
        fee=wanted.fee, milestone_fees=[milestone.fee for milestone in wanted.milestones]
    )
    async with connection(request) as conn:
        project = await actions.change(
            conn,
            project_id=path_id(request, "project_id"),
            viewer=viewer(request),
            facts=wanted.model_dump(exclude={"skills", "milestones"}),
            skills={skill.skill_id: skill.must_have for skill in wanted.skills},
            milestones=wanted.planned(),
            expected=expected_version(request),
        )
    return answer(view_of(project, viewer(request)), version=project.version)


async def show(request: web.Request) -> web.Response:
    found: Viewer | None = request.get(VIEWER)
    async with connection(request) as conn:
        project = await queries.select_project(
            conn, path_id(request, "project_id"), viewer_id=found.id if found else None
        )
    if project is None or not rules.may_see(
        state=project.state, is_mine=project.is_mine, moderates=bool(found and found.moderates)
    ):
        raise NotFound("No such project.")
    return answer(view_of(project, found), version=project.version)


async def list_open(request: web.Request) -> web.Response:
    wanted = query(request, ProjectsQuery)
    found: Viewer | None = request.get(VIEWER)
    at = cursor(wanted)
    async with connection(request) as conn:
        projects = await queries.select_projects(
            conn,
            viewer_id=found.id if found else None,
            skill=wanted.skill,
            industry=wanted.industry,
            region=wanted.region,
            remote=wanted.remote,
            before=at.before,
            limit=at.limit,
        )
    return _listed(projects, at.limit, found)


async def list_of_organization(request: web.Request) -> web.Response:
    at = cursor(query(request, Paging))
    organization_id, who = path_id(request, "organization_id"), viewer(request)
    async with connection(request) as conn:
        if await select_role(conn, organization_id=organization_id, person_id=who.id) is None:
            raise NotFound("No such organization of yours.")
        projects = await queries.select_projects_of(
            conn,
            organization_id=organization_id,
            viewer_id=who.id,
            before=at.before,
            limit=at.limit,
        )
    return _listed(projects, at.limit, who)


def _listed(projects: list[Project], limit: int, viewer: Viewer | None) -> web.Response:
    return answer(page([view_of(item, viewer) for item in projects], limit, lambda item: item.id))


async def list_pay_floors(request: web.Request) -> web.Response:
    wanted = query(request, PayFloorsQuery)
    on = wanted.on or wages.day_of(clock.now())
    found = wages.all_in_force(on, [wanted.region] if wanted.region else REGIONS)
    return answer(PayFloorsView(on=on, items=[PayFloorView.of(wage) for wage in found]))


async def give(
    request: web.Request, project_id: UUID, command: str, wanted: Request
) -> web.Response:
    reason = wanted.reason if isinstance(wanted, ReasonRequest) else None
    async with connection(request) as conn:
        project = await actions.command(
            conn,
            project_id=project_id,
            command=command,
            viewer=viewer(request),
            reason=reason,
            expected=expected_version(request),
        )
    return answer(view_of(project, viewer(request)), version=project.version)


ROUTES = [
    Route(
        "POST",
        "/v1/organizations/{organization_id}/projects",
        draft,
        "Draft a posting",
        ("employer",),
        takes=ProjectRequest,
        gives=ProjectView,
        status=201,
    ),
    Route(
        "GET",
        "/v1/organizations/{organization_id}/projects",
        list_of_organization,
        "The postings of my organization, in every state",
        ("employer",),
        filters=Paging,
        gives=Page[ProjectView],
    ),
    Route(
        "GET",
        "/v1/projects",
        list_open,
        "Open postings",
        (ANYONE,),
        filters=ProjectsQuery,
        gives=Page[ProjectView],
    ),
    Route("GET", "/v1/projects/{project_id}", show, "One posting", (ANYONE,), gives=ProjectView),
    Route(
        "PUT",
        "/v1/projects/{project_id}",
        change,
        "Change a draft, or a posting for which changes were requested",
        ("employer",),
        takes=ProjectRequest,
        gives=ProjectView,
    ),
    Route(
        "GET",
        "/v1/pay-floors",
        list_pay_floors,
        "The least that an hour may pay, by region",
        (ANYONE,),
        filters=PayFloorsQuery,
        gives=PayFloorsView,
        notes="\nFor remote work the dearer of the posting's and the employer's region counts; "
        "internships of schools and government programmes pay at least 75 % of the floor.",
    ),
    *command_routes(
        PROJECT,
        give,
        gives=ProjectView,
        takes={
            name: narrowed(ReasonRequest, f"project.{name}")
            if name in rules.NEED_REASON
            else CommandRequest
            for name in rules.COMMANDS
        },
    ),
]
