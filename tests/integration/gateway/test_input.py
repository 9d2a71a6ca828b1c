"""What no honest client sends, on every route that there is."""

import hashlib
import hmac
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.gateway.app import ROUTES
from services.gateway.http import LARGEST_BODY, Route
from services.gateway.payments.routes import SIGNATURE
from tests.integration.gateway.support import PROVIDER_SECRET
from tests.integration.gateway.world import World, a_world
from tests.support.api import PASSWORD, profile_body, project_body, today

JSON = "application/json"
DEEP = b"[" * 100_000
EMAIL = "x@halimbawa.example"
LETTER = {"cover_letter": "Matagal na akong nagsasalin ng mga gabay para sa aming barangay."}
WRITES = [route for route in ROUTES if route.method != "GET"]
BODIED = [route for route in WRITES if route.takes]
BY_ID = [route for route in ROUTES if "_id}" in route.path]
NOT_JSON = {
    "half an object": b'{"a":',
    "not utf-8": b'{"a": "\xff\xfe"}',
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "a lone surrogate": b'{"a": "\\ud800"}',
    "a raw control": b'{"a": "\x01"}',
    "depth 100,000": DEEP,
    "deep objects": b'{"a":' * 40_000,
    "two documents": b"{} {}",
    "NUL": b"\x00",
    "a form": b"a=1&b=2",
}
NOT_WANTED = {
    "null": b"null",
    "an array": b"[]",
    "text": b'"text"',
    "a number": b"1e999",
    "a huge number": b"1" * 400,
    "an unknown field": b'{"nobody_knows_this": 1}',
}


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.fixture(scope="module")
async def world(still) -> World:
    return await a_world(still)


@pytest.fixture
async def nothing_written(still):
    before = await still.counts()
    yield
    assert await still.counts() == before


def address(world: World, route: Route, **values: str) -> str:
    known = {f"{record}_id": found for record, found in world.ids.items()}
    known["organization_id"] = world.life.project["organization_id"]
    filled = {"version": "v1", "language": "en", **known, **world.places, **values}
    path = route.path
    for name in names_in(path):
        path = path.replace(f"{{{name}}}", filled.get(name, "x"))
    return path


def names_in(path: str) -> list[str]:
    return [part.split("}")[0] for part in path.split("{")[1:]]


def right_person(route: Route) -> str:
    """Whom the gateway lets come as far as the body; the record itself may still refuse."""
    return "operator" if route.duties else "employer"


def headers_of(world: World, route: Route, person: str | None = None) -> dict[str, str]:
    return {"Authorization": f"Bearer {world.people[person or right_person(route)].token}"}


def check_problem(status: int, headers: Any, answer: Any, wanted: set[int] | None = None) -> None:
    assert 400 <= status < 500, (status, answer)
    assert headers["Content-Type"].startswith("application/problem+json")
    assert {"type", "title", "status", "code", "detail"} <= set(answer), answer
    assert answer["status"] == status
    assert answer["detail"].endswith((".", "?"))
    assert "String should" not in json.dumps(answer), answer
    assert wanted is None or status in wanted, (status, answer)


async def sent(
    world: World, route: Route, body: Any, *, kind: str = JSON, person: str | None = None
) -> tuple[int, Any, Any]:
    headers = {**headers_of(world, route, person), "Content-Type": kind}
    if isinstance(body, bytes):
        headers[SIGNATURE] = signature_of(body)
    return await world.gateway.asked(
        route.method, address(world, route), data=body, headers=headers
    )


def signature_of(body: bytes) -> str:
    return "sha256=" + hmac.new(PROVIDER_SECRET.encode(), body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
async def test_what_is_not_json_is_refused_everywhere(world, nothing_written, body):
    for route in BODIED:
        check_problem(*await sent(world, route, body), {400, 422})


@pytest.mark.parametrize("body", NOT_WANTED.values(), ids=NOT_WANTED)
async def test_json_of_another_shape_is_refused_everywhere(world, nothing_written, body):
    for route in BODIED:
        check_problem(*await sent(world, route, body), {400, 422})


async def test_fifteen_thousand_unknown_fields_are_refused_shortly(world, nothing_written):
    body = json.dumps(dict.fromkeys(map(str, range(15_000)))).encode()
    route = next(route for route in BODIED if route.path == "/v1/organizations")

    found = await sent(world, route, body)

    check_problem(*found, {422})
    assert len(found[2]["errors"]) <= 50


async def test_another_content_type_is_refused_everywhere(world, nothing_written):
    for route in BODIED:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
            check_problem(*await sent(world, route, b"{}", kind=kind), {415})


async def test_ten_megabytes_are_refused_everywhere(world, nothing_written):
    for route in BODIED:
        check_problem(*await sent(world, route, io.BytesIO(b" " * 10_000_000)), {413})


async def test_a_body_that_grows_on_the_way_is_refused(world, nothing_written):
    async def drops():
        for _ in range(LARGEST_BODY // 1024 + 8):
            yield b" " * 1024

    route = next(route for route in BODIED if route.path == "/v1/organizations")
    found = await world.gateway.asked(
        "POST",
        route.path,
        data=drops(),
        headers={"Authorization": f"Bearer {world.people['employer'].token}"},
    )

    check_problem(*found, {413})


@pytest.mark.parametrize("coding", ["deflate", "gzip"])
async def test_a_wrongly_compressed_body_is_refused(world, nothing_written, coding):
    found = await world.gateway.asked(
        "POST",
        "/v1/organizations",
        data=b"this is not compressed",
        headers={
            "Authorization": f"Bearer {world.people['employer'].token}",
            "Content-Encoding": coding,
        },
    )

    check_problem(*found, {400, 413, 415, 422})


@pytest.mark.parametrize(
    "wrong",
    ["1", "x" * 36, "%00", "%FF", "%ED%A0%80", "..%2f..", "'; DROP TABLE people; --", "٣" * 32],
)
async def test_an_id_that_is_none_is_not_found(world, nothing_written, wrong):
    for route in BY_ID:
        found = await world.gateway.asked(
            route.method,
            address(world, route, **{names_in(route.path)[0]: wrong}),
            json=right_body(world, route) if route.takes else None,
            headers=headers_of(world, route),
        )
        check_problem(*found, {404, 422})


async def test_an_id_of_nothing_is_not_found(world, nothing_written):
    for route in BY_ID:
        found = await world.gateway.asked(
            route.method,
            address(world, route, **{names_in(route.path)[0]: str(uuid4())}),
            json=right_body(world, route) if route.takes else None,
            headers=headers_of(world, route),
        )
        check_problem(*found, {404})


def right_body(world: World, route: Route) -> dict[str, Any]:
    """A body that would do, for whom it is."""
    last = route.path.rpartition("/")[2]
    record = route.path.split("/")[2].removesuffix("s")
    skills = world.life.skills
    whole = {
        "projects": project_body(skills),
        "{project_id}": project_body(skills),
        "profile": profile_body(skills),
        "applications": LETTER,
        "{application_id}": LETTER,
        "organizations": {"name": "Aklatan", "industry": "education", "region": "ncr"},
        "members": {"email": "wala@halimbawa.example"},
        "people": {"email": EMAIL, "password": PASSWORD, "name": "Ana"},
        "sessions": {"email": EMAIL, "password": PASSWORD},
    }
    found = other_bodies(world).get(route.path.removeprefix("/v1"))
    return found or whole.get(last) or world.body(record, last.replace("-", "_"))


def other_bodies(world: World) -> dict[str, dict[str, Any]]:
    soon = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    application, applicant = world.ids["application"], world.people["applicant"].person["id"]
    return {
        "/projects/{project_id}/ranking": {
            "application_ids": [application],
            "message": "Tuloy tayo!",
            "starts_on": today(),
        },
        "/projects/{project_id}/decisions": {
            "items": [{"command": "view", "application_id": application}]
        },
        "/projects/{project_id}/invitations": {"person_id": applicant, "reason": "skills_fit"},
        "/applications/{application_id}/interview-slots": {
            "slots": [soon],
            "minutes": 30,
            "where": "Aklatan",
        },
        "/me/clashes/withdraw": {"application_ids": [application]},
        "/me/clock": {"multiplier": 1.5},
        "/me/payout-account": {"holder": "Ana Reyes", "bank": "Bangko", "number": "1234-5678"},
        "/organizations/{organization_id}/withholding": {"basis_points": 0},
        "/freezes": {"scope": "person", "ends_at": soon, "reason": "exams"},
        "/sandboxes": {"name": "Pagsubok"},
        "/sandboxes/{tenant}/people": {"role": "applicant"},
        "/sandbox/clock": {"advance": "PT1H", "tenant": world.places["tenant"]},
        "/sandbox/provider": {"behaviour": "ok", "kind": "hold"},
        "/provider/{provider}/callbacks": {"order_id": str(uuid4()), "result": "done"},
        "/operations/providers": {"hold": "sandbox"},
        "/payouts": {"name": "Sibol", "account": "1234-5678", "bank": "Bangko"},
    }


def texts_in(body: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    match body:
        case dict():
            return [found for key, value in body.items() for found in texts_in(value, (*path, key))]
        case list():
            return [
                found
                for place, value in enumerate(body)
                for found in texts_in(value, (*path, place))
            ]
        case str():
            return [path]
        case _:
            return []


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    copy = json.loads(json.dumps(body))
    at = copy
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return copy


def values_in(body: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    match body:
        case dict():
            items: Any = body.items()
        case list():
            items = enumerate(body)
        case _:
            return [path]
    found = [inner for key, value in items for inner in values_in(value, (*path, key))]
    return [*found, path] if path else found


# A row of many lines is free to hold line breaks; nothing may hold the others.
NEVER = [
    "\x00",
    "a\x00b",
    "a\x07b",
    "a\x1bb",
    "a\u202eb",
    "a\u2066b",
    "a\u2028b",
    "a\u2029b",
    "a\x85b",
]


async def test_no_text_holds_what_a_later_layer_refuses(world, nothing_written):
    for route in BODIED:
        body = right_body(world, route)
        for path in texts_in(body):
            if path[-1] == "password":
                continue
            for value in NEVER:
                raw = json.dumps(changed(body, path, value)).encode()
                check_problem(*await sent(world, route, raw), {400, 422})


@pytest.mark.parametrize("field", ["title", "summary"])
@pytest.mark.parametrize("breaks", ["\n", "\r", "\r\n", "\v", "\f", "\x1c"])
async def test_a_line_is_one_line(world, nothing_written, field, breaks):
    body = project_body(world.life.skills, **{field: f"una{breaks}Bcc: lahat@halimbawa.example"})
    organization = world.life.project["organization_id"]

    found = await world.gateway.asked(
        "POST",
        f"/v1/organizations/{organization}/projects",
        json=body,
        headers={"Authorization": f"Bearer {world.people['employer'].token}"},
    )

    check_problem(*found, {422})
    assert found[2]["errors"][0]["pointer"] == f"/{field}"


WRONG_VALUES = [
    None,
    True,
    10**400,
    -1,
    1.5,
    float("inf"),
    "",
    [],
    {},
    [[]],
    "x" * 5000,
    "9999-12-31",
]


async def test_a_wrong_value_anywhere_is_refused_or_right(world):
    """Some are right by chance; none is our fault."""
    for route in BODIED:
        if route.path in {"/v1/people", "/v1/sessions"}:
            continue
        body = right_body(world, route)
        for path in values_in(body):
            for value in WRONG_VALUES:
                raw = json.dumps(changed(body, path, value)).replace("Infinity", "1e999").encode()
                status, headers, answer = await sent(world, route, raw, person="stranger")
                assert status < 300 or 400 <= status < 500, (named(route), path, value, answer)
                if status >= 400:
                    check_problem(status, headers, answer)


async def test_an_unknown_or_wrong_filter_is_refused(world, nothing_written):
    listing = [route for route in ROUTES if route.filters]
    for route in listing:
        for wrong in (
            "?nobody=1",
            "?limit=0",
            "?limit=-1",
            "?limit=x",
            "?limit=1e99",
            "?cursor=%00",
            "?cursor=nothing",
            "?limit=" + "9" * 400,
            "?%00=1",
            "?%FF=%FF",
            "?cursor=٣٣",
        ):
            status, headers, answer = await sent_raw(world, route, wrong)
            check_problem(status, headers, answer, {404, 422})


async def sent_raw(world: World, route: Route, query: str) -> tuple[int, Any, Any]:
    return await world.gateway.asked(
        route.method,
        address(world, route) + query,
        headers=headers_of(world, route),
    )


async def test_every_get_answers_a_head_and_says_what_else_it_takes(world):
    for route in ROUTES:
        if route.method == "GET":
            status, _, text = await world.gateway.asked(
                "HEAD", address(world, route), headers=headers_of(world, route)
            )
            assert status < 500, named(route)
            assert text == b""
        status, headers, answer = await world.gateway.asked("OPTIONS", address(world, route))
        check_problem(status, headers, answer, {405})
        assert route.method in headers["Allow"]
