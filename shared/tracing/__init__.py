"""One trace, from a request to the last event that it led to, when OTEL_* names a collector.

Without one, opentelemetry is never imported, and a caller's `traceparent` is only handed on.
"""

import importlib
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self, TypeVar

from pydantic_settings import BaseSettings, SettingsConfigDict

from shared import log
from shared.events.base import Envelope, Event

# W3C Trace Context, version 00; ids of nothing but zeros are no ids.
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Outgoing(Protocol):
    """A dataclass that is to be sent under its envelope."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def envelope(self) -> Envelope: ...


Item = TypeVar("Item", bound=Outgoing)
E = TypeVar("E", bound=Event)


class Collector(BaseSettings):
    """Only whether there is one; all else the OpenTelemetry SDK reads for itself."""

    model_config = SettingsConfigDict(env_prefix="OTEL_", frozen=True, extra="ignore")

    exporter_otlp_endpoint: str = ""
    exporter_otlp_traces_endpoint: str = ""
    traces_exporter: str = "otlp"
    sdk_disabled: str = ""

    def is_wanted(self) -> bool:
        named = self.exporter_otlp_traces_endpoint or self.exporter_otlp_endpoint
        switched_off = (
            self.sdk_disabled.strip().lower() == "true" or self.traces_exporter.strip() == "none"
        )
        return bool(named) and not switched_off


class Span(Protocol):
    @property
    def traceparent(self) -> str | None:
        """What the events that are said within this span carry."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def answered(self, status: int) -> None: ...


class Tracer(Protocol):
    def request(self, method: str, route: str, traceparent: str | None) -> Span: ...

    def publishing(self, batch: Sequence[Item]) -> AbstractContextManager[Sequence[Item]]: ...

    def handling(self, events: Sequence[E]) -> AbstractContextManager[Sequence[E]]: ...

    def shutdown(self) -> None: ...


class Passing:
    """No span of ours."""

    __slots__ = ("traceparent",)

    def __init__(self, traceparent: str | None) -> None:
        self.traceparent = traceparent

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def answered(self, status: int) -> None:
        pass


class Silence:
    """There is no collector."""

    def request(self, _method: str, _route: str, traceparent: str | None) -> Span:
        return Passing(traceparent)

    def publishing(self, batch: Sequence[Item]) -> AbstractContextManager[Sequence[Item]]:
        return nullcontext(batch)

    def handling(self, events: Sequence[E]) -> AbstractContextManager[Sequence[E]]:
        return nullcontext(events)

    def shutdown(self) -> None:
        pass


class _Chosen:
    tracer: Tracer = Silence()


def configure(room: str) -> None:
    """Once, at the start of a process. A collector that is away keeps no room from starting."""
    _Chosen.tracer = Silence()
    if not Collector().is_wanted():
        return
    try:
        exporting = importlib.import_module("shared.tracing.exporting")
    except ImportError:
        log.get().warning("tracing_not_installed", wanted="the extra `otel`")
        return
    _Chosen.tracer = exporting.Exporting(room)


def request(method: str, route: str, traceparent: str | None) -> Span:
    """`route` is the template; `traceparent` is what the caller's header says."""
    return _Chosen.tracer.request(method, route, valid(traceparent))


def valid(traceparent: str | None) -> str | None:
    return traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else None


def publishing(batch: Sequence[Item]) -> AbstractContextManager[Sequence[Item]]:
    """Gives them as they are to be sent: whoever hears them follows this sending. Each span began
    when its event was recorded, so it shows how long that waited in the outbox."""
    return _Chosen.tracer.publishing(batch)


def handling(events: Sequence[E]) -> AbstractContextManager[Sequence[E]]:
    """Gives them with the traces that their effects follow, each its own."""
    return _Chosen.tracer.handling(events)


def shutdown() -> None:
    """Send what is left, for at most two seconds."""
    _Chosen.tracer.shutdown()
    _Chosen.tracer = Silence()
