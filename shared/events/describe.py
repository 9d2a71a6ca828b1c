"""The catalogue for strangers: JSON Schemas, an AsyncAPI document and a page, all made from it."""

from typing import Any

from shared.events import CATALOGUE
from shared.events.base import TYPE_PREFIX, Event

EXCHANGE = "sibol.public"
ATTRIBUTES = {
    "ce-id": "UUIDv7 of the event; the same on every redelivery",
    "ce-type": "the name with its version",
    "ce-source": "the room that said it",
    "ce-subject": "the record's id",
    "ce-sequence": "1, 2, 3 ... without gap for each subject of a source",
    "ce-time": "when it happened, UTC",
    "ce-correlationid": "the request that began it all",
    "ce-causationid": "the event that caused this one",
    "ce-actorkind": "who gave the command: applicant, employer, system ...",
    "ce-tenant": "the tenant",
}


def sentence(event: type[Event]) -> str:
    return " ".join((event.__doc__ or "").split())


def schema(event: type[Event]) -> dict[str, Any]:
    found = event.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://sibol.ph/schemas/{event.name}.json",
        **found,
        "description": sentence(event),
    }


def asyncapi() -> dict[str, Any]:
    public = {name: event for name, event in CATALOGUE.items() if event.public}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sibol events",
            "version": "1",
            "description": "CloudEvents 1.0 over AMQP 0-9-1. Bind a queue of your own to the topic "
            f"exchange `{EXCHANGE}`; the routing key is the event's name.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(event) for name, event in public.items()},
        "operations": {name: _operation(name, event) for name, event in public.items()},
        "components": {
            "messages": {name: _message(event) for name, event in public.items()},
            "schemas": {"attributes": _attributes()},
        },
    }


def _channel(event: type[Event]) -> dict[str, Any]:
    return {
        "address": event.name,
        "description": sentence(event),
        "messages": {"event": {"$ref": f"#/components/messages/{event.name}"}},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": EXCHANGE, "type": "topic", "durable": True},
            }
        },
    }


def _operation(name: str, event: type[Event]) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{name.replace('/', '~1')}"},
        "summary": sentence(event),
    }


def _message(event: type[Event]) -> dict[str, Any]:
    payload = schema(event)
    del payload["$schema"], payload["$id"]
    return {
        "name": TYPE_PREFIX + event.name,
        "summary": sentence(event),
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/attributes"},
        "payload": payload,
    }


def _attributes() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": text} for name, text in ATTRIBUTES.items()
        },
    }


def page() -> str:
    """`docs/events.md`."""
    lines = [
        "# Events",
        "",
        "Made from `shared/events/` by `python -m tools.write_docs`; do not edit.",
        "",
        f"CloudEvents 1.0 in AMQP headers. Public events reach the topic exchange `{EXCHANGE}`; the",
        f"routing key is the name, the type is `{TYPE_PREFIX}` + name.",
        "",
        "| header | meaning |",
        "| --- | --- |",
        *(f"| `{name}` | {text} |" for name, text in ATTRIBUTES.items()),
        "",
        "| event | meaning | data | public |",
        "| --- | --- | --- | --- |",
        *(_row(event) for event in CATALOGUE.values()),
        "",
    ]
    return "\n".join(lines)


def _row(event: type[Event]) -> str:
    fields = ", ".join(
        f"`{name}`" if field.is_required() else f"`{name}`?"
        for name, field in event.model_fields.items()
    )
    return f"| `{event.name}` | {sentence(event)} | {fields} | {'yes' if event.public else 'no'} |"
