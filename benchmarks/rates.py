"""Goal 16: what a rate look-up costs."""

import statistics
import time

from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments.rates import quotes
from payments.rates.prewarm import prewarm

LOOKUPS = 50_000


def measure() -> list[str]:
    """p50, p99, queries of a hit, and queries of the first look-up after a restart."""
    prewarm("bench")
    quotes.quote_of("BTC", "USD")
    taken = []
    with CaptureQueriesContext(connection) as hits:
        for _ in range(LOOKUPS):
            start = time.perf_counter_ns()
            quotes.quote_of("BTC", "USD")
            taken.append(time.perf_counter_ns() - start)
    quotes.forget_all()
    with CaptureQueriesContext(connection) as first:
        quotes.quote_of("BTC", "USD")
    cuts = statistics.quantiles(taken, n=100)
    return [
        f"  16  rate look-up: p50 {cuts[49] / 1000:.2f} µs (goal <= 2), p99 {cuts[98] / 1000:.2f} µs (goal <= 10), "
        f"{len(hits)} queries (goal 0), no network; first after a restart: {len(first)} query, warm"
    ]
