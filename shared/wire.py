"""Bytes to typed values and back."""

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from shared.errors import Invalid

M = TypeVar("M", bound=BaseModel)


def encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def decode(model: type[M], raw: bytes | str) -> M:
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise Invalid(f"Not a valid {model.__name__}.", faults=faults(error)) from None


def faults(error: ValidationError) -> list[dict[str, str]]:
    """Each fault as a JSON Pointer, a stable code and a sentence."""
    return [
        {
            "pointer": "".join(f"/{_escape(part)}" for part in fault["loc"]),
            "code": fault["type"],
            "detail": fault["msg"],
        }
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _escape(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
