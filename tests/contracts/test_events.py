"""What was once published can always be read. A golden file is never changed, only added."""

import json
from pathlib import Path

import pytest
from jsonsubschema import isSubschema

from shared.events import CATALOGUE
from shared.events.describe import schema

GOLDEN = Path(__file__).parent / "golden" / "events"
RELEASED = Path(__file__).parent / "released"


@pytest.mark.parametrize("event", CATALOGUE.values(), ids=lambda event: event.name)
def test_every_event_has_a_golden_file_that_still_reads(event):
    golden = json.loads((GOLDEN / f"{event.name}.json").read_text("utf-8"))

    read = event.model_validate(golden)

    written = read.model_dump(mode="json")
    assert {name: written[name] for name in golden} == golden


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_no_golden_event_is_forgotten(path):
    assert path.stem in CATALOGUE


@pytest.mark.parametrize("event", CATALOGUE.values(), ids=lambda event: event.name)
def test_an_event_may_grow_but_not_change(event):
    """A newer event is still a valid one for whoever reads by the released schema."""
    released = json.loads((RELEASED / f"{event.name}.json").read_text("utf-8"))

    assert schema(event) == released or isSubschema(_bare(schema(event)), _bare(released))


def test_the_gate_refuses_an_incompatible_change():
    event = CATALOGUE["project.opened.v1"]
    now = _bare(schema(event))
    without = {**now, "required": now["required"][1:]}

    assert not isSubschema(without, now)


def _bare(document):
    """Formats and sentences do not change what is valid."""
    if isinstance(document, dict):
        return {
            name: _bare(value)
            for name, value in document.items()
            if name not in {"$id", "$schema", "title", "description", "format", "default"}
        }
    return [_bare(item) for item in document] if isinstance(document, list) else document
