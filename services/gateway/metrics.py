"""Requests by route template, never by path."""

from prometheus_client import Counter, Histogram

from shared.metrics import FAST

requests = Counter("sibol_http_requests", "Requests answered.", ["method", "route", "status"])
seconds = Histogram("sibol_http_seconds", "Time to answer.", ["method", "route"], buckets=FAST)
