from uuid import UUID

from aiohttp import web

from services.gateway.commands import command_routes
from services.gateway.credentials import actions, queries, rules
from services.gateway.credentials.queries import Credential
from services.gateway.credentials.schemas import (
    AttestRequest,
    CredentialView,
    PublishRequest,
    RefuseRequest,
    RevokeRequest,
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
from services.gateway.lifecycles import CREDENTIAL
from services.gateway.schemas import Page, Request
from services.gateway.skills.rules import labels
from services.gateway.viewer import Viewer
from shared.errors import NotFound

BODIES: dict[str, type[Request]] = {
    "attest": AttestRequest,
    "publish": PublishRequest,
    "refuse": RefuseRequest,
    "revoke": RevokeRequest,
}


def view_of(credential: Credential, viewer: Viewer) -> CredentialView:
    who = viewer.roles(applicant=credential.is_applicant, employer=credential.is_employer)
    allowed = rules.allowed(credential.state, who)
    return CredentialView.of(credential, labels(credential.skills), allowed)


async def list_mine(request: web.Request) -> web.Response:
    at = cursor(query(request, Paging))
    async with connection(request) as conn:
        found = await queries.select_credentials_of(
            conn, viewer_id=viewer(request).id, before=at.before, limit=at.limit
        )
    views = [view_of(item, viewer(request)) for item in found]
    return answer(page(views, at.limit, lambda item: item.id))


async def show(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        credential = await queries.select_credential(
            conn,
            path_id(request, "credential_id"),
            viewer_id=viewer(request).id,
            sees_all=viewer(request).moderates,
        )
    if credential is None:
        raise NotFound("No such credential.")
    return answer(view_of(credential, viewer(request)), version=credential.version)


async def give(
    request: web.Request, credential_id: UUID, command: str, wanted: Request
) -> web.Response:
    who, expected = viewer(request), expected_version(request)
    async with connection(request) as conn:
        match wanted:
            case AttestRequest(skills=skills):
                credential = await actions.attest(
                    conn,
                    credential_id=credential_id,
                    viewer=who,
                    skills=sorted(set(skills)),
                    expected=expected,
                )
            case PublishRequest(published=published):
                credential = await actions.publish(
                    conn,
                    credential_id=credential_id,
                    viewer=who,
                    published=published,
                    expected=expected,
                )
            case _:
                assert isinstance(wanted, RefuseRequest | RevokeRequest)
                credential = await actions.command(
                    conn,
                    credential_id=credential_id,
                    command=command,
                    viewer=who,
                    reason=wanted.reason,
                    expected=expected,
                )
    return answer(view_of(credential, who), version=credential.version)


ROUTES = [
    Route(
        "GET",
        "/v1/me/credentials",
        list_mine,
        "My badges, and those that wait for my word as an employer",
        (SIGNED_IN,),
        filters=Paging,
        gives=Page[CredentialView],
    ),
    Route(
        "GET",
        "/v1/credentials/{credential_id}",
        show,
        "One credential",
        ("applicant", "employer", "operator"),
        gives=CredentialView,
    ),
    *command_routes(CREDENTIAL, give, gives=CredentialView, takes=BODIES),
]
