"""A process knows the rates before it takes its first event, and a failed prewarm never stops a start (R3, F20)."""

import re
import threading
from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from structlog.testing import capture_logs

from lockbay import clock, http
from payments import health
from payments.models import StoredRate
from payments.rates import prewarm as prewarming
from payments.rates.currencies import NAMES, PAIRS
from payments.rates.prewarm import prewarm
from payments.rates.quotes import quote_of
from payments.rates.refresh import fetch_and_store
from tests.payments.rates.wire import RECORDED_AT, good_answers, store_rates, wired

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_prewarmed(monkeypatch):
    monkeypatch.setattr(prewarming, "_last", None)


@pytest.fixture
def real_sources(settings):
    settings.RATE_SOURCES = ["fastforex", "coingecko"]
    with time_machine.travel(RECORDED_AT + timedelta(seconds=30), tick=True) as traveller:
        yield traveller


def test_after_it_every_name_is_answered_without_a_query(real_sources):
    with wired(good_answers()):
        result = prewarm("web")
    assert result.is_complete
    assert result.cached == len(NAMES) >= 19
    with CaptureQueriesContext(connection) as queries:
        assert quote_of("XXBT").tier == "rapid"
    assert len(queries) == 0


def test_it_says_so_in_one_line_with_stable_words_and_fields():
    with capture_logs() as logs:
        prewarm("bot")
    line = next(line for line in logs if line.get("code") == "STARTUP_PREWARM_COMPLETE")
    wanted = rf"STARTUP_PREWARM_COMPLETE: {len(NAMES)}/{len(NAMES)} rates cached in \d+\.\d\ds \(Errors: 0\)"
    assert re.fullmatch(wanted, line["event"])
    assert (line["process"], line["cached"], line["names"], line["errors"]) == ("bot", len(NAMES), len(NAMES), [])


def test_a_process_that_finds_fresh_rates_does_not_ask_again(real_sources):
    store_rates(age=timedelta(minutes=4))
    with wired(dict.fromkeys(good_answers(), 500)) as wire:
        assert prewarm("bot").is_complete
    assert wire.requests == []


def test_rate_sources_that_are_down_neither_crash_nor_hang_a_start(real_sources, settings):
    settings.RATE_PREWARM_SECONDS = 0.3
    released = threading.Event()

    def hang(_request):
        released.wait(60)
        return 500

    with wired(dict.fromkeys(good_answers(), hang)):
        result = prewarm("web")
        released.set()
    assert result.cached == 0
    assert result.seconds < 15
    assert not health.check_rates().ok


def test_a_silent_database_does_not_crash_a_start(monkeypatch):
    def fail():
        raise OperationalError("no such host")

    monkeypatch.setattr("payments.rates.quotes.load_stored", fail)
    result = prewarm("web")
    assert (result.cached, result.errors) == (0, ("OperationalError",))


def test_stored_rates_serve_while_the_sources_are_down_and_health_is_red_until_a_refresh(real_sources):
    store_rates(age=timedelta(minutes=20))
    with wired(dict.fromkeys(good_answers(), http.TimeoutException("slow"))):
        result = prewarm("web")
    assert result.cached == len(NAMES)
    assert not result.is_complete
    assert quote_of("BTC").tier == "main"
    assert not health.check_rates().ok
    real_sources.shift(60)
    store_rates()
    assert health.check_rates().ok


def test_health_names_every_rate_that_is_missing_or_old():
    assert "15 of 15 missing: BTC-USD, ETH-USD" in health.check_rates().detail
    store_rates(age=timedelta(minutes=1))
    assert health.check_rates() == health.Result(True, "15 pairs, oldest is 1 min old")
    old = clock.real_now() - timedelta(minutes=31)
    StoredRate.objects.filter(base__in=["SOL", "USD"]).update(fetched_at=old)
    StoredRate.objects.filter(base="CELL").delete()
    found = health.check_rates()
    assert not found.ok
    assert found.detail == (
        "1 of 15 missing: CELL-USD; "
        "4 of 15 stale: SOL-USD (31 min), USD-NGN (31 min), USD-EUR (31 min), USD-GBP (31 min)"
    )


def test_health_says_why_rates_are_missing(real_sources):
    with wired(dict.fromkeys(good_answers(), 503)):
        prewarm("web")
        fetch_and_store(PAIRS, seconds=2)
        fetch_and_store(PAIRS, seconds=2)
    detail = health.check_rates().detail
    assert "prewarm: 0/" in detail
    assert "fastforex: Unavailable status 503" in detail
    assert detail.endswith("breaker open: coingecko, fastforex")
