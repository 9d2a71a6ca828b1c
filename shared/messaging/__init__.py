from shared.messaging.consumer import Consumer
from shared.messaging.outbox import Relay, Said, record, record_all
from shared.messaging.subscriptions import Subscription, on, on_many, origin_of

__all__ = [
    "Consumer",
    "Relay",
    "Said",
    "Subscription",
    "on",
    "on_many",
    "origin_of",
    "record",
    "record_all",
]
