"""Requests by route template, never by path; timers by the record that they belong to."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from shared.metrics import FAST

requests = Counter("sibol_http_requests", "Requests answered.", ["method", "route", "status"])
seconds = Histogram("sibol_http_seconds", "Time to answer.", ["method", "route"], buckets=FAST)
together = Histogram(
    "sibol_commands_together",
    "Commands that shared a transaction.",
    ["command"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 128),
)
timers_fired = Counter("sibol_timers_fired", "Timers taken in hand.", ["record", "outcome"])
timer_lateness = Histogram(
    "sibol_timer_lateness_seconds",
    "From when a timer was due until it had done what it says.",
    buckets=(0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 300, 3600),
)
timers_oldest_seconds = Gauge("sibol_timers_oldest_seconds", "How late the oldest due timer is.")


@cache
def of(method: str, route: str, status: int) -> tuple[Histogram, Counter]:
    """Looked up once for each of the few that there are."""
    return seconds.labels(method, route), requests.labels(method, route, str(status))
