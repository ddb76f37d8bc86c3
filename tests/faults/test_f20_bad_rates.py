"""F20: rate sources are down at start, or say 0, a negative, a stale, a ten-fold price: the payment waits."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine

from payments.actions.apply_event import drain
from payments.jobs import drain_inbox, refresh_rates
from payments.models import Deposit, InboxEvent, RateBreaker
from payments.rates import quotes
from payments.rates.prewarm import prewarm
from tests.payments.money_in import an_intent, post, raw_of
from tests.payments.rates.wire import RECORDED_AT, good_answers, scaled_prices, wired
from wallets.proof import check_ledger

BAD = {
    "down": dict.fromkeys(good_answers(), 500),
    "zero": {**good_answers(), "/crypto/fetch-prices": scaled_prices("0"), "/simple/price": 500},
    "negative": {**good_answers(), "/crypto/fetch-prices": scaled_prices("-1"), "/simple/price": 500},
    "sources worlds apart": {**good_answers(), "/crypto/fetch-prices": scaled_prices("10")},
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", list(BAD))
def test_a_late_payment_waits_for_a_good_rate_and_is_then_valued_by_it(fault, settings):
    settings.RATE_SOURCES = ["fastforex", "coingecko"]
    with time_machine.travel(RECORDED_AT + timedelta(seconds=30), tick=True):
        with wired(BAD[fault]):
            prewarm("web")
            intent = an_intent(asset="BTC", network="BTC", rate="40000", price="20.00", minutes=-1)
            assert post(raw_of(intent)).status_code == 200
            refresh_rates()
            drain_inbox()
        row = InboxEvent.objects.get()
        assert (row.status, row.last_outcome) == ("pending", "retry_later")
        assert Deposit.objects.get().value_minor is None

        RateBreaker.objects.all().delete()
        InboxEvent.objects.update(next_try_at=None)
        with wired(good_answers()):
            refresh_rates()
            quotes.forget_all()
            drain()
        deposit = Deposit.objects.get()
        assert abs(Decimal(deposit.value_rate) - 91245) < 1
        assert check_ledger(full=True).breaches == []


@pytest.mark.django_db(transaction=True)
def test_a_stale_price_values_nothing_even_when_every_source_repeats_it(settings):
    settings.RATE_SOURCES = ["coingecko"]
    with time_machine.travel(RECORDED_AT + timedelta(hours=3), tick=True), wired(good_answers()):
        prewarm("web")
        post(raw_of(an_intent(asset="BTC", network="BTC", rate="40000", price="20.00", minutes=-1)))
        refresh_rates()
    assert InboxEvent.objects.get().last_outcome == "retry_later"


@pytest.mark.django_db(transaction=True)
def test_a_payment_in_time_needs_no_rate_at_all(settings):
    settings.RATE_SOURCES = ["fastforex", "coingecko"]
    with wired(BAD["down"]):
        prewarm("web")
        post(raw_of(an_intent(asset="BTC", network="BTC", rate="40000", price="20.00")))
    deposit = Deposit.objects.get()
    assert (deposit.state, deposit.value_rate) == ("confirmed", "40000")
    assert check_ledger(full=True).breaches == []
