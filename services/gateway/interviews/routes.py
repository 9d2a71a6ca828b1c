from aiohttp import web

from services.gateway.http import Route, answer, body, connection, path_id, viewer
from services.gateway.interviews import actions
from services.gateway.interviews.calendar import calendar_file
from services.gateway.interviews.schemas import BookRequest, SlotsRequest, SlotsView, SlotView

CALENDAR = "text/calendar"


async def offer(request: web.Request) -> web.Response:
    wanted = await body(request, SlotsRequest)
    async with connection(request) as conn:
        slots = await actions.offer(
            conn,
            application_id=path_id(request, "application_id"),
            viewer=viewer(request),
            times=wanted.slots,
            minutes=wanted.minutes,
            place=wanted.where,
        )
    return answer(SlotsView(items=[SlotView.of(slot) for slot in slots]), status=201)


async def book(request: web.Request) -> web.Response:
    await body(request, BookRequest)
    async with connection(request) as conn:
        slot = await actions.book(conn, slot_id=path_id(request, "slot_id"), viewer=viewer(request))
    return answer(SlotView.of(slot))


async def list_slots(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        slots = await actions.read(
            conn, application_id=path_id(request, "application_id"), viewer=viewer(request)
        )
    return answer(SlotsView(items=[SlotView.of(slot) for slot in slots]))


async def show_calendar(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        application, slot = await actions.read_booked(
            conn, application_id=path_id(request, "application_id"), viewer=viewer(request)
        )
    headers = {
        "Content-Disposition": 'attachment; filename="interview.ics"',
        "Cache-Control": "private, no-cache",
    }
    return web.Response(
        body=calendar_file(application, slot),
        content_type=CALENDAR,
        charset="utf-8",
        headers=headers,
    )


ROUTES = [
    Route(
        "POST",
        "/v1/applications/{application_id}/interview-slots",
        offer,
        "Offer times to talk",
        ("employer",),
        takes=SlotsRequest,
        gives=SlotsView,
        status=201,
    ),
    Route(
        "GET",
        "/v1/applications/{application_id}/interview-slots",
        list_slots,
        "The times to talk that were offered",
        ("applicant", "employer"),
        gives=SlotsView,
    ),
    Route(
        "POST",
        "/v1/interview-slots/{slot_id}/book",
        book,
        "Choose a time to talk",
        ("applicant",),
        takes=BookRequest,
        gives=SlotView,
    ),
    Route(
        "GET",
        "/v1/applications/{application_id}/interview.ics",
        show_calendar,
        "The talk as a calendar file",
        ("applicant", "employer"),
        media_type=CALENDAR,
    ),
]
