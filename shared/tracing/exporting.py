"""Spans, sent to the collector by a thread of their own. Its queue is bounded: when the collector is
away or slow, spans are lost and nobody waits."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from types import TracebackType
from typing import Self

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace import Span as Recorded

from shared.events.base import Envelope
from shared.tracing import E, Item, Passing, Span, valid

EVENTS = "sibol.events"
PROBES = frozenset({"/livez", "/readyz", "/metrics"})
METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
SHUTDOWN_SECONDS = 2

Attributes = Mapping[str, str | int]


class Exporting:
    def __init__(self, room: str) -> None:
        self._queue = f"sibol.{room}"
        self._provider = TracerProvider(resource=_resource(room), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("sibol")

    def request(self, method: str, route: str, traceparent: str | None) -> Span:
        if route in PROBES:
            return Passing(traceparent)
        known = method in METHODS
        return Following(
            self._start(
                f"{method if known else 'HTTP'} {route}",
                SpanKind.SERVER,
                traceparent,
                {"http.request.method": method if known else "_OTHER", "http.route": route},
            )
        )

    @contextmanager
    def publishing(self, batch: Sequence[Item]) -> Iterator[Sequence[Item]]:
        spans = [self._publishing(item.envelope) for item in batch]
        with _ended_together(spans):
            yield [
                replace(item, envelope=_followed(item.envelope, span))
                for item, span in zip(batch, spans, strict=True)
            ]

    @contextmanager
    def handling(self, events: Sequence[E]) -> Iterator[Sequence[E]]:
        spans = [self._handling(event.envelope) for event in events]
        with _ended_together(spans), _told(spans):
            yield [
                event.model_copy().received(_followed(event.envelope, span))
                for event, span in zip(events, spans, strict=True)
            ]

    def shutdown(self) -> None:
        """The SDK would wait for half a minute, and longer for a collector that says nothing."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(SHUTDOWN_SECONDS)

    def _publishing(self, envelope: Envelope) -> Recorded:
        destination = f"{EVENTS}:{envelope.name}"
        recorded_at = (envelope.time - envelope.ahead).timestamp()
        return self._start(
            f"publish {destination}",
            SpanKind.PRODUCER,
            envelope.traceparent,
            _messaging(envelope, "publish", "send", destination),
            # Clocks of two machines differ: no span begins after its end.
            start_time=int(min(recorded_at, time.time()) * 1e9),
        )

    def _handling(self, envelope: Envelope) -> Recorded:
        destination = f"{EVENTS}:{envelope.name}:{self._queue}"
        return self._start(
            f"process {destination}",
            SpanKind.CONSUMER,
            envelope.traceparent,
            _messaging(envelope, "process", "process", destination),
        )

    def _start(
        self,
        name: str,
        kind: SpanKind,
        traceparent: str | None,
        attributes: Attributes,
        start_time: int | None = None,
    ) -> Recorded:
        parent = set_span_in_context(_remote(traceparent))
        return self._tracer.start_span(name, parent, kind, attributes, start_time=start_time)


class Following:
    """The span of a request."""

    __slots__ = ("_span", "_told", "traceparent")

    def __init__(self, span: Recorded) -> None:
        self._span = span
        self._told = _told([span])
        self.traceparent: str | None = _traceparent(span)

    def __enter__(self) -> Self:
        self._told.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._told.__exit__(kind, error, trace)
        if kind is not None:
            _fail(self._span, kind.__name__)
        self._span.end()

    def answered(self, status: int) -> None:
        self._span.set_attribute("http.response.status_code", status)
        if status >= 500:
            _fail(self._span, str(status))


@contextmanager
def _ended_together(spans: Sequence[Recorded]) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        for span in spans:
            _fail(span, type(error).__name__)
        raise
    finally:
        for span in spans:
            span.end()


def _told(spans: Sequence[Recorded]) -> AbstractContextManager[None]:
    """The trace in every log line meanwhile, if it is one."""
    if len(spans) != 1:
        return nullcontext()
    trace_id = spans[0].get_span_context().trace_id
    return structlog.contextvars.bound_contextvars(trace_id=f"{trace_id:032x}")


def _followed(envelope: Envelope, span: Recorded) -> Envelope:
    return replace(envelope, traceparent=_traceparent(span))


def _fail(span: Recorded, kind: str) -> None:
    """The kind alone: an error's words may quote what somebody wrote."""
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR))


def _messaging(envelope: Envelope, name: str, kind: str, destination: str) -> Attributes:
    return {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": name,
        "messaging.operation.type": kind,
        "messaging.destination.name": destination,
        "messaging.rabbitmq.destination.routing_key": envelope.name,
        "messaging.message.id": str(envelope.id),
        "messaging.message.conversation_id": str(envelope.correlation_id),
    }


def _resource(room: str) -> Resource:
    """What the environment says, and the room's name unless it says another."""
    told = Resource.create()
    if str(told.attributes[SERVICE_NAME]).startswith("unknown_service"):
        return told.merge(Resource({SERVICE_NAME: f"sibol-{room}"}))
    return told


def _remote(traceparent: str | None) -> Recorded:
    """What is no traceparent begins a new trace: a stranger's message may carry anything."""
    known = valid(traceparent)
    if known is None:
        return INVALID_SPAN
    _, trace, span, flags = known.split("-")
    return NonRecordingSpan(
        SpanContext(
            int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
        )
    )


def _traceparent(span: Recorded) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
