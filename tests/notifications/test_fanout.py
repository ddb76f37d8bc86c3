"""N1: what happened is told once, or not at all when it did not happen."""

import pytest
from django.db import transaction
from django_q.models import OrmQ

from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.events.recording import NewEvent, record
from notifications.fanout import fan_out
from notifications.models import Delivery, PendingFanout
from tests import cast
from tests.at_once import at_once
from tests.notifications.stories import PAID, forget_the_past, happened, has_email, the_delivery, told

pytestmark = pytest.mark.django_db(transaction=True)


def parked(subject_id: int) -> NewEvent:
    return NewEvent(Kind.INBOX_PARKED, "inbox", subject_id)


def record_and_fail() -> None:
    with transaction.atomic():
        record([parked(1)])
        raise ZeroDivisionError


def test_a_rolled_back_fact_leaves_nothing_to_tell() -> None:
    with pytest.raises(ZeroDivisionError):
        record_and_fail()
    assert not PendingFanout.objects.exists()
    assert not OrmQ.objects.exists()
    assert fan_out() == 0


def test_wakes_the_worker_once_a_transaction_however_many_batches_it_records() -> None:
    with transaction.atomic():
        record([parked(1), parked(2)])
        record([parked(3)])
    assert OrmQ.objects.count() == 1
    with transaction.atomic():
        record([parked(4)])
    assert OrmQ.objects.count() == 2
    assert PendingFanout.objects.count() == 4


def test_wakes_again_when_the_savepoint_that_woke_was_rolled_back() -> None:
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError):
            record_and_fail()
        record([parked(2)])
    assert OrmQ.objects.count() == 1
    assert PendingFanout.objects.count() == 1


def test_wakes_nobody_for_a_fact_that_nobody_is_told_of() -> None:
    with transaction.atomic():
        record([NewEvent(Kind.INBOX_REPLAYED, "inbox", 1)])
    assert not OrmQ.objects.exists()


def test_a_second_round_finds_nothing_to_do() -> None:
    told(Kind.ESCROW_PAYMENT_CONFIRMED, cast.a_paid_trade(), **PAID)
    before = Delivery.objects.count()
    assert fan_out() == 0
    assert Delivery.objects.count() == before


def test_noting_an_event_twice_tells_nobody_twice() -> None:
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, cast.a_paid_trade(), **PAID)
    before = Delivery.objects.count()
    PendingFanout.objects.create(event=event)
    assert fan_out() == 1
    assert Delivery.objects.count() == before


def test_many_at_once_make_each_delivery_once() -> None:
    trade = cast.a_paid_trade()
    forget_the_past()
    for _ in range(20):
        happened(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    done = at_once(lambda _n: fan_out(limit=7), range(6))
    while fan_out():
        done.append(0)
    assert not PendingFanout.objects.exists()
    assert Delivery.objects.count() == 20 * 3


def test_a_hundred_events_cost_as_many_queries_as_one() -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    trade = cast.a_paid_trade()
    counts = []
    for number in (1, 100):
        forget_the_past()
        for _ in range(number):
            happened(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
        with CaptureQueriesContext(connection) as queries:
            assert fan_out() == number
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_limit_is_set_only_where_another_channel_waits() -> None:
    trade = cast.a_paid_trade()
    has_email(cast.bea())
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, trade, **PAID)
    assert the_delivery(event, "buyer").fallback_at is not None
    assert the_delivery(event, "seller").fallback_at is None


def test_events_keep_their_rows_after_fan_out() -> None:
    event = told(Kind.ESCROW_PAYMENT_CONFIRMED, cast.a_paid_trade(), **PAID)
    assert Event.objects.filter(pk=event.pk).exists()
