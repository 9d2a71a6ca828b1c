import json
import subprocess
import sys

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from services.gateway.app import ROUTES
from services.gateway.http import ANYONE
from services.gateway.lifecycles import MACHINES
from services.gateway.lifecycles.machine import PEOPLE
from tests.support.places import ROOT
from tools.write_docs import DOCS, documents

DESCRIPTION = json.loads((DOCS / "openapi.json").read_text("utf-8"))
# A mediator decides on the dispute, which does this to what is disputed.
THROUGH_A_DISPUTE = {
    "engagement": {"decide_continue", "decide_end", "decide_done"},
    "milestone": {"decide_accept", "decide_cancel"},
}
LATER = {"credential": {"correct", "suspend", "reinstate"}}


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_every_written_document_is_as_the_code_says(path):
    assert path.read_text("utf-8") == documents()[path], "run: python -m tools.write_docs"


def test_no_document_is_left_of_what_is_gone():
    assert {*(DOCS / "schemas").iterdir()} == {
        path for path in documents() if path.parent.name == "schemas"
    }


def test_the_description_is_valid_openapi():
    OpenAPIV31SpecValidator(DESCRIPTION).validate()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_says_who_may_call_it_and_is_described(route):
    operation = DESCRIPTION["paths"][route.path][route.method.lower()]

    assert route.who
    assert operation["x-who"] == list(route.who)
    assert ("security" in operation) == (route.who != (ANYONE,))
    assert operation["summary"]


def test_operation_ids_are_unique():
    ids = [
        operation["operationId"]
        for path in DESCRIPTION["paths"].values()
        for operation in path.values()
    ]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("machine", MACHINES.values(), ids=lambda machine: machine.record)
def test_every_command_of_a_person_has_a_route(machine):
    wanted = {move.command for move in machine.moves if move.who & PEOPLE}
    prefix = f"/v1/{machine.record}s/{{{machine.record}_id}}/"
    found = {
        path.removeprefix(prefix).replace("-", "_")
        for path in DESCRIPTION["paths"]
        if path.startswith(prefix)
    }

    assert wanted - found == {
        *THROUGH_A_DISPUTE.get(machine.record, ()),
        *LATER.get(machine.record, ()),
    }


def test_a_mediator_decides_a_dispute_over_http():
    assert "/v1/disputes/{dispute_id}/decide" in DESCRIPTION["paths"]


def test_the_app_serves_exactly_the_described_routes(tmp_path):
    code = (
        "from services.gateway.app import create_app\n"
        "from services.gateway.settings import Settings\n"
        "app = create_app(Settings(database_url='x', amqp_url='x',"
        f" files_url='{tmp_path.as_uri()}'))\n"
        "for route in app.router.routes():\n"
        "    print(route.method, route.resource.canonical)\n"
    )
    served = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")

    probes = {"GET /livez", "GET /readyz", "GET /metrics"}
    described = {f"{route.method} {route.path}" for route in ROUTES}
    assert {line for line in served if line and not line.startswith("HEAD")} == described | probes
