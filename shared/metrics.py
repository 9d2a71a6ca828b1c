"""What every process counts. Labels are bounded: rooms, event names, outcomes."""

from prometheus_client import Counter, Gauge, Histogram, generate_latest

FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

events_handled = Counter(
    "sibol_events_handled", "Events by outcome.", ["room", "event_name", "outcome"]
)
batch_size = Histogram(
    "sibol_batch_size", "Events taken together.", ["room"], buckets=(1, 2, 5, 10, 20, 50, 100)
)
batch_seconds = Histogram(
    "sibol_batch_seconds", "From taking a batch to its acknowledgement.", ["room"], buckets=FAST
)
event_age_seconds = Histogram(
    "sibol_event_age_seconds", "From the event to its effect.", ["room"], buckets=FAST
)
oldest_in_hand_seconds = Gauge(
    "sibol_oldest_in_hand_seconds", "Age of the oldest item taken and not finished.", ["room"]
)
outbox_published = Counter("sibol_outbox_published", "Events confirmed by the broker.", ["room"])
outbox_failed = Counter("sibol_outbox_failed", "Publishes not confirmed; tried again.", ["room"])
outbox_waiting = Gauge("sibol_outbox_waiting", "Events not yet published.", ["room"])
outbox_oldest_seconds = Gauge(
    "sibol_outbox_oldest_seconds", "Age of the oldest event not yet published.", ["room"]
)
reconnections = Counter(
    "sibol_reconnections", "Broker connections started again.", ["room", "part"]
)


def exposition() -> bytes:
    return generate_latest()
