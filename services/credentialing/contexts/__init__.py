"""The JSON-LD contexts kept in this folder. Nothing is ever fetched."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from shared.errors import Invalid

CREDENTIALS = "https://www.w3.org/ns/credentials/v2"
OPEN_BADGES = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
OPEN_BADGES_EXTENSIONS = "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"

FOLDER = Path(__file__).parent


@cache
def known(folder: Path = FOLDER) -> Mapping[str, Any]:
    listed = tomllib.loads((folder / "contexts.toml").read_text(encoding="utf-8"))["context"]
    return {entry["url"]: _content(folder / entry["file"], entry["sha256"]) for entry in listed}


def load(url: str, _options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Answer in the form pyld wants of a document loader."""
    if url not in known():
        raise Invalid(f"The context {url} is not one of those kept here; none is fetched.")
    return {
        "contentType": "application/ld+json",
        "contextUrl": None,
        "documentUrl": url,
        "document": known()[url],
    }


def _content(path: Path, sha256: str) -> Any:
    raw = path.read_bytes()
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise Invalid(f"{path.name} differs from its digest in contexts.toml; restore the file.")
    return json.loads(raw)
