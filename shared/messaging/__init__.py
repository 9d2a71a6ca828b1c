from shared.messaging.consumer import Consumer, Subscription, on
from shared.messaging.outbox import Relay, record

__all__ = ["Consumer", "Relay", "Subscription", "on", "record"]
