"""The papers for operators name every setting, queue and metric; image and compose know every room."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY

from services.credentialing.settings import Settings as Credentialing
from services.gateway.handlers import SUBSCRIPTIONS
from services.gateway.settings import Settings as Gateway
from services.matching.settings import Settings as Matching
from services.notifications import sending
from services.notifications.settings import Settings as Notifications
from shared.database.migrate import ROOMS
from shared.messaging import topology
from tests.support.places import ROOT

SETTINGS = {
    "gateway": Gateway,
    "matching": Matching,
    "notifications": Notifications,
    "credentialing": Credentialing,
}
OPERATING = (ROOT / "docs" / "operating.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))


def _variables():
    """Each variable with its default and the rooms that read it."""
    found = {}
    for room, settings in SETTINGS.items():
        for name, field in settings.model_fields.items():
            default = None if field.is_required() else field.default
            shown = "required" if field.is_required() else "" if default is None else str(default)
            found.setdefault((f"SIBOL_{name.upper()}", shown), []).append(room)
    return found


def _rows(text):
    """The cells of each table row, by its first cell."""
    rows = [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]
    return {row[0].strip("`"): [cell.replace("`", "") for cell in row[1:]] for row in rows}


def test_every_room_has_settings():
    assert tuple(SETTINGS) == ROOMS


@pytest.mark.parametrize(("variable", "default"), _variables(), ids=lambda value: value)
def test_every_setting_is_told_to_operators(variable, default):
    rooms = _variables()[variable, default]
    told = "all" if len(rooms) == len(ROOMS) else ", ".join(rooms)

    assert _rows(OPERATING)[variable][:2] == [told, default or "none"]


def test_no_setting_is_told_that_is_gone():
    told = {name for name in _rows(OPERATING) if name.startswith("SIBOL_")}

    assert told == {variable for variable, _ in _variables()}


@pytest.mark.parametrize(
    "name",
    [
        topology.EVENTS,
        topology.PUBLIC,
        topology.RETRY,
        topology.DEAD,
        topology.UNROUTED,
        topology.FIREHOSE,
        topology.queue_of("<room>"),
        topology.dead_queue_of("<room>"),
        *(topology.wait_queue_of("<room>", delay) for delay in topology.LADDER),
    ],
)
def test_every_exchange_and_queue_is_told_to_operators(name):
    assert name in _rows(OPERATING)


@pytest.mark.parametrize(
    "arguments", [topology.KEPT, topology.HANDED_ON, topology.FIREHOSE_ARGUMENTS]
)
def test_every_queue_argument_is_told_to_operators(arguments):
    for name, value in arguments.items():
        assert f"`{name}: {value}`" in OPERATING


def test_every_metric_is_told_to_operators():
    assert sending.deliveries
    said = {family.name for family in REGISTRY.collect() if family.name.startswith("sibol_")}

    assert said <= {name.removesuffix("_total") for name in _rows(OPERATING)}


@pytest.mark.parametrize("subscription", SUBSCRIPTIONS, ids=lambda item: item.event.name)
def test_every_saga_is_in_the_picture(subscription):
    heard = _rows(ARCHITECTURE)[subscription.handler.__name__][0]

    assert subscription.event.name.removesuffix(".v1") in heard.split(", ")


def test_the_compose_file_is_a_valid_one():
    tool = Path(sys.executable).with_name("check-jsonschema")
    command = [tool, "--builtin-schema", "vendor.compose-spec", ROOT / "docker-compose.yml"]

    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0


@pytest.mark.parametrize("room", ROOMS)
def test_compose_starts_and_migrates_every_room(room):
    services = COMPOSE["services"]

    assert services[room]["command"] == [f"services.{room}"]
    assert services[room]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert room in re.findall(r"\w+", services["migrate"]["command"][0])


@pytest.mark.parametrize("room", ROOMS)
def test_compose_and_image_give_every_room_what_it_requires(room):
    image = re.findall(r"\b(SIBOL_\w+)=", DOCKERFILE)
    given = {*image, *COMPOSE["services"][room]["environment"]}

    required = {
        f"SIBOL_{name.upper()}"
        for name, field in SETTINGS[room].model_fields.items()
        if field.is_required()
    }
    assert required <= given


def test_the_image_holds_what_the_lock_says_and_runs_as_nobody_special():
    assert "--require-hashes -r locks/rooms.lock" in DOCKERFILE
    assert re.search(r"^USER [1-9]\d*$", DOCKERFILE, re.MULTILINE)


def test_the_image_is_given_every_file_it_copies():
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    copied = [shlex.split(line)[1:-1] for line in DOCKERFILE.splitlines() if line[:5] == "COPY "]

    assert {path for paths in copied for path in paths} == allowed


def test_the_image_has_a_python_that_is_promised():
    lowest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    version = re.search(r"^FROM python:(3\.\d+)-slim$", DOCKERFILE, re.MULTILINE)

    assert version
    assert int(version[1].split(".")[1]) >= int(lowest.removeprefix(">=3."))
