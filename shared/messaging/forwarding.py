"""A message as it is, to another queue: to be tried later, or to be looked at by an operator."""

from typing import Any

from aiormq.abc import DeliveredMessage
from aiormq.channel import Channel
from pamqp.commands import Basic

from shared import crashing

PUBLISH_SECONDS = 5
PERSISTENT = 2
ATTEMPT = "x-sibol-attempt"
REASON = "x-sibol-reason"
SINCE = "x-sibol-since"
# Set by quorum queues: how often it was given out and came back.
DELIVERIES = "x-delivery-count"


async def forward(
    channel: Channel, message: DeliveredMessage, exchange: str, key: str, headers: dict[str, Any]
) -> None:
    """Return when the other queue has it on disk."""
    given = message.header.properties
    properties = Basic.Properties(
        headers={**(given.headers or {}), **headers},
        content_type=given.content_type,
        delivery_mode=PERSISTENT,
        message_id=given.message_id,
        timestamp=given.timestamp,
        message_type=given.message_type,
    )
    crashing.at("consumer.before_forward")
    await channel.basic_publish(
        message.body,
        exchange=exchange,
        routing_key=key,
        properties=properties,
        mandatory=True,
        timeout=PUBLISH_SECONDS,
    )
    crashing.at("consumer.after_forward")


def attempt_of(message: DeliveredMessage) -> int:
    return _counted(message, ATTEMPT)


def deliveries_of(message: DeliveredMessage) -> int:
    return _counted(message, DELIVERIES)


def _counted(message: DeliveredMessage, name: str) -> int:
    found = (message.header.properties.headers or {}).get(name)
    return found if isinstance(found, int) and found > 0 else 0
