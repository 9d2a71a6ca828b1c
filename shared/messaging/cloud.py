"""CloudEvents 1.0 over AMQP 0-9-1, binary mode, as the `cloudevents` package binds them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractIncomingMessage
from cloudevents.core.bindings.rabbitmq import RabbitMQMessage, from_binary, to_binary
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from pydantic import ValidationError

from shared.errors import Invalid
from shared.events import CATALOGUE
from shared.events.base import TYPE_PREFIX, Envelope, Event

JSON = JSONFormat()
SCHEMAS = "https://sibol.ph/schemas/"


def to_message(envelope: Envelope, data: Mapping[str, Any]) -> Message:
    bound = to_binary(CloudEvent(_attributes(envelope), dict(data)), JSON)
    return Message(
        bound.body,
        headers=dict(bound.headers),
        content_type=bound.content_type,
        delivery_mode=DeliveryMode.PERSISTENT,
        message_id=str(envelope.id),
        timestamp=envelope.time,
        type=TYPE_PREFIX + envelope.name,
    )


def from_message(message: AbstractIncomingMessage) -> Event:
    """Raise Invalid for what can never be read, however often it comes."""
    attributes, data = _read(message)
    name = str(attributes["type"]).removeprefix(TYPE_PREFIX)
    event = CATALOGUE.get(name)
    if event is None:
        raise Invalid(f"No event is called {name[:80]}.")
    try:
        return event.model_validate(data).received(_envelope(name, attributes))
    except (ValidationError, KeyError, ValueError) as error:
        raise Invalid(f"Not a valid {name}: {type(error).__name__}.") from None


def _attributes(envelope: Envelope) -> dict[str, Any]:
    attributes = {
        "specversion": "1.0",
        "id": str(envelope.id),
        "type": TYPE_PREFIX + envelope.name,
        "source": envelope.source,
        "subject": str(envelope.subject),
        "time": envelope.time,
        "datacontenttype": "application/json",
        "dataschema": f"{SCHEMAS}{envelope.name}.json",
        "sequence": str(envelope.sequence),
        "correlationid": str(envelope.correlation_id),
        "actorkind": envelope.actor_kind,
        "tenant": envelope.tenant,
    }
    if envelope.causation_id:
        attributes["causationid"] = str(envelope.causation_id)
    if envelope.traceparent:
        attributes["traceparent"] = envelope.traceparent
    if envelope.ahead:
        attributes["clockahead"] = str(int(envelope.ahead.total_seconds()))
    return attributes


def _read(message: AbstractIncomingMessage) -> tuple[dict[str, Any], Any]:
    headers = {key: value for key, value in message.headers.items() if isinstance(value, str)}
    try:
        event = from_binary(RabbitMQMessage(headers, message.content_type, message.body), JSON)
    except (CloudEventValidationError, ValueError, RecursionError) as error:
        raise Invalid(f"Not a CloudEvent: {type(error).__name__}.") from None
    return event.get_attributes(), event.get_data()


def _envelope(name: str, attributes: Mapping[str, Any]) -> Envelope:
    time = attributes["time"]
    if not isinstance(time, datetime):
        raise Invalid("An event needs a time.")
    causation = attributes.get("causationid")
    return Envelope(
        id=UUID(attributes["id"]),
        name=name,
        source=attributes["source"],
        subject=UUID(attributes["subject"]),
        sequence=int(attributes["sequence"]),
        time=time,
        correlation_id=UUID(attributes["correlationid"]),
        causation_id=UUID(causation) if causation else None,
        actor_kind=attributes["actorkind"],
        tenant=attributes["tenant"],
        traceparent=attributes.get("traceparent"),
        ahead=timedelta(seconds=int(attributes.get("clockahead", 0))),
    )
