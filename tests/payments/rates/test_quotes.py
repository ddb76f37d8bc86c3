"""A quote is one look into a dictionary, carries its true age, and never prices money when too old (R1, R2, F20)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from structlog.testing import capture_logs

from payments.models import StoredRate
from payments.rates import counting, quotes
from payments.rates.currencies import ALIASES, NAMES, PAIRS, pair_of_name
from payments.rates.errors import RateUnavailable
from payments.rates.quotes import quote_of
from payments.valuation import cost_of, value_of
from tests.payments.rates.wire import store_rates
from wallets.money import Money

pytestmark = pytest.mark.django_db


class SilentDatabase:
    """Stands where the query for rates starts, and fails as a dead server does."""

    def values_list(self, *_fields):
        raise OperationalError("server closed the connection unexpectedly")


class OutsideTransactions:
    """Stands for a connection without the transaction that wraps a test."""

    in_atomic_block = False


def test_the_first_look_up_after_a_restart_reads_all_rates_in_one_query_and_the_next_ones_none():
    store_rates()
    with CaptureQueriesContext(connection) as first:
        assert quote_of("BTC").rate == Decimal("91250.40")
    with CaptureQueriesContext(connection) as later:
        for base, quote in PAIRS:
            quote_of(base, quote)
        for name in NAMES:
            quote_of(*pair_of_name(name))
    assert (len(first), len(later)) == (1, 0)


def test_nineteen_or_more_names_resolve_and_kraken_spellings_mean_the_same_coin():
    store_rates()
    assert len(NAMES) >= 19
    for alias, currency in ALIASES.items():
        assert quote_of(alias).rate == quote_of(currency).rate


def test_a_quote_carries_rate_source_moment_and_tier():
    store_rates(age=timedelta(minutes=1))
    found = quote_of("ETH")
    assert (found.base, found.quote, found.source, found.tier) == ("ETH", "USD", "recorded", "rapid")
    assert found.fetched_at == StoredRate.objects.get(base="ETH").fetched_at


@pytest.mark.parametrize(
    ("age", "tier"),
    [(4.9, "rapid"), (5.1, "main"), (29.9, "main"), (30.1, "fallback"), (119.9, "fallback")],
)
def test_the_tier_is_the_label_of_the_age_in_minutes(age, tier):
    store_rates(age=timedelta(minutes=age))
    assert quote_of("BTC").tier == tier


def test_nothing_older_than_two_hours_prices_money():
    store_rates(age=timedelta(hours=2, seconds=1))
    with pytest.raises(RateUnavailable, match="missing"):
        quote_of("BTC")


def test_a_rate_from_the_future_is_no_fresher_than_one_as_far_in_the_past():
    store_rates(age=timedelta(hours=-3))
    with pytest.raises(RateUnavailable):
        quote_of("BTC")


def test_a_remembered_quote_expires_too(monkeypatch):
    monkeypatch.setattr(quotes, "RE_READ_SECONDS", 10**6)
    with time_machine.travel(datetime(2026, 5, 1, tzinfo=UTC)) as traveller:
        store_rates(age=timedelta(hours=1, minutes=59))
        assert quote_of("BTC").tier == "fallback"
        later = quotes.time.monotonic() + 61
        monkeypatch.setattr(quotes.time, "monotonic", lambda: later)
        traveller.shift(61)
        with pytest.raises(RateUnavailable):
            quote_of("BTC")


def test_reading_again_never_makes_an_old_rate_look_new(monkeypatch):
    monkeypatch.setattr(quotes, "RE_READ_SECONDS", 0)
    store_rates(age=timedelta(minutes=40))
    first, second = quote_of("BTC"), quote_of("BTC")
    assert first.fetched_at == second.fetched_at
    assert second.tier == "fallback"


def test_what_the_worker_stored_is_seen_by_the_next_reading(monkeypatch):
    monkeypatch.setattr(quotes, "RE_READ_SECONDS", 0)
    store_rates()
    quote_of("BTC")
    store_rates(BTC="90000")
    assert quote_of("BTC").rate == 90000


def test_a_caller_may_ask_for_a_fresher_one():
    store_rates(age=timedelta(minutes=10))
    assert quote_of("BTC", max_age=timedelta(minutes=11))
    with pytest.raises(RateUnavailable, match="too_old"):
        quote_of("BTC", max_age=timedelta(minutes=9))


@pytest.mark.parametrize("text", ["0", "-1", "NaN", "Infinity", "abc", ""])
def test_a_stored_text_that_is_no_price_prices_nothing(text):
    store_rates(BTC=text)
    with pytest.raises(RateUnavailable):
        quote_of("BTC")
    assert quote_of("ETH")


def test_a_dollar_is_a_dollar_without_any_source():
    assert quote_of("USD").rate == 1
    assert quote_of("ZUSD", "USD").rate == 1


@pytest.mark.parametrize(("base", "quote"), [("XMR", "USD"), ("BTC", "EUR"), ("", "USD"), ("btc", "USD")])
def test_a_pair_that_nobody_keeps_is_named(base, quote):
    with pytest.raises(RateUnavailable, match="unknown_pair"):
        quote_of(base, quote)


def test_a_silent_database_leaves_what_this_process_knows_as_tier_local(monkeypatch):
    store_rates()
    quote_of("BTC")
    monkeypatch.setattr(quotes, "RE_READ_SECONDS", 0)
    quotes.load_stored()
    monkeypatch.setattr(StoredRate, "objects", SilentDatabase())
    before = counting.LOCAL_FALLBACK.total("BTC")
    monkeypatch.setattr(quotes, "connection", OutsideTransactions)
    assert quote_of("BTC").tier == "local"
    assert counting.LOCAL_FALLBACK.total("BTC") == before + 1


def test_a_silent_database_and_an_empty_memory_price_nothing(monkeypatch):
    monkeypatch.setattr(StoredRate, "objects", SilentDatabase())
    monkeypatch.setattr(quotes, "connection", OutsideTransactions)
    with pytest.raises(RateUnavailable):
        quote_of("BTC")


def test_inside_a_transaction_a_database_error_is_not_papered_over(monkeypatch):
    store_rates()
    quotes.load_stored()
    quotes._known["BTC", "USD"] = (quotes._known["BTC", "USD"][0], 0)
    monkeypatch.setattr(StoredRate, "objects", SilentDatabase())
    with transaction.atomic(), pytest.raises(OperationalError):
        quote_of("BTC")


def test_a_hundred_look_ups_of_a_missing_rate_cost_one_query_and_a_refresh_ends_the_wait(monkeypatch):
    monkeypatch.setattr(quotes, "_MISSING_SECONDS", 60.0)  # however slow this machine is
    with CaptureQueriesContext(connection) as queries:
        for _ in range(100):
            with pytest.raises(RateUnavailable):
                quote_of("BTC")
    assert len(queries) == 1
    store_rates()
    quotes.load_stored()
    assert quote_of("BTC")


def test_hits_are_counted_by_currency_and_tier_and_reported_in_one_line():
    store_rates()
    quote_of("SOL")
    before = counting.CACHE_HIT.total("SOL", "rapid")
    for _ in range(5):
        quote_of("SOL")
    assert counting.CACHE_HIT.total("SOL", "rapid") == before + 5
    with capture_logs() as logs:
        counting.report_hits()
    lines = [line for line in logs if line["event"] == "WEBHOOK_RATE_METRIC" and line["currency"] == "SOL"]
    assert [(line["metric"], line["count"] >= 5) for line in lines] == [("cache_hit", True)]


def test_a_miss_is_counted_and_logged_under_its_stable_names():
    misses, failures = counting.CACHE_MISS.total("BNB"), counting.ALL_FAILED.total("BNB")
    with capture_logs() as logs, pytest.raises(RateUnavailable):
        quote_of("BNB")
    assert (counting.CACHE_MISS.total("BNB"), counting.ALL_FAILED.total("BNB")) == (misses + 1, failures + 1)
    # Another currency's hits may be reported in between: that report goes by the clock.
    lines = [{k: v for k, v in line.items() if k != "log_level"} for line in logs if line["currency"] == "BNB"]
    assert lines == [
        {"event": "WEBHOOK_CACHE_MISS", "currency": "BNB", "reason": "missing"},
        {"event": "WEBHOOK_RATE_METRIC", "metric": "all_failed", "currency": "BNB", "count": 1},
    ]


def test_a_fiat_currency_is_priced_in_dollars_by_the_stored_rate_turned_round():
    store_rates()
    naira = quote_of("NGN", "USD")
    dollar = quote_of("USD", "NGN")
    assert (naira.base, naira.quote, naira.source, naira.fetched_at) == ("NGN", "USD", "recorded", dollar.fetched_at)
    assert 1 / dollar.rate <= naira.rate < 1 / dollar.rate + Decimal("1e-20")
    assert len(format(naira.rate, "f")) <= 40  # what an intent can keep
    assert cost_of(Money(100_00, "USD"), naira.rate, "NGN").minor == 100_00 * dollar.rate
    assert value_of(Money(int(100_00 * dollar.rate), "NGN"), naira.rate, "USD") == Money(100_00, "USD")


def test_only_fiat_currencies_are_turned_round():
    store_rates()
    with pytest.raises(RateUnavailable, match="unknown_pair"):
        quote_of("USD", "BTC")
