"""Incidents in numbers for Prometheus, read from the rows, so that they hold for all processes together (O5)."""

from collections.abc import Iterable

import structlog
from django.db import DatabaseError
from django.db.models import Count, Q, Sum
from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from notifications.models import Incident

log = structlog.get_logger(__name__)


class IncidentCollector(Collector):
    """lockbay_incidents_open{kind,state} and lockbay_incident_escalations_total{kind}."""

    def collect(self) -> Iterable[Metric]:
        """For Prometheus; nothing while the database is away. One query."""
        is_open = Q(closed_at__isnull=True)
        is_taken_on = Q(acknowledged_at__isnull=False)
        rows = Incident.objects.values("kind").annotate(
            waiting=Count("pk", filter=is_open & ~is_taken_on),
            taken_on=Count("pk", filter=is_open & is_taken_on),
            calls=Sum("escalations"),
        )
        try:
            found = list(rows.order_by("kind"))
        except DatabaseError as error:
            log.warning("INCIDENTS_UNKNOWN", error=str(error))
            return
        open_now, escalations = self.describe()
        for row in found:
            open_now.add_metric([row["kind"], "open"], row["waiting"])
            open_now.add_metric([row["kind"], "taken_on"], row["taken_on"])
            escalations.add_metric([row["kind"]], row["calls"])
        yield from (open_now, escalations)

    def describe(self) -> tuple[GaugeMetricFamily, CounterMetricFamily]:
        """The names alone: registering asks no database."""
        return (
            GaugeMetricFamily(
                "lockbay_incidents_open",
                "Incidents that are not over, by what they are about",
                labels=["kind", "state"],
            ),
            CounterMetricFamily(
                "lockbay_incident_escalations", "Times that more people were called to an incident", labels=["kind"]
            ),
        )


def show_incidents() -> None:
    """Registers the collector; called once at start."""
    REGISTRY.register(IncidentCollector())
