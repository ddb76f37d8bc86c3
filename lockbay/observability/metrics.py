"""Counters that cost a dictionary step, shown to Prometheus when it asks (O5).

Each process counts for itself. Two threads that count the same thing at the same instant may lose one: a hit must not
wait for a lock, and no decision about money reads these numbers.
"""

from collections import defaultdict
from collections.abc import Iterable

from prometheus_client import REGISTRY, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector


class Tally(Collector):
    """A counter by labels: `TALLY.counts["BTC", "rapid"] += 1`, or `TALLY.add("BTC", "rapid")`."""

    def __init__(self, name: str, explanation: str, labels: tuple[str, ...]) -> None:
        self.name, self.explanation, self.labels = name, explanation, labels
        self.counts: defaultdict[tuple[str, ...], int] = defaultdict(int)
        REGISTRY.register(self)

    def add(self, *values: str, by: int = 1) -> None:
        """Counts once, or `by` times, under these label values, in the order of the labels."""
        self.counts[values] += by

    def total(self, *values: str) -> int:
        """The count under these label values; a shorter list sums over the labels that are left out."""
        return sum(count for key, count in list(self.counts.items()) if key[: len(values)] == values)

    def collect(self) -> Iterable[Metric]:
        """For Prometheus."""
        family = CounterMetricFamily(self.name, self.explanation, labels=self.labels)
        for values, count in list(self.counts.items()):
            family.add_metric(values, count)
        yield family

    def describe(self) -> Iterable[Metric]:
        """The name alone, so that registering twice is noticed."""
        yield CounterMetricFamily(self.name, self.explanation, labels=self.labels)


def metrics_text() -> bytes:
    """Everything this process has counted, in Prometheus' text format."""
    return generate_latest(REGISTRY)
