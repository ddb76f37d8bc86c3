"""Each source behind the one contract, on recorded answers."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from lockbay import http
from payments.errors import ProviderError, Rejected, Unavailable, Unintelligible
from payments.rates.currencies import PAIRS
from payments.rates.sources import SOURCES
from tests.payments.rates.wire import RECORDED_AT, good_answers, recorded, wired

NETWORKED = ("fastforex", "coingecko", "kraken", "cryptocompare")


def fetch_all(source, answers):
    found = {}
    with wired(answers) as wire:
        for batch in source.batches(PAIRS):
            found.update(source.fetch(batch))
    return found, wire.requests


@pytest.mark.parametrize("name", list(SOURCES))
def test_a_source_answers_every_pair_it_puts_in_its_batches_with_an_exact_decimal(name):
    source = SOURCES[name]
    found, _ = fetch_all(source, good_answers())
    assert set(found) == {pair for batch in source.batches(PAIRS) for pair in batch}
    assert all(type(answer.rate) is Decimal and answer.rate > 0 for answer in found.values())


def test_all_pairs_but_one_have_three_networked_sources_or_more():
    asked = [pair for name in NETWORKED for batch in SOURCES[name].batches(PAIRS) for pair in batch]
    few = {f"{base}-{quote}": asked.count((base, quote)) for base, quote in PAIRS if asked.count((base, quote)) < 4}
    assert few == {"CELL-USD": 1, "USD-NGN": 3}


def test_no_source_is_asked_for_more_pairs_than_it_takes_at_once():
    assert max(len(batch) for batch in SOURCES["fastforex"].batches(PAIRS)) <= 10
    assert [SOURCES[name].batches([]) for name in NETWORKED] == [[]] * len(NETWORKED)


def test_fastforex_keeps_its_key_out_of_the_address_and_reads_the_age_of_fiat(settings):
    settings.FASTFOREX_API_KEY = "ff-key"
    found, requests = fetch_all(SOURCES["fastforex"], good_answers())
    assert all(r.headers["X-API-KEY"] == "ff-key" and "ff-key" not in str(r.url) for r in requests)
    assert found["USD", "NGN"].rate == Decimal("1432.55")
    assert found["USD", "NGN"].updated_at == RECORDED_AT
    assert found["BTC", "USD"].updated_at is None


def test_coingecko_asks_once_by_id_and_keeps_every_digit():
    found, requests = fetch_all(SOURCES["coingecko"], good_answers())
    assert len(requests) == 1
    assert "symbols" not in requests[0].url.params
    assert found["BTC", "USD"].rate == Decimal("91240.12345678901")
    assert found["BTC", "USD"].updated_at == datetime.fromtimestamp(1768473000, UTC)
    assert found["USD", "NGN"].rate.quantize(Decimal("0.01")) == Decimal("1432.55")


@pytest.mark.parametrize(
    ("url", "header"),
    [
        ("https://api.coingecko.com/api/v3", "x-cg-demo-api-key"),
        ("https://pro-api.coingecko.com/api/v3", "x-cg-pro-api-key"),
    ],
)
def test_coingecko_sends_its_key_in_the_header_of_its_host(settings, url, header):
    settings.COINGECKO_API_URL, settings.COINGECKO_API_KEY = url, "cg-key"
    _, requests = fetch_all(SOURCES["coingecko"], good_answers())
    assert requests[0].headers[header] == "cg-key"


def test_a_coin_that_is_absent_from_a_good_answer_is_left_out():
    found, _ = fetch_all(SOURCES["coingecko"], {"/simple/price": b"{}"})
    assert found == {}


@pytest.mark.parametrize("name", NETWORKED)
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (401, Rejected),
        (403, Rejected),
        (429, Unavailable),
        (500, Unavailable),
        (302, Unavailable),
        (http.TimeoutException("slow"), Unavailable),
        (b"<html>", Unintelligible),
        (b"[]", Unintelligible),
        (b"[" * 100_000, Unintelligible),
        (b'{"prices": {"BTC/USD": "nonsense"}, "bitcoin": {"usd": "nonsense", "last_updated_at": 1}}', Unintelligible),
        (b'{"prices": {"BTC/USD": null}, "bitcoin": {"usd": [], "last_updated_at": 1}}', Unintelligible),
        (b'{"prices": 7, "bitcoin": {"usd": 7, "last_updated_at": "x"}}', Unintelligible),
    ],
)
def test_a_bad_answer_is_one_of_three_kinds_of_trouble(name, answer, error):
    with wired(dict.fromkeys(good_answers(), answer)), pytest.raises(error) as caught:
        SOURCES[name].fetch([("BTC", "USD")])
    assert isinstance(caught.value, ProviderError)
    assert caught.value.provider == name


@pytest.mark.parametrize(
    ("name", "fixture", "error"),
    [
        ("kraken", "ticker__unknown_pair", Rejected),
        ("kraken", "ticker__rate_limit", Unavailable),
        ("cryptocompare", "pricemultifull__error", Rejected),
        ("cryptocompare", "pricemultifull__rate_limit", Unavailable),
    ],
)
def test_an_error_inside_a_good_status_is_an_error(name, fixture, error):
    with wired(dict.fromkeys(good_answers(), recorded(f"{name}/{fixture}"))), pytest.raises(error) as caught:
        SOURCES[name].fetch([("BTC", "USD")])
    assert caught.value.detail


def test_kraken_is_asked_by_its_names_and_answers_under_others():
    found, requests = fetch_all(SOURCES["kraken"], good_answers())
    assert "XBTUSD" in requests[0].url.params["pair"]
    assert "XDGUSD" in requests[0].url.params["pair"]
    assert found["BTC", "USD"].rate == Decimal("91250.9")
    assert found["DOGE", "USD"].rate == Decimal("0.14255")
    assert found["USD", "EUR"].rate.quantize(Decimal("0.0001")) == Decimal("0.8621"), "euros in dollars, turned round"
    assert ("USD", "NGN") not in found


def test_a_pair_that_nobody_traded_on_kraken_in_a_day_is_no_answer():
    ticker = json.loads(recorded("kraken/ticker__all"))
    ticker["result"]["XXBTZUSD"]["t"][1] = 0
    found, _ = fetch_all(SOURCES["kraken"], {"/0/public/Ticker": json.dumps(ticker).encode()})
    assert ("BTC", "USD") not in found
    assert ("ETH", "USD") in found


@pytest.mark.parametrize("price", ["0", "NaN", "-1"])
def test_a_fiat_price_of_kraken_that_is_none_comes_through_as_what_judging_refuses(price):
    ticker = json.loads(recorded("kraken/ticker__all"))
    ticker["result"]["ZEURZUSD"]["c"][0] = price
    found, _ = fetch_all(SOURCES["kraken"], {"/0/public/Ticker": json.dumps(ticker).encode()})
    assert found["USD", "EUR"].rate.is_nan()


@pytest.mark.parametrize("name", ["coingecko", "cryptocompare"])
@pytest.mark.parametrize("moment", ["1e999999999", "-1", "0", "NaN", "null", '"soon"', "[]"])
def test_a_moment_that_only_an_attacker_would_send_is_refused_at_once(name, moment):
    body = (
        f'{{"bitcoin": {{"usd": 7, "last_updated_at": {moment}}},'
        f' "RAW": {{"BTC": {{"USD": {{"PRICE": 7, "LASTUPDATE": {moment}}}}}}}}}'
    )
    with wired(dict.fromkeys(good_answers(), body.encode())), pytest.raises(Unintelligible):
        SOURCES[name].fetch([("BTC", "USD")])


@pytest.mark.parametrize("ticker", [{"XXBTZUSD": 5}, {"XXBTZUSD": {"t": [1]}}, {"XXBTZUSD": {"t": [1, 1], "c": []}}])
def test_a_ticker_of_kraken_in_another_shape_is_not_believed(ticker):
    body = json.dumps({"error": [], "result": ticker}).encode()
    with wired({"/0/public/Ticker": body}), pytest.raises(Unintelligible):
        SOURCES["kraken"].fetch([("BTC", "USD")])


def test_cryptocompare_keeps_its_key_out_of_the_address_and_says_how_old_a_price_is(settings):
    settings.CRYPTOCOMPARE_API_KEY = "cc-key"
    found, requests = fetch_all(SOURCES["cryptocompare"], good_answers())
    assert all(r.headers["Authorization"] == "Apikey cc-key" and "cc-key" not in str(r.url) for r in requests)
    assert found["BTC", "USD"].updated_at == RECORDED_AT
    assert found["USD", "NGN"].rate == Decimal("1431.9")


@pytest.mark.parametrize("raw", [{"BTC": 5}, {"BTC": {"USD": 5}}, {"BTC": {"USD": {"PRICE": 7, "LASTUPDATE": "x"}}}])
def test_a_price_of_cryptocompare_in_another_shape_is_not_believed(raw):
    with wired({"/pricemultifull": json.dumps({"RAW": raw}).encode()}), pytest.raises(Unintelligible):
        SOURCES["cryptocompare"].fetch([("BTC", "USD")])


def test_fastforex_in_another_base_is_not_believed():
    with wired({"/fetch-multi": recorded("fastforex/fetch_multi__other_base")}), pytest.raises(Unintelligible):
        SOURCES["fastforex"].fetch([("USD", "NGN")])


@pytest.mark.parametrize("updated", ['"2026-01-15T10:30:00"', '"soon"', "null", "5"])
def test_fastforex_without_a_moment_is_not_believed(updated):
    body = f'{{"base":"USD","results":{{"NGN":1432.55}},"updated":{updated}}}'.encode()
    with wired({"/fetch-multi": body}), pytest.raises(Unintelligible):
        SOURCES["fastforex"].fetch([("USD", "NGN")])


def test_nan_in_an_answer_comes_through_as_what_judging_refuses():
    with wired({"/fetch-prices": b'{"prices": {"BTC/USD": NaN}}'}):
        assert SOURCES["fastforex"].fetch([("BTC", "USD")])["BTC", "USD"].rate.is_nan()
