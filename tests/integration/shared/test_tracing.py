import asyncio
import logging
import signal
import subprocess
import sys
import threading
import time
import timeit
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest
import structlog
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from shared import tracing
from shared.database import connect
from shared.events.base import Envelope
from shared.events.matches import MatchComputed
from shared.events.people import PersonJoined, ProfileChanged
from shared.ids import new_id
from shared.messaging import Consumer, Relay, on, record, topology
from tests.integration.gateway.conftest import a_gateway
from tests.support.places import ROOT
from tests.support.rooms import Rooms, free_port

CALLER = f"00-{'4bf92f35' * 4}-{'00f067aa' * 2}-01"
ATTRIBUTES = {
    "error.type",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "messaging.destination.name",
    "messaging.message.conversation_id",
    "messaging.message.id",
    "messaging.operation.name",
    "messaging.operation.type",
    "messaging.rabbitmq.destination.routing_key",
    "messaging.system",
}


@dataclass(frozen=True)
class Sent:
    envelope: Envelope


class Receiver:
    """An OpenTelemetry collector, as far as traces go."""

    def __init__(self):
        self.spans = []
        self.services = set()

    async def take(self, request):
        sent = ExportTraceServiceRequest.FromString(await request.read())
        for resource in sent.resource_spans:
            self.services |= {
                each.value.string_value
                for each in resource.resource.attributes
                if each.key == "service.name"
            }
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return web.Response()

    def named(self, name):
        return [span for span in self.spans if span.name == name]

    async def one(self, name):
        await until(lambda: self.named(name))
        (span,) = self.named(name)
        return span


@pytest.fixture
async def collector():
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/v1/traces", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port := free_port()).start()
    receiver.url = f"http://127.0.0.1:{port}"
    yield receiver
    await runner.cleanup()


@asynccontextmanager
async def tarpit(drops):
    """Takes every connection and never ends an answer: says nothing, or one byte at a time."""
    held = []

    async def hold(reader, writer):
        held.append(writer)
        while drops and not writer.is_closing():
            writer.write(b"H")
            await asyncio.sleep(0.2)

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", held
    finally:
        server.close()
        for writer in held:
            writer.transport.abort()
        # Until each of them has noticed.
        await asyncio.sleep(0.3)


@pytest.fixture
def traced(monkeypatch):
    """Makes this process a room with a collector at an address."""

    def begin(url, **variables):
        for name, value in {"EXPORTER_OTLP_ENDPOINT": url, **variables}.items():
            monkeypatch.setenv(f"OTEL_{name}", value)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        tracing.configure("matching")

    yield begin
    # That a collector is away is said by the library, and is no failure of a test.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    tracing.shutdown()


async def until(true, seconds=20):
    for _ in range(int(seconds / 0.05)):
        if true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"Not within {seconds} s.")


def an_envelope(**changes):
    return Envelope(
        **{
            "id": uuid4(),
            "name": "person.joined.v1",
            "source": "/sibol/gateway",
            "subject": uuid4(),
            "sequence": 1,
            "time": datetime.now(UTC),
            "correlation_id": uuid4(),
            "causation_id": None,
            "actor_kind": "person",
            "tenant": "ph",
            **changes,
        }
    )


def an_event(**changes):
    return PersonJoined(person_id=new_id()).received(an_envelope(**changes))


def said(span):
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def trace_of(traceparent):
    return bytes.fromhex(traceparent.split("-")[1])


def span_of(traceparent):
    return bytes.fromhex(traceparent.split("-")[2])


async def match(conn, event):
    await record(conn, MatchComputed(project_id=event.person_id, people=1, scorer="1"))


@asynccontextmanager
async def two_more_rooms(database_url, amqp_url, last):
    """The first hears that somebody joined and says something; `last` is called by the second."""
    stopping = asyncio.Event()
    async with (
        connect(database_url, "matching") as first,
        connect(database_url, "notifications") as second,
        asyncio.TaskGroup() as tasks,
    ):
        relay = Relay(first, amqp_url, "matching")
        hearing = [
            Consumer(
                "matching", [on(PersonJoined, match)], first, amqp_url, after_commit=relay.wake
            ),
            Consumer(
                "notifications",
                [on(MatchComputed, last)],
                second,
                amqp_url,
                after_commit=lambda: None,
            ),
        ]
        for part in (relay, *hearing):
            tasks.create_task(part.run(stopping))
        await until(lambda: not any(consumer.trouble() for consumer in hearing))
        yield
        stopping.set()
        relay.wake()


@asynccontextmanager
async def saying(database_url, amqp_url, event):
    """As the gateway."""
    stopping = asyncio.Event()
    async with connect(database_url, "gateway") as database, asyncio.TaskGroup() as tasks:
        async with database.acquire() as conn, conn.transaction():
            await record(conn, event)
        tasks.create_task(Relay(database, amqp_url, "gateway").run(stopping))
        yield
        stopping.set()


async def heard_by(room, database_url):
    conn = await asyncpg.connect(database_url)
    async with asyncio.timeout(20):
        while not await conn.fetchval(f"SELECT count(*) FROM {room}.inbox"):
            await asyncio.sleep(0.05)
    await conn.close()


async def test_one_request_is_one_trace_to_the_last_event(
    own_url, broker, collector, traced, tmp_path
):
    traced(collector.url)
    heard = []

    async def last(_conn, event):
        heard.append((event.envelope, structlog.contextvars.get_contextvars()["trace_id"]))

    async with (
        two_more_rooms(own_url, broker.url, last),
        a_gateway(own_url, broker.url, tmp_path) as gateway,
    ):
        await gateway.ready()
        await gateway.api.joined()
        await until(lambda: heard)
        end = await collector.one("process sibol.events:match.computed.v1:sibol.matching")

    request, published, processed, answered = [
        await collector.one(name)
        for name in (
            "POST /v1/people",
            "publish sibol.events:person.joined.v1",
            "process sibol.events:person.joined.v1:sibol.matching",
            "publish sibol.events:match.computed.v1",
        )
    ]
    chain = [request, published, processed, answered, end]
    assert [span.kind for span in chain] == [
        Span.SPAN_KIND_SERVER,
        Span.SPAN_KIND_PRODUCER,
        Span.SPAN_KIND_CONSUMER,
        Span.SPAN_KIND_PRODUCER,
        Span.SPAN_KIND_CONSUMER,
    ]
    assert [span.parent_span_id for span in chain] == [b"", *(span.span_id for span in chain[:-1])]
    assert len({span.trace_id for span in chain}) == 1
    envelope, logged = heard[0]
    assert bytes.fromhex(logged) == request.trace_id == trace_of(envelope.traceparent)
    assert said(request) == {
        "http.request.method": "POST",
        "http.route": "/v1/people",
        "http.response.status_code": 201,
    }
    assert said(end)["messaging.message.id"] == str(envelope.id)
    assert said(end)["messaging.message.conversation_id"] == str(envelope.correlation_id)
    assert {name for span in collector.spans for name in said(span)} <= ATTRIBUTES


async def test_a_callers_trace_goes_on(own_url, broker, collector, traced, tmp_path):
    traced(collector.url)

    async with a_gateway(own_url, broker.url, tmp_path) as gateway:
        await gateway.api.call("GET", "/v1/skills?q=translate", traceparent=CALLER)
        span = await collector.one("GET /v1/skills")

    assert (span.trace_id, span.parent_span_id) == (trace_of(CALLER), span_of(CALLER))


async def test_without_a_collector_a_callers_trace_still_rides_on_events(own_url, broker, tmp_path):
    async with a_gateway(own_url, broker.url, tmp_path) as gateway:
        person = {
            "email": "ana@halimbawa.example",
            "password": "isang mahabang parirala",
            "name": "Ana",
        }
        await gateway.api.call("POST", "/v1/people", person, traceparent=CALLER)

    conn = await asyncpg.connect(own_url)
    found = await conn.fetchval(
        "SELECT traceparent FROM gateway.events WHERE name = 'person.joined.v1'"
    )
    await conn.close()
    assert found == CALLER


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        CALLER + "-more",
        CALLER.upper(),
        f"00-{'0' * 32}-{'1' * 16}-01",
        f"00-{'1' * 32}-{'0' * 16}-01",
        f"ff-{'1' * 32}-{'1' * 16}-01",
        "\n" + CALLER,
        CALLER + "\n",
    ],
)
def test_what_is_no_traceparent_is_not_handed_on(header):
    with tracing.request("GET", "/v1/people", header) as span:
        assert span.traceparent is None


def test_nobody_who_wants_no_traces_pays_for_the_library():
    program = """
import os, sys, shared.worker
from shared import tracing

there = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
for variables in ({}, there | {"OTEL_SDK_DISABLED": "TRUE"}, there | {"OTEL_TRACES_EXPORTER": "none"}):
    os.environ.update(variables)
    tracing.configure("gateway")
    assert not [name for name in sys.modules if name.startswith("opentelemetry")], variables
    for name in variables:
        del os.environ[name]
"""

    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)

    assert ended.returncode == 0


def test_without_a_collector_a_word_costs_less_than_a_microsecond():
    event = an_event(traceparent=CALLER)
    many = [Sent(event.envelope)] * 100

    def ask():
        with tracing.request("POST", "/v1/people", CALLER):
            pass

    def hear():
        with tracing.handling([event]):
            pass

    def publish():
        with tracing.publishing(many):
            pass

    for word in (ask, hear, publish):
        # The best of many short tries: the machine does other things too.
        tries = timeit.repeat(word, timer=time.thread_time, number=200, repeat=500)
        assert min(tries) / 200 < 1e-6


async def test_an_installation_says_its_own_name_and_sampling(collector, traced):
    traced(collector.url, SERVICE_NAME="usbong", TRACES_SAMPLER="parentbased_always_off")

    with tracing.handling([an_event(traceparent=CALLER)]):
        pass
    with tracing.handling([an_event()]) as (unsampled,):
        pass
    await until(lambda: collector.spans)
    await asyncio.sleep(0.2)

    assert collector.services == {"usbong"}
    assert [span.trace_id for span in collector.spans] == [trace_of(CALLER)]
    assert unsampled.envelope.traceparent[-2:] in {"00", "02"}


async def test_a_room_is_named_after_itself(collector, traced):
    traced(collector.url)

    with tracing.handling([an_event()]):
        pass
    await until(lambda: collector.spans)

    assert collector.services == {"sibol-matching"}


async def test_a_sending_shows_how_long_its_event_waited(collector, traced):
    traced(collector.url)
    late = an_envelope(
        time=datetime.now(UTC) + timedelta(days=2, seconds=-30), ahead=timedelta(days=2)
    )

    with tracing.publishing([Sent(late)]) as (sent,):
        pass
    span = await collector.one("publish sibol.events:person.joined.v1")

    assert 29 < (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9 < 35
    assert span_of(sent.envelope.traceparent) == span.span_id


async def test_each_event_of_a_batch_goes_on_in_its_own_trace(collector, traced):
    traced(collector.url)
    heard = [an_event(traceparent=CALLER), an_event()]

    with tracing.handling(heard) as followed:
        pass
    await until(lambda: len(collector.spans) == 2)

    assert [each.subject for each in followed] == [each.subject for each in heard]
    assert {span.span_id for span in collector.spans} == {
        span_of(each.envelope.traceparent) for each in followed
    }
    assert {trace_of(CALLER)} < {span.trace_id for span in collector.spans}


async def test_a_destination_has_the_name_that_the_broker_knows(collector, traced):
    traced(collector.url)

    with tracing.handling([an_event()]):
        pass
    await until(lambda: collector.spans)

    assert said(collector.spans[0])["messaging.destination.name"].split(":") == [
        topology.EVENTS,
        PersonJoined.name,
        topology.queue_of("matching"),
    ]


async def test_an_errors_words_stay_here(collector, traced):
    traced(collector.url)

    with (
        pytest.raises(ValueError, match="Ana"),
        tracing.handling([an_event()]),
    ):
        raise ValueError("Ana Reyes, ana@halimbawa.example")
    with tracing.request("POST", "/v1/people", None) as span:
        span.answered(503)
    handled = await collector.one("process sibol.events:person.joined.v1:sibol.matching")
    answered = await collector.one("POST /v1/people")

    assert said(handled)["error.type"] == "ValueError"
    assert said(answered)["error.type"] == "503"
    for failed in (handled, answered):
        assert failed.status.code == Status.STATUS_CODE_ERROR
        assert b"Ana" not in failed.SerializeToString()


async def test_a_message_of_a_stranger_begins_a_trace_of_its_own(collector, traced):
    traced(collector.url)

    with tracing.handling([an_event(traceparent="0x-_1-" + "f" * 5000)]) as (event,):
        pass
    await until(lambda: collector.spans)

    assert tracing.valid(event.envelope.traceparent)
    assert collector.spans[0].parent_span_id == b""


async def test_probes_and_invented_methods_fill_no_collector(collector, traced):
    traced(collector.url)

    for method, route in (("GET", "/readyz"), ("GET", "/metrics"), ("INVENTED-1", "unknown")):
        with tracing.request(method, route, None):
            pass
    await until(lambda: collector.spans)

    assert [span.name for span in collector.spans] == ["HTTP unknown"]


@pytest.mark.parametrize("drops", [False, True], ids=["silent", "one byte at a time"])
async def test_a_collector_that_never_answers_slows_nobody(traced, drops):
    async with tarpit(drops) as (url, held):
        traced(url)
        late, threads = [], threading.active_count()

        for _ in range(100):
            started = time.monotonic()
            for _ in range(50):
                with tracing.handling([an_event(traceparent=CALLER)]):
                    pass
            late.append(time.monotonic() - started)
            await asyncio.sleep(0)
        started = time.monotonic()
        await asyncio.to_thread(tracing.shutdown)
        ended = time.monotonic() - started

        assert held
        assert sorted(late)[len(late) // 2] < 0.05
        assert ended < 3
        assert threading.active_count() <= threads + 2


@pytest.mark.parametrize("drops", [False, True], ids=["silent", "one byte at a time"])
async def test_a_room_works_and_ends_in_time_while_its_collector_never_answers(
    own_url, broker, tmp_path, monkeypatch, drops
):
    async with tarpit(drops) as (url, held):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        rooms = Rooms(own_url, broker.url, tmp_path)
        process = rooms.processes["matching"] = await rooms.run("matching")
        try:
            await rooms.ready("matching")
            async with saying(own_url, broker.url, ProfileChanged(person_id=new_id(), version=1)):
                await heard_by("matching", own_url)
            await until(lambda: held)
        finally:
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            code = await process.wait()

    assert (code, time.monotonic() - started < 8) == (0, True), rooms.logs()
    assert "Traceback" not in rooms.logs()
