from aiohttp import web

from services.gateway.http import (
    SIGNED_IN,
    Route,
    answer,
    body,
    connection,
    expected_version,
    viewer,
)
from services.gateway.profiles import actions, queries
from services.gateway.profiles.queries import Profile
from services.gateway.profiles.schemas import ProfileRequest, ProfileView
from services.gateway.skills.rules import labels
from shared.errors import NotFound


async def show_profile(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        profile = await queries.select_profile(conn, viewer(request).id)
    if profile is None:
        raise NotFound("No such profile.")
    return _answer(profile)


async def change_profile(request: web.Request) -> web.Response:
    wanted = await body(request, ProfileRequest)
    async with connection(request) as conn:
        profile = await actions.change_profile(
            conn,
            person_id=viewer(request).id,
            facts=wanted.model_dump(exclude={"skills"}),
            levels={skill.skill_id: skill.level for skill in wanted.skills},
            expected=expected_version(request),
        )
    return _answer(profile)


def _answer(profile: Profile) -> web.Response:
    view = ProfileView.of(profile, labels(profile.skills))
    return answer(view, version=profile.version)


ROUTES = [
    Route("GET", "/v1/me/profile", show_profile, "My profile", (SIGNED_IN,), gives=ProfileView),
    Route(
        "PUT",
        "/v1/me/profile",
        change_profile,
        "Replace my profile",
        (SIGNED_IN,),
        takes=ProfileRequest,
        gives=ProfileView,
    ),
]
