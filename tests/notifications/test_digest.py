"""Once a day staff read what yesterday was: numbers that add up, and plain words for a day on which nothing was."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from escrows.states import Status
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.events.recording import NewEvent, record
from notifications import digest
from notifications.fanout import fan_out
from notifications.models import Delivery, DeliveryState, Incident, StaffNotice
from notifications.rendering import render
from tests import cast
from tests.at_once import at_once
from tests.notifications.stories import PAID, forget_the_past, happened

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _at_half_past_nine(settings, monkeypatch):
    settings.DIGEST_HOUR = 9
    it_is(monkeypatch, NOW)


def it_is(monkeypatch, moment):
    monkeypatch.setattr(clock, "real_now", lambda: moment)


@pytest.fixture
def yesterday(monkeypatch):
    """What happens inside the call happens on the day before."""

    def on(act, *, hours=24):
        it_is(monkeypatch, NOW - timedelta(hours=hours))
        try:
            return act()
        finally:
            it_is(monkeypatch, NOW)

    return on


def the_digest():
    return Event.objects.get(kind=Kind.STAFF_DIGEST)


def text_of_digest(channel="telegram"):
    forget_the_past()
    assert digest.record_digest()
    fan_out()
    delivery = Delivery.objects.filter(event=the_digest()).first()
    return render(delivery, channel).text


def a_fact(kind, **data):
    with transaction.atomic():
        record([NewEvent(kind, "deposit", 1, data=data)])


def test_yesterdays_payments_trades_and_what_waits_are_in_it(yesterday):
    def a_day():
        trades = [cast.an_agreement(description=f"Lamp {number}") for number in range(2)]
        happened(Kind.ESCROW_PAYMENT_CONFIRMED, trades[0], **PAID)
        happened(Kind.ESCROW_PAYMENT_CONFIRMED, trades[1], **{**PAID, "received": "0.00021000 BTC"})
        happened(Kind.ESCROW_PAYMENT_CONFIRMED, trades[0], **{**PAID, "received": "9.00 USDT"})
        a_fact(Kind.DEPOSIT_CREDITED, user_id=cast.bea().pk, received="5.50 USD", value="5.50 USD")
        happened(Kind.ESCROW_COMPLETED, trades[0])
        happened(Kind.ESCROW_REFUNDED, trades[1])

    yesterday(a_day)
    cast.a_trade_in(Status.DISPUTED)
    text = text_of_digest()
    assert "The day in numbers: 21 Nov 2026" in text
    assert "Payments confirmed: 3 (0.00021000 BTC, 30.000000 USDT)" in text
    assert "Wallets topped up: 1 (5.50 USD)" in text
    assert "Trades completed: 1, refunded: 1" in text
    assert "Withdrawals paid: 0, failed: 0, taken back by the provider: 0" in text
    assert "· disputes: 1" in text
    assert "The books have not been proved yet" in text


def test_a_day_on_which_nothing_was_says_so_in_plain_words():
    assert digest.record_digest()
    fan_out()
    text = render(Delivery.objects.get(), "email").text
    assert "A quiet day: nobody paid, and no trade and no withdrawal came to its end." in text
    assert "Every message of that day was taken." in text
    assert "Nothing waits for staff." in text
    assert "Payments confirmed" not in text
    assert "is_quiet" not in text


def test_what_happened_before_and_after_that_day_is_not_in_it(yesterday):
    def pays():
        a_fact(Kind.DEPOSIT_CREDITED, received="5.00 USD")

    yesterday(pays, hours=9.6)  # a few minutes before midnight
    yesterday(pays, hours=9.4)  # and a few after it
    yesterday(pays, hours=33.6)
    assert digest.numbers_of(NOW.date() - timedelta(days=1))["top_ups"] == 1


def test_failed_messages_open_incidents_and_the_proof_are_counted(yesterday):
    from wallets.proof import check_ledger

    def a_day():
        cast.a_paid_trade()
        fan_out()
        Delivery.objects.filter(template="trade_offered").update(state=DeliveryState.FAILED)
        check_ledger(full=True)

    yesterday(a_day)
    an_incident("a"), an_incident("b", acknowledged_at=NOW), an_incident("c", closed_at=NOW)
    assert digest.record_digest()
    facts = the_digest().data
    assert (facts["failed_messages"], facts["incidents"], facts["incidents_untaken"]) == (1, 2, 1)
    assert (facts["proof"], facts["proof_age"]) == ("green", 24 * 3600)


def an_incident(key, **more):
    [event] = Event.objects.order_by("pk")[:1]
    Incident.objects.create(
        key=key, kind=event.kind, template="x", priority=0, first_event=event, last_event=event, count=1,
        opened_at=NOW, last_at=NOW, **more,
    )  # fmt: skip


def test_it_comes_once_a_day_from_its_hour_on(monkeypatch):
    it_is(monkeypatch, NOW - timedelta(hours=1))
    assert not digest.record_digest()
    it_is(monkeypatch, NOW)
    assert digest.record_digest()
    it_is(monkeypatch, NOW + timedelta(hours=10))
    assert not digest.record_digest()
    it_is(monkeypatch, NOW + timedelta(hours=25))  # a worker that was away at the hour makes it later
    assert digest.record_digest()
    assert set(StaffNotice.objects.values_list("key", flat=True)) == {"day:2026-11-21", "day:2026-11-22"}


def test_two_workers_make_one():
    outcomes = at_once(lambda _number: digest.record_digest(), range(4))
    assert sorted(outcomes) == [False, False, False, True]
    assert StaffNotice.objects.get().event == the_digest()


def test_without_an_hour_there_is_none(settings):
    settings.DIGEST_HOUR = None
    assert not digest.record_digest()


def test_it_goes_by_mail_to_the_group_and_to_slack_and_wakes_nobody(settings):
    settings.STAFF_CHAT_ID = -100500
    settings.SLACK_WEBHOOK_URL = "https://hooks.slack.example/x"
    settings.PAGERDUTY_ROUTING_KEY = "r" * 32
    digest.record_digest()
    fan_out()
    assert set(Delivery.objects.values_list("channel", flat=True)) == {"email", "telegram", "slack"}
