"""Rates are fetched from all sources at once, judged and stored, never inside a transaction (R2, R4, R5, F20)."""

import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import transaction

from lockbay import http
from lockbay.jobs import clean_up
from payments.models import Breaker, Deposit, RateHistory, StoredRate
from payments.rates import counting, quotes, refresh
from payments.rates.currencies import PAIRS
from payments.rates.errors import RateUnavailable
from payments.rates.need import pairs_by_need, waited_for
from payments.rates.quotes import quote_of
from payments.rates.refresh import fetch_and_store, refresh_rates, refresh_waited_rates
from payments.rates.sources.coingecko import CoinGecko
from payments.states import DepositState, IntentStatus
from tests.payments.rates.wire import RECORDED_AT, good_answers, scaled_prices, store_rates, wired

pytestmark = pytest.mark.django_db


@pytest.fixture
def real_sources(settings):
    """Both networked sources, at the moment the fixtures were recorded."""
    settings.RATE_SOURCES = ["fastforex", "coingecko"]
    settings.RATE_FETCH_SECONDS = 2
    with time_machine.travel(RECORDED_AT + timedelta(seconds=30), tick=True) as traveller:
        yield traveller


def test_a_refresh_stores_the_median_of_both_sources_with_the_age_of_the_older(real_sources):
    with wired(good_answers()):
        refresh_rates()
    bitcoin = StoredRate.objects.get(base="BTC")
    assert bitcoin.source == "coingecko+fastforex"
    assert Decimal(bitcoin.rate) == Decimal("91245.261728394505")
    assert bitcoin.fetched_at == RECORDED_AT
    assert StoredRate.objects.count() == len(PAIRS)
    assert quote_of("CELL").source == "coingecko"


def test_one_source_down_leaves_the_other(real_sources):
    with wired({**good_answers(), "/simple/price": 503}):
        fetched = fetch_and_store(PAIRS, seconds=2)
    assert quote_of("BTC").source == "fastforex"
    assert fetched.errors[0].startswith("coingecko: Unavailable")
    assert Breaker.objects.get(pk="coingecko").failures == 1


def test_all_sources_down_prices_nothing_and_stored_rates_stay_as_they_are(real_sources):
    store_rates(age=timedelta(minutes=50))
    before = list(StoredRate.objects.order_by("pk").values())
    with wired(dict.fromkeys(good_answers(), http.TimeoutException("slow"))):
        refresh_rates()
    assert list(StoredRate.objects.order_by("pk").values()) == before
    assert quote_of("BTC").tier == "fallback"


def test_with_nothing_stored_and_all_sources_down_every_currency_is_counted_as_failed(real_sources):
    before = counting.ALL_FAILED.total("APT")
    with wired(dict.fromkeys(good_answers(), 500)):
        refresh_rates()
    assert counting.ALL_FAILED.total("APT") == before + 1
    with pytest.raises(RateUnavailable):
        quote_of("APT")


@pytest.mark.parametrize("factor", ["0", "-1", "10", "0.1"])
def test_a_bad_price_never_replaces_a_good_one(real_sources, factor):
    store_rates(age=timedelta(minutes=3))
    with wired({**good_answers(), "/crypto/fetch-prices": scaled_prices(factor), "/simple/price": 500}):
        fetched = fetch_and_store(PAIRS, seconds=2)
    assert quote_of("BTC").rate == Decimal("91250.40")
    assert any("BTC-USD" in error for error in fetched.errors)


def test_a_tenfold_price_of_the_better_source_is_outvoted_by_the_past(real_sources):
    store_rates(age=timedelta(minutes=3))
    with wired({**good_answers(), "/crypto/fetch-prices": scaled_prices("10")}):
        fetch_and_store(PAIRS, seconds=2)
    assert quote_of("BTC").source == "coingecko"


def test_a_stale_answer_is_refused_and_never_stamped_as_new(real_sources):
    real_sources.shift(timedelta(hours=3))
    with wired({**good_answers(), "/crypto/fetch-prices": 500}):
        fetched = fetch_and_store(PAIRS, seconds=2)
    assert not StoredRate.objects.exists()
    assert any(error.startswith("stale: BTC-USD") for error in fetched.errors)


def test_an_older_answer_does_not_replace_a_newer_rate(real_sources):
    store_rates(age=timedelta(), USDC="1.001")
    newest = StoredRate.objects.get(base="USDC").fetched_at
    with wired({**good_answers(), "/crypto/fetch-prices": 500}):
        fetch_and_store(PAIRS, seconds=2)
    assert StoredRate.objects.get(base="USDC").fetched_at == newest


def test_the_breaker_opens_after_three_refreshes_and_the_source_is_not_asked(real_sources):
    with wired({**good_answers(), "/simple/price": 503}) as wire:
        for _ in range(4):
            fetched = fetch_and_store(PAIRS, seconds=2)
    assert sum(request.url.path.endswith("/simple/price") for request in wire.requests) == 3
    assert "coingecko: breaker open" in fetched.errors


def test_a_hanging_source_costs_no_more_than_the_time_limit(real_sources):
    released = threading.Event()

    def hang(_request):
        released.wait(60)
        return 500

    with wired({**good_answers(), "/simple/price": hang}):
        started = time.monotonic()
        fetched = fetch_and_store(PAIRS, seconds=0.3)
        took = time.monotonic() - started
        released.set()
    assert took < 15
    assert "coingecko: too slow" in fetched.errors
    assert quote_of("BTC").source == "fastforex"


def test_all_requests_of_a_round_run_at_once(real_sources):
    together = threading.Barrier(4, timeout=2)  # two batches of coins, one of fiat, one of CoinGecko

    def wait_for_the_others(request):
        together.wait()
        return next(body for path, body in good_answers().items() if request.url.path.endswith(path))

    with wired(dict.fromkeys(good_answers(), wait_for_the_others)):
        assert fetch_and_store(PAIRS, seconds=2).errors == []


def test_nothing_is_fetched_inside_a_transaction():
    with transaction.atomic(), pytest.raises(http.NetworkInsideTransaction):
        fetch_and_store(PAIRS, seconds=1)


def test_what_the_worker_fetches_when_nothing_is_left_is_counted_as_the_last_tier(real_sources):
    before = counting.EMERGENCY_FETCH_SUCCESS.total("BTC")
    with wired(good_answers()):
        refresh_rates()
        refresh_rates()
    assert counting.EMERGENCY_FETCH_SUCCESS.total("BTC") == before + 1


def test_what_open_intents_wait_for_is_asked_first(django_user_model):
    make_intent(django_user_model, "CELL")
    make_intent(django_user_model, "DOGE", expires_in=timedelta(minutes=-1))
    assert pairs_by_need()[0] == ("CELL", "USD")
    assert sorted(pairs_by_need()) == sorted(PAIRS)


def test_money_that_came_and_is_not_valued_yet_is_waited_for_after_its_window(django_user_model):
    intent = make_intent(django_user_model, "DOGE", expires_in=timedelta(minutes=-1))
    deposit = Deposit.objects.create(
        intent=intent,
        provider="sandbox",
        provider_payment_id="p",
        chain="dogecoin",
        asset="DOGE",
        minor=1,
        raw_amount="1",
        first_seen_at=datetime.now(UTC),
    )
    assert waited_for() == [("DOGE", "USD")]
    Deposit.objects.filter(pk=deposit.pk).update(state=DepositState.CONFIRMED)
    assert waited_for() == []


def test_a_request_that_failed_is_not_waited_for(django_user_model):
    make_intent(django_user_model, "CELL", status=IntentStatus.FAILED)
    assert waited_for() == []


def test_the_faster_refresh_asks_only_for_what_somebody_waits_for(real_sources, django_user_model):
    store_rates(age=timedelta(minutes=2))
    make_intent(django_user_model, "DOGE", expires_in=timedelta(days=10_000))
    with wired(good_answers()) as wire:
        refresh_waited_rates()
        refresh_waited_rates()
    assert sorted(str(dict(request.url.params)) for request in wire.requests)[1] == "{'pairs': 'DOGE/USD'}"
    assert len(wire.requests) == 2, "one for each source, and none while the rate is young"
    assert quote_of("DOGE").source == "coingecko+fastforex"
    assert quote_of("BTC").source == "recorded"


def test_the_faster_refresh_asks_nobody_when_nobody_waits(real_sources):
    with wired({}) as wire:
        refresh_waited_rates()
    assert wire.requests == []


def test_the_median_of_four_sources_outvotes_one_that_lies(real_sources, settings):
    settings.RATE_SOURCES = ["fastforex", "coingecko", "kraken", "cryptocompare"]
    with wired({**good_answers(), "/crypto/fetch-prices": scaled_prices("1.2")}):
        fetch_and_store(PAIRS, seconds=2)
    bitcoin = StoredRate.objects.get(base="BTC")
    assert bitcoin.source == "coingecko+cryptocompare+kraken"
    assert Decimal(bitcoin.rate) == Decimal("91248.55")


def test_a_source_that_breaks_its_reader_keeps_no_other_from_being_heard(real_sources, monkeypatch):
    def fetch(_self, _pairs):
        raise ZeroDivisionError

    monkeypatch.setattr(CoinGecko, "fetch", fetch)
    with wired(good_answers()):
        fetched = fetch_and_store(PAIRS, seconds=2)
    assert "coingecko: broken ZeroDivisionError" in fetched.errors
    assert quote_of("BTC").source == "fastforex"
    assert Breaker.objects.get(pk="coingecko").failures == 1


def test_every_judgement_is_kept_with_the_words_of_each_source(real_sources):
    store_rates(age=timedelta(minutes=3))
    with wired({**good_answers(), "/crypto/fetch-prices": scaled_prices("10"), "/simple/price": 500}):
        fetch_and_store(PAIRS, seconds=2)
    refused = RateHistory.objects.get(base="BTC")
    assert (refused.is_accepted, refused.note, refused.rate) == (False, "jump", "")
    assert [claim[:2] for claim in refused.claims] == [["fastforex", "912504.0"]]
    accepted = RateHistory.objects.get(quote="NGN")
    assert (accepted.is_accepted, accepted.note, accepted.source) == (True, "one_source", "fastforex")
    assert RateHistory.objects.get(base="CELL").note == "no_answer"


def test_judgements_are_forgotten_after_thirty_days(real_sources):
    with wired(good_answers()):
        fetch_and_store(PAIRS, seconds=2)
    real_sources.shift(timedelta(days=29))
    clean_up()
    assert RateHistory.objects.count() == len(PAIRS)
    real_sources.shift(timedelta(days=2))
    clean_up()
    assert RateHistory.objects.count() == 0


def test_play_money_needs_no_network():
    refresh_rates()
    assert quote_of("BTC").source == "playmoney"
    assert StoredRate.objects.count() == len(PAIRS)


def test_a_refresh_costs_the_same_queries_whatever_the_number_of_pairs(django_assert_max_num_queries):
    refresh_rates()
    with django_assert_max_num_queries(12):
        refresh.fetch_and_store(PAIRS, seconds=1)
    quotes.forget_all()


def make_intent(users, asset, *, expires_in=timedelta(hours=1), status=IntentStatus.REQUESTED):
    from payments.models import Intent

    now = datetime.now(UTC)
    payer, _ = users.objects.get_or_create(username="bea")
    return Intent.objects.create(
        public_id=f"IN{asset}",
        request_key=asset,
        provider="sandbox",
        purpose="wallet",
        reference="",
        payer=payer,
        price_minor=100,
        pay_asset=asset,
        network="",
        pay_minor=100,
        rate="1",
        rate_source="test",
        rate_at=now,
        expires_at=now + expires_in,
        created_at=now,
        status=status,
    )
