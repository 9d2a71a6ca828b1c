"""The OpenAPI 3.1 description, made from the routes and what they take and give."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from services.gateway.http import Route
from shared.wire import encode

REFERENCE = "#/components/schemas/{model}"
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "What is wrong and what would be right (RFC 9457).",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable; translate this one"},
        "detail": {"type": "string"},
        "instance": {"type": ["string", "null"]},
        "state": {"type": "string", "description": "409: the record's state"},
        "allowed": {
            "type": "array",
            "items": {"type": "string"},
            "description": "409: the commands that you may give now",
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
INTRODUCTION = """Short, paid, project-based internships.

Send `Authorization: Bearer TOKEN` (from `POST /v1/people` or `POST /v1/sessions`). Every command
may carry an `Idempotency-Key` and an `If-Match`; every refusal is a problem document that says what
would be right. **Who may call it** is said on each operation; the record itself decides, and answers
404 to whoever may not know of it.
"""


def describe(routes: Iterable[Route], public_url: str) -> bytes:
    routes = list(routes)
    schemas, names = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, names)
    return encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Sibol",
                "version": "1",
                "description": INTRODUCTION,
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": public_url}],
            "tags": [{"name": name} for name in sorted({_tag(route) for route in routes})],
            "paths": paths,
            "components": {
                "schemas": schemas | {"Problem": PROBLEM},
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
        }
    )


def _schemas(
    routes: Iterable[Route],
) -> tuple[dict[str, Any], dict[tuple[type[BaseModel], str], dict[str, Any]]]:
    wanted: dict[tuple[type[BaseModel], Any], None] = {}
    for route in routes:
        if route.takes:
            wanted[route.takes, "validation"] = None
        if route.gives:
            wanted[route.gives, "serialization"] = None
    names: Any
    names, document = models_json_schema(list(wanted), ref_template=REFERENCE)
    return document.get("$defs", {}), names


def _operation(
    route: Route, names: dict[tuple[type[BaseModel], str], dict[str, Any]]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "description": f"**Who may call it:** {', '.join(route.who)}.{route.notes}",
        "x-who": list(route.who),
        "tags": [_tag(route)],
        "parameters": [*_path_parameters(route), *_filters(route), *_header_parameters(route)],
        "responses": _responses(route, names),
    }
    if not route.open:
        operation["security"] = [{"token": []}]
    if route.takes:
        content = {"application/json": {"schema": names[route.takes, "validation"]}}
        operation["requestBody"] = {"content": content, "required": _has_required(route.takes)}
    if route.takes_file:
        content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        operation["requestBody"] = {"content": content, "required": True}
    return operation


def _has_required(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


def _operation_id(route: Route) -> str:
    words = re.sub(r"[^a-z]+", "_", route.path.lower().removeprefix("/v1")).strip("_")
    place = "" if route.path.startswith("/v1/") else "public_"
    return f"{route.method.lower()}_{place}{words or 'home'}"


def _tag(route: Route) -> str:
    first = route.path.removeprefix("/v1/").strip("/").split("/")[0]
    return first if route.path.startswith("/v1/") else "public"


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", **({"format": "uuid"} if name.endswith("_id") else {})},
        }
        for name in re.findall(r"{(\w+)", route.path)
    ]


def _filters(route: Route) -> list[dict[str, Any]]:
    if route.filters is None:
        return []
    schema = route.filters.model_json_schema()
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": value}
        for name, value in schema["properties"].items()
    ]


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    if route.method == "GET" or route.open or route.takes_file:
        return []
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        },
        {"name": "If-Match", "in": "header", "schema": {"type": "string"}},
    ]


def _responses(
    route: Route, names: dict[tuple[type[BaseModel], str], dict[str, Any]]
) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done"}
    if route.gives:
        good["content"] = {"application/json": {"schema": names[route.gives, "serialization"]}}
    elif route.status != 204:
        good["content"] = {route.media_type: {}}
    problem = {
        "description": "Refused",
        "content": {
            "application/problem+json": {"schema": {"$ref": REFERENCE.format(model="Problem")}}
        },
    }
    waiting = {**good, "description": "Proposed; it waits for the other side"}
    return {
        str(route.status): good,
        **({"202": waiting} if route.proposes else {}),
        "default": problem,
    }
