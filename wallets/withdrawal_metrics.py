"""Figures of money out (O5): how long approvals and payouts take, how many wait and since when.

What waits is read from the database when Prometheus asks, so that every process gives the same answer.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import structlog
from django.db import DatabaseError
from django.db.models import Count, Min
from prometheus_client import REGISTRY, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from lockbay import clock
from wallets.models import Withdrawal
from wallets.withdrawal_states import OPEN, WithdrawalStatus

logger = structlog.get_logger(__name__)
_APPROVAL_SECONDS = (1, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 72 * 3600)
_PAYOUT_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 6 * 3600, 24 * 3600)
APPROVAL_SECONDS = Histogram(
    "lockbay_withdrawal_approval_seconds", "From the request to the final approval.", buckets=_APPROVAL_SECONDS
)
COMPLETION_SECONDS = Histogram(
    "lockbay_withdrawal_completion_seconds",
    "From the final approval to the completed payout.",
    ["rail"],
    buckets=_PAYOUT_SECONDS,
)


def count_approval(withdrawal: Withdrawal, now: datetime) -> None:
    """Once a withdrawal, at its final approval."""
    APPROVAL_SECONDS.observe(max(0, (now - withdrawal.requested_at).total_seconds()))


def count_completion(withdrawal: Withdrawal, now: datetime) -> None:
    """Once a withdrawal, when it has been paid."""
    since = withdrawal.approved_at or withdrawal.requested_at
    COMPLETION_SECONDS.labels(withdrawal.rail).observe(max(0, (now - since).total_seconds()))


class WaitingWithdrawals(Collector):
    """How many withdrawals are open by status, and the age in seconds of the oldest of each."""

    def collect(self) -> Iterable[Metric]:
        """For Prometheus: one query."""
        number = GaugeMetricFamily("lockbay_withdrawals_open", "Withdrawals that are not closed.", labels=["status"])
        age = GaugeMetricFamily(
            "lockbay_withdrawals_oldest_seconds", "Age of the oldest open withdrawal.", labels=["status"]
        )
        now = clock.now()
        try:
            found = {row["status"]: row for row in _open_by_status()}
        except DatabaseError as error:  # the other figures are wanted most when the database is away
            logger.warning("WITHDRAWALS_NOT_COUNTED", error=str(error))
            return
        for status in sorted(OPEN):
            row = found.get(status.value)
            number.add_metric([status.value], row["number"] if row else 0)
            since = (row["processing"] if status == WithdrawalStatus.PROCESSING else row["requested"]) if row else None
            age.add_metric([status.value], max(0, (now - since).total_seconds()) if since else 0)
        yield number
        yield age

    def describe(self) -> Iterable[Metric]:
        """The names alone: registering must not ask the database."""
        yield GaugeMetricFamily("lockbay_withdrawals_open", "Withdrawals that are not closed.")
        yield GaugeMetricFamily("lockbay_withdrawals_oldest_seconds", "Age of the oldest open withdrawal.")


def _open_by_status() -> Iterable[Any]:
    rows = Withdrawal.objects.filter(status__in=sorted(OPEN)).values("status")
    return rows.annotate(number=Count("pk"), requested=Min("requested_at"), processing=Min("processing_since"))


REGISTRY.register(WaitingWithdrawals())
