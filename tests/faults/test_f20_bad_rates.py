"""F20: rate sources are down at start, or say 0, a negative, a stale, a ten-fold price: the payment waits."""

from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from lockbay.observability import health
from payments.actions.apply_event import drain
from payments.jobs import drain_inbox, refresh_rates, refresh_waited_rates
from payments.models import Breaker, Deposit, InboxEvent
from payments.rates import prewarm as prewarming
from payments.rates import quotes
from payments.rates.prewarm import prewarm
from payments.rates.sources.playmoney import RATES
from tests.payments.money_in import an_intent, post, raw_of
from tests.payments.rates.wire import RECORDED_AT, answers_of_now, good_answers, scaled_prices, wired
from wallets.assets import digits_of
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

        Breaker.objects.all().delete()
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


@pytest.mark.django_db(transaction=True)
def test_empty_at_start_with_every_source_down_ready_is_red_and_all_settles_by_itself_once_they_return(
    settings, monkeypatch
):
    settings.RATE_SOURCES = ["fastforex", "coingecko", "kraken", "cryptocompare"]
    monkeypatch.setattr(prewarming, "_last", None)
    start = RECORDED_AT + timedelta(seconds=30)
    with time_machine.travel(start, tick=True) as traveller:
        with wired(dict.fromkeys(good_answers(), 503)):
            for process in ("web", "worker", "bot"):
                prewarm(process)
            rates = ready_rates()
            assert not rates["ok"]
            assert "15 of 15 missing" in rates["detail"]
            assert "prewarm: 0/" in rates["detail"]
            assert "fastforex: Unavailable status 503" in rates["detail"]
            assert rates["detail"].endswith("breaker open: coingecko, cryptocompare, fastforex, kraken")

            in_time = an_intent(asset="ETH", network="ERC20", rate="3000", price="30.00")
            late = [
                an_intent(asset=asset, network=network, rate=rate, price="20.00", minutes=-1)
                for asset, network, rate in (("BTC", "BTC", "40000"), ("LTC", "LTC", "30"))
            ]
            for intent in (in_time, *late):
                assert post(raw_of(intent)).status_code == 200
            run_jobs_for(10, traveller)

        assert Deposit.objects.get(intent=in_time).value_rate == "3000", "by the rate frozen in its quote"
        waiting = Deposit.objects.filter(intent__in=late)
        assert set(waiting.values_list("state", "value_minor")) == {("pending", None)}
        assert set(InboxEvent.objects.filter(status="pending").values_list("last_outcome", flat=True)) == {
            "retry_later"
        }
        assert not ready_rates()["ok"]

        with wired(answers_of_now()):
            run_jobs_for(7, traveller)
            assert ready_rates()["ok"]
        assert not InboxEvent.objects.exclude(status="applied").exists()
        for deposit in Deposit.objects.filter(intent__in=late).select_related("intent"):
            fair = Decimal(RATES[deposit.asset, "USD"])
            assert abs(Decimal(deposit.value_rate) / fair - 1) < Decimal("0.01")
            expected = deposit.money.minor * fair * 100 / 10 ** digits_of(deposit.asset)
            assert abs(deposit.value_minor - expected) <= expected / 100 + 1
        assert check_ledger(full=True).breaches == []


def ready_rates():
    """What /ready says about rates, asked anew."""
    health.forget_results()
    report = Client().get("/ready")
    rates = report.json()["checks"]["rates"]
    assert rates["ok"] or report.status_code == 503
    return rates


def run_jobs_for(minutes, traveller):
    """What the worker does by its schedule, and nothing else."""
    for minute in range(minutes):
        traveller.shift(timedelta(minutes=1))
        quotes.forget_all()  # the worker's processes come and go
        refresh_waited_rates()
        if minute % 3 == 0:
            refresh_rates()
        drain_inbox()
