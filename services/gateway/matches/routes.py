from typing import Annotated

from aiohttp import web
from pydantic import Field

from services.gateway.http import SIGNED_IN, Route, answer, connection, path_id, query, viewer
from services.gateway.matches import queries
from services.gateway.matches.queries import Match
from services.gateway.matches.schemas import MatchesView, MatchView
from services.gateway.projects.queries import acts_for
from services.gateway.schemas import Request
from services.gateway.skills.rules import labels
from shared.errors import NotFound


class MatchesQuery(Request):
    limit: Annotated[int, Field(ge=1, le=100)] = 20


def _skills_in(explanation: object) -> set[str]:
    """Every id in the explanation that a reader would want in words."""
    match explanation:
        case dict():
            named = {
                explanation[key] for key in ("skill", "with_skill") if _is_text(explanation, key)
            }
            return named.union(*(_skills_in(value) for value in explanation.values()))
        case list():
            texts = {item for item in explanation if isinstance(item, str)}
            return texts.union(*(_skills_in(item) for item in explanation))
        case _:
            return set()


def _is_text(explanation: dict[str, object], key: str) -> bool:
    return isinstance(explanation.get(key), str)


def view_of(match: Match) -> MatchView:
    return MatchView.of(match, labels(_skills_in(match.explanation)))


async def list_of_project(request: web.Request) -> web.Response:
    wanted = query(request, MatchesQuery)
    project_id, who = path_id(request, "project_id"), viewer(request)
    async with connection(request) as conn:
        if not await acts_for(conn, project_id=project_id, person_id=who.id):
            raise NotFound("No such project of yours.")
        found = await queries.select_matches_of_project(
            conn, project_id=project_id, viewer_id=who.id, limit=wanted.limit
        )
    return answer(MatchesView(items=[view_of(item) for item in found]))


async def list_mine(request: web.Request) -> web.Response:
    wanted = query(request, MatchesQuery)
    async with connection(request) as conn:
        found = await queries.select_matches_of_person(
            conn, person_id=viewer(request).id, limit=wanted.limit
        )
    return answer(MatchesView(items=[view_of(item) for item in found]))


async def show_of_application(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        match = await queries.select_match_of_application(
            conn, application_id=path_id(request, "application_id"), viewer_id=viewer(request).id
        )
    if match is None:
        raise NotFound("No match yet; it is made within a second of applying.")
    return answer(view_of(match))


ROUTES = [
    Route(
        "GET",
        "/v1/projects/{project_id}/matches",
        list_of_project,
        "The people who fit my project, with reasons",
        ("employer",),
        filters=MatchesQuery,
        gives=MatchesView,
    ),
    Route(
        "GET",
        "/v1/me/matches",
        list_mine,
        "The open projects that fit me, with reasons",
        (SIGNED_IN,),
        filters=MatchesQuery,
        gives=MatchesView,
    ),
    Route(
        "GET",
        "/v1/applications/{application_id}/match",
        show_of_application,
        "How well an application fits, with reasons",
        ("applicant", "employer"),
        gives=MatchView,
    ),
]
