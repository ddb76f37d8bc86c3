"""What /price shows: fetched outside any transaction, plausible or not stored, and never a source of money's rates."""

import json
import threading
import time
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from lockbay import http
from payments import breaker
from payments.errors import ProviderError
from payments.models import Breaker, StoredMarket, StoredRate
from payments.rates import market, quotes
from payments.rates.errors import RateUnavailable
from payments.rates.futures.binance import BinanceFutures
from payments.rates.futures.bybit import Bybit
from payments.rates.sources import SOURCES
from tests.payments.rates.wire import RECORDED_AT, recorded, store_rates, wired

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_was_asked():
    market.forget_asking()
    yield
    market.forget_asking()


@pytest.fixture
def real_sources(settings):
    settings.RATE_SOURCES = ["coingecko", "kraken"]
    settings.PRICE_FUTURES = True
    with time_machine.travel(RECORDED_AT + timedelta(seconds=30), tick=True) as traveller:
        yield traveller


def market_answers():
    return {
        "/simple/price": recorded("coingecko/simple_price__market"),
        "/0/public/Ticker": recorded("kraken/ticker__all"),
        "/futures/data/openInterestHist": recorded("binance/open_interest_hist"),
        "/fapi/v1/premiumIndex": recorded("binance/premium_index"),
        "/fapi/v1/fundingRate": recorded("binance/funding_rate"),
        "/v5/market/tickers": recorded("bybit/tickers"),
        "/v5/market/open-interest": recorded("bybit/open_interest"),
    }


def ask(text="BTC"):
    plan = market.plan_fetch(text)
    if plan is not None:
        market.store(plan, market.fetch(plan))
    return market.report_of(*market.pair_of_text(text))


def test_price_day_and_volume_come_from_the_market(real_sources):
    with wired(market_answers()):
        report = ask()
    assert (round(report.price, 4), report.source) == (Decimal("91245.5117"), "coingecko+kraken")
    assert (report.change_24h.quantize(Decimal("0.01")), report.volume_24h) == (
        Decimal("-1.41"),
        Decimal("29000000000.5"),
    )
    assert report.fetched_at == RECORDED_AT


def test_kraken_alone_gives_price_and_volume_but_no_change(real_sources):
    with wired({**market_answers(), "/simple/price": 429}):
        report = ask()
    assert (report.price, report.change_24h) == (Decimal("91250.9"), None)
    assert report.volume_24h == Decimal("3400.2") * Decimal("90950.0")


def test_futures_come_from_binance_with_what_a_year_of_funding_costs(real_sources):
    with wired(market_answers()):
        futures = ask().futures
    figures = futures.figures
    assert futures.source == "binance"
    assert figures.open_interest == 80960 * 91250
    assert figures.change_15m.quantize(Decimal("0.0001")) == Decimal("0.0124")
    assert figures.change_24h == Decimal("1.2")
    assert (figures.funding_rate, figures.funding_hours) == (Decimal("0.0001"), 8)
    assert figures.yearly_cost == Decimal("10.95")


@pytest.mark.parametrize("refusal", [451, 403, http.TimeoutException("slow"), b"<html>"])
def test_where_binance_is_refused_bybit_answers(real_sources, refusal):
    binance = dict.fromkeys([path for path in market_answers() if "fapi" in path or "futures" in path], refusal)
    with wired({**market_answers(), **binance}):
        futures = ask().futures
    assert (futures.source, futures.figures.open_interest) == ("bybit", Decimal("4653795625.00"))
    assert futures.figures.yearly_cost == Decimal("-5.475")


def test_futures_are_asked_for_only_when_they_are_switched_on(real_sources, settings):
    settings.PRICE_FUTURES = False
    with wired(market_answers()) as wire:
        assert ask().futures is None
    assert {request.url.host for request in wire.requests} == {"api.coingecko.com", "api.kraken.com"}


def test_a_coin_without_futures_is_not_asked_for_there(real_sources):
    with wired(market_answers()) as wire:
        assert ask("CELL").futures is None
    assert not any("binance" in request.url.host for request in wire.requests)


@pytest.mark.parametrize(
    ("source", "path", "answer"),
    [
        (BinanceFutures(), "openInterestHist", b"[]"),
        (BinanceFutures(), "openInterestHist", b"[1]"),
        (BinanceFutures(), "openInterestHist", b'[{"sumOpenInterest":"1"}]'),
        (BinanceFutures(), "premiumIndex", b'{"symbol":"ETHUSDT"}'),
        (BinanceFutures(), "premiumIndex", b'{"symbol":"BTCUSDT","lastFundingRate":"NaN"}'),
        (BinanceFutures(), "fundingRate", b'[{"fundingTime":1}]'),
        (BinanceFutures(), "fundingRate", recorded("binance/invalid_symbol")),
        (BinanceFutures(), "fundingRate", b'[{"fundingTime":1},{"fundingTime":1e999999999}]'),
        (BinanceFutures(), "premiumIndex", b'{"symbol":"BTCUSDT","lastFundingRate":"1e99"}'),
        (Bybit(), "tickers", recorded("bybit/invalid_symbol")),
        (Bybit(), "tickers", b'{"retCode":0,"result":{"list":[]}}'),
        (Bybit(), "tickers", b'{"retCode":0,"result":{"list":[{"symbol":"ETHUSDT"}]}}'),
        (Bybit(), "open-interest", b'{"retCode":0,"result":{"list":[{"openInterest":"0"}]}}'),
    ],
)
def test_futures_in_another_shape_are_not_believed(source, path, answer):
    answers = {name: answer if name.endswith(path) else body for name, body in market_answers().items()}
    with wired(answers), pytest.raises(ProviderError):
        source.fetch("BTC")


def test_many_who_ask_cost_one_request_a_minute(real_sources, monkeypatch):
    with wired(market_answers()) as wire:
        for text in ("ETH", "LTC", "ETH-USDT", "CELL"):
            ask(text)
        assert sum("coingecko" in request.url.host for request in wire.requests) == 1
        later = time.monotonic() + 61
        monkeypatch.setattr(market.time, "monotonic", lambda: later)
        ask("ETH")
    assert sum("coingecko" in request.url.host for request in wire.requests) == 2


def test_a_market_that_is_down_leaves_the_stored_rate_and_money_s_breakers_alone(real_sources):
    store_rates(age=timedelta(minutes=7))
    with wired(dict.fromkeys(market_answers(), 500)):
        for _ in range(4):
            market.forget_asking()
            report = ask()
    assert (report.price, report.source, report.change_24h) == (Decimal("91250.40"), "recorded", None)
    assert set(Breaker.objects.values_list("pk", flat=True)) >= {"spot:coingecko", "spot:kraken"}
    assert breaker.may_ask("coingecko")
    market.forget_asking()
    with wired(market_answers()) as wire:
        ask()
    assert wire.requests == [], "their own breakers are open"


def test_what_the_market_says_never_becomes_a_rate_of_money(real_sources):
    with wired(market_answers()):
        ask()
    assert not StoredRate.objects.exists()
    with pytest.raises(RateUnavailable):
        quotes.quote_of("BTC")


@pytest.mark.parametrize("price", [0, -5, 912404, "NaN"])
def test_an_absurd_price_is_not_shown(real_sources, price):
    store_rates(age=timedelta(minutes=7))
    coins = json.loads(recorded("coingecko/simple_price__market"))
    coins["bitcoin"]["usd"] = price
    with wired({**market_answers(), "/simple/price": json.dumps(coins).encode(), "/0/public/Ticker": 500}):
        assert ask().price == Decimal("91250.40")


@pytest.mark.parametrize("figure", ["1e999999999", "NaN", "-1e20"])
def test_a_figure_of_absurd_size_is_left_out(real_sources, figure):
    body = (
        f'{{"bitcoin":{{"usd":91240,"usd_24h_change":{figure},"usd_24h_vol":{figure},"last_updated_at":1768473000}}}}'
    )
    with wired({**market_answers(), "/simple/price": body.encode(), "/0/public/Ticker": 500}):
        report = ask()
    assert (report.price, report.change_24h, report.volume_24h) == (Decimal(91240), None, None)


def test_a_hanging_source_costs_no_more_than_the_budget(real_sources, monkeypatch):
    monkeypatch.setattr(market, "BUDGET_SECONDS", 0.3)
    released = threading.Event()

    def hang(_request):
        released.wait(60)
        return 500

    with wired({**market_answers(), "/simple/price": hang}):
        started = time.monotonic()
        report = ask()
        took = time.monotonic() - started
        released.set()
    assert took < 15
    assert report.source == "kraken"


def test_fetching_needs_no_database_and_refuses_a_transaction(real_sources):
    plan = market.plan_fetch("BTC")
    with wired(market_answers()), CaptureQueriesContext(connection) as queries:
        market.fetch(plan)
    assert len(queries) == 0
    with transaction.atomic(), pytest.raises(http.NetworkInsideTransaction):
        market.fetch(plan)


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("BTC", ("BTC", "USD")),
        (" btc ", ("BTC", "USD")),
        ("XXBT", ("BTC", "USD")),
        ("BTC-USDT", ("BTC", "USDT")),
        ("btc/eur", ("BTC", "EUR")),
        ("eth ngn", ("ETH", "NGN")),
        ("USDT-TRC20", ("USDT", "USD")),
        ("NGN", ("NGN", "USD")),
    ],
)
def test_a_pair_is_read_however_it_is_written(text, pair):
    assert market.pair_of_text(text) == pair


@pytest.mark.parametrize("text", ["", "XMR", "BTC-", "-BTC", "BTC-XMR", "BTC-USD-EUR", "BTC " * 20, "🙂", "0"])
def test_what_is_no_pair_is_named_and_asks_nobody(text):
    with pytest.raises(RateUnavailable, match="unknown_pair"):
        market.pair_of_text(text)
    assert market.plan_fetch(text) is None


@pytest.mark.parametrize(
    ("pair", "price"), [(("BTC", "USDT"), "91250.40"), (("BTC", "ETH"), "29.24"), (("BTC", "NGN"), "130720760.52")]
)
def test_one_currency_is_priced_in_another_through_the_dollar(pair, price):
    store_rates()
    assert market.report_of(*pair).price.quantize(Decimal("0.01")) == Decimal(price)


def test_the_day_of_a_pair_is_the_day_of_both():
    store_rates()
    for coin, change in (("BTC", "10"), ("ETH", "-10")):
        StoredMarket.objects.create(
            coin=coin,
            kind="spot",
            figures={"price": "100", "change_24h": change, "volume_24h": None},
            source="x",
            fetched_at=quotes.quote_of("BTC").fetched_at + timedelta(seconds=1),
        )
    assert market.report_of("BTC", "ETH").change_24h.quantize(Decimal("0.01")) == Decimal("22.22")


def test_a_newer_rate_of_money_beats_an_older_price_of_the_market_and_two_hours_are_too_old(real_sources):
    with wired(market_answers()):
        ask()
    real_sources.shift(timedelta(minutes=10))
    store_rates(BTC="90000")
    quotes.forget_all()
    report = market.report_of("BTC")
    assert (report.price, report.source) == (Decimal(90000), "recorded")
    assert report.change_24h.quantize(Decimal("0.01")) == Decimal("-1.41")
    real_sources.shift(timedelta(hours=3))
    quotes.forget_all()
    with pytest.raises(RateUnavailable):
        market.report_of("BTC")


def test_play_money_answers_without_a_network(settings):
    settings.PRICE_FUTURES = True
    report = ask("BTC")
    assert (report.price, report.source) == (Decimal("91250.40"), "playmoney")
    assert report.change_24h.quantize(Decimal("0.01")) == Decimal("1.25")
    assert report.futures.source == "playmoney"


@pytest.mark.parametrize("name", ["coingecko", "kraken"])
@pytest.mark.parametrize("answer", [b"[]", b'{"bitcoin": 5, "error": ["x"]}', 500])
def test_a_bad_market_answer_is_trouble_of_the_source(name, answer):
    with wired(dict.fromkeys(market_answers(), answer)), pytest.raises(ProviderError):
        SOURCES[name].fetch_market(["BTC"])
