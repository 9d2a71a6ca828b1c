from aiohttp import web

from services.gateway.http import ANYONE, Route, answer, connection, path_id
from services.gateway.standing import queries, rules
from services.gateway.standing.schemas import RecordView
from shared import clock
from shared.errors import NotFound


async def show(request: web.Request) -> web.Response:
    organization_id = path_id(request, "organization_id")
    since = clock.now() - rules.REMEMBERED
    async with connection(request) as conn:
        record = await queries.select_record(conn, organization_id, since=since)
    if record is None:
        raise NotFound("No such organization.")
    return answer(RecordView.of(record, organization_id=organization_id, since=since))


ROUTES = [
    Route(
        "GET",
        "/v1/organizations/{organization_id}/record",
        show,
        "How an employer has answered applicants",
        (ANYONE,),
        gives=RecordView,
    ),
]
