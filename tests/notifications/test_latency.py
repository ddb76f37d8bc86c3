"""O5: how long people wait, from the commit to the channel that accepted it, by channel and priority."""

from datetime import timedelta

import pytest

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.observability.metrics import metrics_text
from notifications.latency import latencies
from notifications.models import Delivery, DeliveryState, Priority
from tests import cast
from tests.notifications.stories import PAID, told

pytestmark = pytest.mark.django_db(transaction=True)


def accepted_after(seconds: list[int]) -> None:
    """Messages about money on Telegram, each accepted so long after it was committed."""
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, cast.a_paid_trade(), **PAID)
    Delivery.objects.all().delete()
    began = clock.real_now() - timedelta(minutes=5)
    Delivery.objects.bulk_create(
        Delivery(
            event=event,
            audience=f"buyer:{number}",
            channel="telegram",
            template="payment_confirmed",
            priority=Priority.PAYMENT,
            state=DeliveryState.SENT,
            due_at=began,
            created_at=began,
            sent_at=began + timedelta(seconds=wait),
        )
        for number, wait in enumerate(seconds)
    )


def test_names_the_percentiles_of_a_channel_and_a_priority() -> None:
    accepted_after(list(range(1, 101)))
    (row,) = latencies()
    assert (row.channel, row.priority, row.count) == ("telegram", Priority.PAYMENT, 100)
    assert (row.p50, row.p95, row.p99) == (50.0, 95.0, 99.0)


def test_what_was_not_accepted_or_is_long_ago_counts_nothing() -> None:
    accepted_after([1, 2, 3])
    Delivery.objects.filter(audience="buyer:0").update(state=DeliveryState.FAILED)
    Delivery.objects.filter(audience="buyer:1").update(sent_at=clock.real_now() - timedelta(minutes=16))
    (row,) = latencies()
    assert (row.count, row.p50, row.p99) == (1, 3.0, 3.0)


def test_prometheus_is_shown_them() -> None:
    accepted_after([2, 4])
    text = metrics_text().decode()
    assert 'lockbay_notice_seconds{channel="telegram",priority="payment",quantile="0.99"} 4.0' in text
    assert 'lockbay_notices_accepted{channel="telegram",priority="payment"} 2.0' in text
