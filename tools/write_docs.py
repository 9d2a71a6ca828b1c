"""Write what is made from the code: `docs/events.md`, `docs/lifecycles.md`, `docs/openapi.json`,
`docs/asyncapi.json` and `docs/schemas/`. A test refuses the repository when they differ."""

import json
from functools import cache
from pathlib import Path

from services.gateway.app import ROUTES
from services.gateway.openapi import describe
from shared.events import CATALOGUE
from shared.events.describe import asyncapi, page, schema
from tools import lifecycles

DOCS = Path(__file__).parents[1] / "docs"
PUBLIC_URL = "http://localhost:8080"


@cache
def documents() -> dict[Path, str]:
    """Each file with its text."""
    return {
        DOCS / "events.md": page(),
        DOCS / "lifecycles.md": lifecycles.page(),
        DOCS / "openapi.json": _pretty(json.loads(describe(ROUTES, PUBLIC_URL))),
        DOCS / "asyncapi.json": _pretty(asyncapi()),
        **{
            DOCS / "schemas" / f"{name}.json": _pretty(schema(event))
            for name, event in CATALOGUE.items()
        },
    }


def _pretty(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    for path, text in documents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
