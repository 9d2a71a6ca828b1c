from datetime import datetime
from typing import Self
from uuid import UUID

from aiohttp import web

from services.gateway.http import (
    SIGNED_IN,
    Paging,
    Route,
    answer,
    connection,
    cursor,
    page,
    query,
    viewer,
)
from services.gateway.notices import queries
from services.gateway.notices.queries import Notice
from services.gateway.schemas import Page, View


class NoticeView(View):
    """`subject` is the id of the record it is about; `action` is what a button to `link` says."""

    id: UUID
    event_id: UUID
    kind: str
    subject: UUID
    title: str
    text: str
    link: str
    action: str
    created_at: datetime

    @classmethod
    def of(cls, notice: Notice) -> Self:
        return cls.model_validate(notice, from_attributes=True)


async def list_mine(request: web.Request) -> web.Response:
    at = cursor(query(request, Paging))
    async with connection(request) as conn:
        found = await queries.select_notices(
            conn, person_id=viewer(request).id, before=at.before, limit=at.limit
        )
    views = [NoticeView.of(item) for item in found]
    return answer(page(views, at.limit, lambda item: item.id))


ROUTES = [
    Route(
        "GET",
        "/v1/me/notices",
        list_mine,
        "What has happened that concerns me",
        (SIGNED_IN,),
        filters=Paging,
        gives=Page[NoticeView],
    ),
]
