from collections.abc import Awaitable
from uuid import UUID

from aiohttp import web

from services.gateway.applications.queries import Application
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
from services.gateway.problems import status_of
from services.gateway.projects.queries import acts_for
from services.gateway.reasons import REASONS, WORDS
from services.gateway.selection import actions
from services.gateway.selection.schemas import (
    ClashesView,
    CommandReasonsView,
    Decision,
    DecisionsRequest,
    ItemProblem,
    NotSelectDecision,
    RankingRequest,
    RankingView,
    ReasonsView,
    ResultsView,
    ResultView,
    WithdrawalsRequest,
    WordsView,
)
from services.gateway.viewer import Viewer
from shared.database import Connection
from shared.errors import NotFound, Refusal


async def rank(request: web.Request) -> web.Response:
    wanted = await body(request, RankingRequest)
    async with connection(request) as conn:
        ranking = await actions.rank(
            conn,
            project_id=path_id(request, "project_id"),
            viewer=viewer(request),
            application_ids=wanted.application_ids,
            message=wanted.message,
            starts_on=wanted.starts_on,
        )
    return answer(RankingView.of(ranking))


async def show_ranking(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        ranking = await actions.show_ranking(
            conn, project_id=path_id(request, "project_id"), viewer=viewer(request)
        )
    return answer(RankingView.of(ranking))


async def decide(request: web.Request) -> web.Response:
    wanted = await body(request, DecisionsRequest)
    project_id, who = path_id(request, "project_id"), viewer(request)
    results: dict[int, ResultView] = {}
    # In the order of their ids, so that two who decide at once never wait for one another.
    order = sorted(range(len(wanted.items)), key=lambda at: wanted.items[at].application_id)
    async with connection(request) as conn:
        if not await acts_for(conn, project_id=project_id, person_id=who.id):
            raise NotFound("No such project of yours.")
        for at in order:
            item = wanted.items[at]
            doing = _decide(conn, project_id, item, who)
            results[at] = await _result(item.application_id, doing)
    return answer(ResultsView(items=[results[at] for at in sorted(results)]))


def _decide(
    conn: Connection, project_id: UUID, item: Decision, who: Viewer
) -> Awaitable[Application]:
    refused = item if isinstance(item, NotSelectDecision) else None
    return actions.decide(
        conn,
        project_id=project_id,
        application_id=item.application_id,
        viewer=who,
        command=item.command,
        reason=refused.reason if refused else None,
        criteria_not_met=refused.criteria_not_met if refused else [],
    )


async def _result(application_id: UUID, doing: Awaitable[Application]) -> ResultView:
    """One refusal must not undo the others."""
    try:
        application = await doing
    except Refusal as refusal:
        problem = ItemProblem(
            code=refusal.code, detail=refusal.detail, allowed=refusal.extra.get("allowed")
        )
        return ResultView(
            application_id=application_id,
            status=status_of(refusal),
            state=refusal.extra.get("state"),
            problem=problem,
        )
    return ResultView(application_id=application_id, status=200, state=application.state)


async def list_clashes(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        load, clashing = await actions.clashes(conn, viewer(request).id)
    return answer(ClashesView.of(load, clashing))


async def withdraw(request: web.Request) -> web.Response:
    wanted = await body(request, WithdrawalsRequest)
    who, results = viewer(request), {}
    async with connection(request) as conn:
        for application_id in sorted(set(wanted.application_ids)):
            doing = actions.withdraw(conn, application_id=application_id, viewer=who)
            results[application_id] = await _result(application_id, doing)
    return answer(ResultsView(items=[results[each] for each in wanted.application_ids]))


async def list_reasons(_request: web.Request) -> web.Response:
    items = [
        CommandReasonsView(record=record, command=command, codes=list(codes))
        for (record, command), codes in (
            (name.split("."), codes) for name, codes in REASONS.items()
        )
    ]
    words = {code: WordsView(fil=words.fil, en=words.en) for code, words in WORDS.items()}
    return answer(ReasonsView(items=items, words=words))


ROUTES = [
    Route(
        "PUT",
        "/v1/projects/{project_id}/ranking",
        rank,
        "Say whom to ask whenever a seat falls free",
        ("employer",),
        takes=RankingRequest,
        gives=RankingView,
    ),
    Route(
        "GET",
        "/v1/projects/{project_id}/ranking",
        show_ranking,
        "Whom to ask whenever a seat falls free",
        ("employer",),
        gives=RankingView,
    ),
    Route(
        "POST",
        "/v1/projects/{project_id}/decisions",
        decide,
        "Decide on many applications at once",
        ("employer",),
        takes=DecisionsRequest,
        gives=ResultsView,
    ),
    Route(
        "GET",
        "/v1/me/clashes",
        list_clashes,
        "My live applications that no longer fit my week",
        (SIGNED_IN,),
        gives=ClashesView,
    ),
    Route(
        "POST",
        "/v1/me/clashes/withdraw",
        withdraw,
        "Withdraw applications that no longer fit",
        (SIGNED_IN,),
        takes=WithdrawalsRequest,
        gives=ResultsView,
    ),
    Route(
        "GET",
        "/v1/reasons",
        list_reasons,
        "The reasons that each command takes, in words",
        (ANYONE,),
        gives=ReasonsView,
    ),
]
