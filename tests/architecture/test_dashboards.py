"""Dashboard, alarms and examples speak of metrics, labels, queues and pages that exist."""

import importlib
import json
import pkgutil
import re
import shutil
import subprocess
from collections import Counter
from itertools import combinations

import pytest
import yaml
from prometheus_client import REGISTRY

import services
import shared
from shared.database.migrate import ROOMS
from shared.messaging import consumer, topology
from tests.support.places import ROOT

DEPLOY = ROOT / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "sibol.json").read_text("utf-8"))
RULES = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text("utf-8"))
SCRAPES = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8"))
SCALED = list(yaml.safe_load_all((DEPLOY / "keda" / "scaledobjects.yaml").read_text("utf-8")))
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
OPERATING = (ROOT / "docs" / "operating.md").read_text("utf-8")

ALARMS = [rule for group in RULES["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
# What RabbitMQ and Prometheus themselves count.
OTHERS = {"up": set(), "rabbitmq_detailed_queue_messages": {"queue", "vhost"}}
# What Prometheus adds to every metric, and to a bucket.
ADDED = {"job", "instance", "role", "le"}
KEYWORDS = {"and", "by", "offset", "or", "unless", "without"}
SUFFIXES = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "gauge": [""]}
SEVERITIES = {"page", "ticket"}


def _expressions():
    drawn = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in PANELS
        for target in panel["targets"]
    }
    noted = {
        note["name"]: note["expr"] for note in DASHBOARD["annotations"]["list"] if "expr" in note
    }
    return drawn | noted | {rule["alert"]: rule["expr"] for rule in ALARMS}


@pytest.fixture(scope="module")
def metrics():
    """The labels of each metric of the rooms."""
    for package in (shared, services):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    ours = {
        family.name + suffix: set(
            getattr(REGISTRY._names_to_collectors[family.name], "_labelnames", ())
        )
        for family in REGISTRY.collect()
        for suffix in SUFFIXES.get(family.type, [])
    }
    return ours | OTHERS


def _without_texts(expression):
    return re.sub(r'"(?:\\.|[^"\\])*"', '""', expression)


def _names(expression):
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\bby\s*\([^)]*\)", " ", _without_texts(expression))
    words = re.findall(r"(?<![\w$.])[a-z_:][\w:]*\b(?!\s*\()", bare)
    return {word for word in words if word not in KEYWORDS}


def _labels(expression):
    """Of each metric that is selected from."""
    for name, inside in re.findall(r"([a-z_][\w:]*)\{([^}]*)\}", _without_texts(expression)):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inside))


def _slug(heading):
    """As GitHub makes them."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("place", _expressions())
def test_every_metric_and_label_that_is_asked_for_is_counted(place, metrics):
    expression = _expressions()[place]

    assert _names(expression)
    assert _names(expression) <= metrics.keys()
    for name, labels in _labels(expression):
        assert labels <= metrics[name] | ADDED


@pytest.mark.parametrize("place", _expressions())
def test_what_is_added_up_is_kept_apart_by_labels_that_exist(place, metrics):
    expression = _expressions()[place]
    known = ADDED.union(*(metrics[name] for name in _names(expression)))

    for inside in re.findall(r"\bby\s*\(([^)]*)\)", expression):
        assert {label.strip() for label in inside.split(",")} <= known


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm["alert"])
def test_an_alarm_says_what_is_wrong_what_to_do_and_where_to_read_on(alarm):
    page, _, anchor = alarm["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", OPERATING, re.MULTILINE)

    assert alarm.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"\d+[smh]", alarm.get("for", "0s"))
    assert alarm["labels"]["severity"] in SEVERITIES
    assert alarm["annotations"].keys() == {"summary", "action", "runbook"}
    assert all(text[-1] == "." for text in list(alarm["annotations"].values())[:2])
    assert page == "docs/operating.md"
    assert anchor in {_slug(heading) for heading in headings}


def test_no_alarm_has_the_name_of_another():
    assert max(Counter(rule["alert"] for rule in ALARMS).values()) == 1


def test_panels_have_numbers_of_their_own_and_do_not_overlap():
    everything = DASHBOARD["panels"]
    places = [panel["gridPos"] for panel in everything]

    assert max(Counter(panel["id"] for panel in everything).values()) == 1
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


def test_the_dashboard_works_with_any_source_and_asks_for_no_unknown_variable():
    given = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    text = json.dumps(DASHBOARD)

    assert given == {"datasource", "room"}
    assert set(re.findall(r"\$\{?(\w+)", text)) <= given | {
        "__all",
        "__range",
        "__rate_interval",
    }
    assert {panel["datasource"]["uid"] for panel in PANELS} == {"${datasource}"}


def test_prometheus_reads_every_process_that_compose_starts():
    started = {
        name
        for name, service in COMPOSE["services"].items()
        if str(service.get("command", [""])[0]).startswith("services.")
    }
    jobs = {job["job_name"]: job for job in SCRAPES["scrape_configs"]}

    assert started >= set(ROOMS)
    assert set(jobs["sibol"]["dns_sd_configs"][0]["names"]) == started
    assert all((DEPLOY / "prometheus" / name).is_file() for name in SCRAPES["rule_files"])


def test_compose_mounts_files_that_are_there():
    mounted = [
        volume.split(":")[0]
        for service in COMPOSE["services"].values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]

    assert mounted
    assert [path for path in mounted if not (ROOT / path).exists()] == []


def test_only_who_asks_to_observe_gets_prometheus_and_grafana():
    observing = {name for name, service in COMPOSE["services"].items() if "profiles" in service}

    assert observing == {"prometheus", "grafana"}


def test_scaling_looks_at_the_queue_of_each_room_and_beyond_what_one_process_holds():
    scaled = [each for each in SCALED if each["kind"] == "ScaledObject"]
    triggers = {each["metadata"]["name"]: each["spec"]["triggers"][0] for each in scaled}

    assert set(triggers) == set(ROOMS) - {"gateway"}
    for room, trigger in triggers.items():
        assert trigger["metadata"]["queueName"] == topology.queue_of(room)
        assert int(trigger["metadata"]["value"]) > consumer.PREFETCH


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool of Prometheus")
@pytest.mark.parametrize(
    "command", [["check", "rules", "rules.yml"], ["test", "rules", "rules.test.yml"]]
)
def test_the_alarms_ring_when_they_should(command):
    ran = subprocess.run(
        ["promtool", *command], cwd=DEPLOY / "prometheus", capture_output=True, check=False
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
