from aiohttp import web

from services.gateway.accounts import actions, queries
from services.gateway.accounts.schemas import (
    PersonView,
    SessionView,
    SignInRequest,
    SignUpRequest,
)
from services.gateway.http import (
    ANYONE,
    RATES,
    SIGNED_IN,
    Route,
    answer,
    bearer,
    body,
    connection,
    database,
    viewer,
)
from services.gateway.limits import SIGN_IN
from services.gateway.tokens import token_hash
from shared.errors import NotFound


async def sign_up(request: web.Request) -> web.Response:
    wanted = await body(request, SignUpRequest)
    password_hash = await actions.new_password(
        wanted.password, email=wanted.email, name=wanted.name
    )
    async with database(request) as conn:
        person, token = await actions.sign_up(
            conn,
            email=wanted.email,
            password_hash=password_hash,
            name=wanted.name,
            locale=wanted.locale,
        )
    return answer(SessionView(token=token, person=PersonView.of(person)), status=201)


async def sign_in(request: web.Request) -> web.Response:
    wanted = await body(request, SignInRequest)
    await request.app[RATES].check(SIGN_IN, wanted.email.casefold())
    async with database(request) as conn:
        found = await queries.select_person_by_email(conn, wanted.email)
    person = await actions.recognize(found, wanted.password)
    async with database(request) as conn:
        token = await actions.begin_session(conn, person.id)
    return answer(SessionView(token=token, person=PersonView.of(person)), status=201)


async def sign_out(request: web.Request) -> web.Response:
    token = bearer(request)
    assert token is not None
    async with connection(request) as conn:
        await queries.delete_session(conn, token_hash(token))
    return web.Response(status=204)


async def show_me(request: web.Request) -> web.Response:
    async with connection(request) as conn:
        person = await queries.select_person(conn, viewer(request).id)
    if person is None:
        raise NotFound("This person has left.")
    return answer(PersonView.of(person))


ROUTES = [
    Route(
        "POST",
        "/v1/people",
        sign_up,
        "Sign up",
        (ANYONE,),
        takes=SignUpRequest,
        gives=SessionView,
        status=201,
    ),
    Route(
        "POST",
        "/v1/sessions",
        sign_in,
        "Sign in",
        (ANYONE,),
        takes=SignInRequest,
        gives=SessionView,
        status=201,
    ),
    Route("DELETE", "/v1/sessions/current", sign_out, "Sign out", (SIGNED_IN,), status=204),
    Route("GET", "/v1/me", show_me, "Who am I?", (SIGNED_IN,), gives=PersonView),
]
