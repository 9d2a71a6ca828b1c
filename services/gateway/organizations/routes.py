from aiohttp import web

from services.gateway.http import (
    ANYONE,
    SIGNED_IN,
    Route,
    answer,
    body,
    connection,
    path_id,
    viewer,
)
from services.gateway.organizations import actions, queries
from services.gateway.organizations.schemas import (
    MemberRequest,
    MembersView,
    MemberView,
    OrganizationRequest,
    OrganizationsView,
    OrganizationView,
)
from shared.errors import NotFound


async def register(request: web.Request) -> web.Response:
    wanted = await body(request, OrganizationRequest)
    async with connection(request) as conn:
        organization = await actions.register(
            conn, founder_id=viewer(request).id, **wanted.model_dump()
        )
    return answer(OrganizationView.of(organization), status=201)


async def show_organization(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        organization = await queries.select_organization(conn, path_id(request, "organization_id"))
    if organization is None:
        raise NotFound("No such organization.")
    return answer(OrganizationView.of(organization), version=organization.version)


async def list_mine(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        found = await queries.select_organizations_of(conn, viewer(request).id)
    return answer(OrganizationsView(items=[OrganizationView.of(item) for item in found]))


async def add_member(request: web.Request) -> web.Response:
    wanted = await body(request, MemberRequest)
    async with connection(request) as conn:
        members = await actions.add_member(
            conn,
            organization_id=path_id(request, "organization_id"),
            viewer_id=viewer(request).id,
            email=wanted.email,
        )
    return answer(MembersView(items=[MemberView.of(member) for member in members]), status=201)


async def list_members(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        members = await queries.select_members(
            conn, organization_id=path_id(request, "organization_id"), viewer_id=viewer(request).id
        )
    if not members:
        raise NotFound("No such organization of yours.")
    return answer(MembersView(items=[MemberView.of(member) for member in members]))


ROUTES = [
    Route(
        "POST",
        "/v1/organizations",
        register,
        "Register an employer or a school; whoever registers owns it",
        (SIGNED_IN,),
        takes=OrganizationRequest,
        gives=OrganizationView,
        status=201,
    ),
    Route(
        "GET",
        "/v1/organizations/{organization_id}",
        show_organization,
        "One employer or school",
        (ANYONE,),
        gives=OrganizationView,
    ),
    Route(
        "GET",
        "/v1/me/organizations",
        list_mine,
        "The employers and schools I act for",
        (SIGNED_IN,),
        gives=OrganizationsView,
    ),
    Route(
        "POST",
        "/v1/organizations/{organization_id}/members",
        add_member,
        "Let a person act for this organization",
        ("owner",),
        takes=MemberRequest,
        gives=MembersView,
        status=201,
    ),
    Route(
        "GET",
        "/v1/organizations/{organization_id}/members",
        list_members,
        "Who acts for this organization",
        ("employer",),
        gives=MembersView,
    ),
]
