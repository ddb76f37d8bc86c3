"""How long people wait: from the commit of what happened until a channel accepted the message about it.

Read from the rows, so it holds for all processes together, whichever of them sent: bot and worker have no numbers of
their own to lose. Shown to Prometheus by the web process.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.db import DatabaseError
from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from lockbay import clock
from notifications.backoff import GIVE_UP_AFTER
from notifications.models import Delivery, DeliveryState, Priority

log = structlog.get_logger(__name__)

WINDOW = timedelta(minutes=15)
_MOST_ROWS = 20_000  # the newest: a burst must not make the scrape slow
_TOLD = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.OPENED)
_QUANTILES = (("0.5", 50), ("0.95", 95), ("0.99", 99))


@dataclass(frozen=True)
class Latency:
    """Seconds, nearest rank, of `count` messages of one priority that one channel accepted."""

    channel: str
    priority: Priority
    count: int
    p50: float
    p95: float
    p99: float


def latencies(*, window: timedelta = WINDOW) -> list[Latency]:
    """By channel and priority, of what was accepted within `window` until now; one query."""
    now = clock.real_now()
    # What staff sent again after days is no wait; and an index is found by state and age, none by sent_at.
    accepted = Delivery.objects.filter(
        state__in=_TOLD, created_at__gt=now - window - GIVE_UP_AFTER, sent_at__gt=now - window
    ).order_by("-sent_at")
    waits: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
    names = ("channel", "priority", "event__at", "created_at", "sent_at")
    for channel, priority, happened_at, created_at, sent_at in accepted.values_list(*names)[:_MOST_ROWS]:
        # A sandbox's clock may run ahead of real time, in which deliveries live.
        began_at = min(happened_at, created_at)
        waits[channel, priority].append(max(0.0, (sent_at - began_at).total_seconds()))
    return [
        Latency(channel, Priority(priority), len(found), *(_percentile(sorted(found), p) for _q, p in _QUANTILES))
        for (channel, priority), found in sorted(waits.items())
    ]


class LatencyCollector(Collector):
    """lockbay_notice_seconds{channel,priority,quantile} and how many messages they stand for, of the last 15 min."""

    def collect(self) -> Iterable[Metric]:
        """For Prometheus; nothing while the database is away."""
        try:
            found = latencies()
        except DatabaseError as error:
            log.warning("LATENCIES_UNKNOWN", error=str(error))
            return
        seconds, counts = self.describe()
        for row in found:
            labels = [row.channel, row.priority.name.lower()]
            counts.add_metric(labels, row.count)
            for (quantile, _p), value in zip(_QUANTILES, (row.p50, row.p95, row.p99), strict=True):
                seconds.add_metric([*labels, quantile], value)
        yield from (seconds, counts)

    def describe(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
        """The names alone: registering asks no database."""
        return (
            GaugeMetricFamily(
                "lockbay_notice_seconds",
                "From commit to accepted, of the last 15 minutes, in seconds",
                labels=["channel", "priority", "quantile"],
            ),
            GaugeMetricFamily(
                "lockbay_notices_accepted", "Messages behind lockbay_notice_seconds", labels=["channel", "priority"]
            ),
        )


def show_latencies() -> None:
    """Registers the collector; called once at start."""
    REGISTRY.register(LatencyCollector())


def _percentile(ordered: list[float], percent: int) -> float:
    """The smallest value that `percent` of all do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
