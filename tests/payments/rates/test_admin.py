"""The desk sees how fresh each rate is, whom nobody asks, and what was judged; nobody can change any of it."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from payments import breaker
from payments.models import RateHistory, StoredRate
from payments.rates.currencies import PAIRS
from payments.rates.refresh import fetch_and_store
from tests.payments.rates.wire import RECORDED_AT, good_answers, scaled_prices, store_rates, wired

pytestmark = pytest.mark.django_db
RATES = "/admin/payments/storedrate/"
HISTORY = "/admin/payments/ratehistory/"


@pytest.fixture
def desk(django_user_model):
    client = Client()
    client.force_login(django_user_model.objects.create_superuser(username="owner", password="x"))
    return client


@pytest.fixture
def a_bad_hour(settings):
    settings.RATE_SOURCES = ["fastforex", "coingecko", "kraken", "cryptocompare"]
    with time_machine.travel(RECORDED_AT + timedelta(seconds=30), tick=True):
        store_rates(age=timedelta(minutes=3))
        StoredRate.objects.filter(base="CELL").delete()
        StoredRate.objects.filter(base="SOL").update(fetched_at=RECORDED_AT - timedelta(hours=5))
        with wired({**good_answers(), "/crypto/fetch-prices": scaled_prices("10"), "/simple/price": 503}):
            for _ in range(3):
                fetch_and_store(PAIRS[:6], seconds=2)
        yield


def test_each_pair_shows_tier_age_source_and_its_last_judgement(desk, a_bad_hour):
    page = desk.get(RATES).content.decode()
    for words in ("BTC-USD", "rapid", "cryptocompare+kraken", "median", "too old", "min "):
        assert words in page
    assert "Pairs without any rate: CELL-USD" in " ".join(page.split())


def test_a_source_whose_breaker_is_open_is_named_with_its_failures(desk, a_bad_hour):
    page = desk.get(RATES).content.decode()
    assert page.index("coingecko") < page.index("breaker open")
    assert "10:31:30" in page
    breaker.record_success("coingecko")
    assert "breaker open" not in desk.get(RATES).content.decode()


def test_history_shows_what_every_source_said_and_why_it_was_refused(desk, a_bad_hour):
    with wired(dict.fromkeys(good_answers(), 500)):
        fetch_and_store([("ETH", "USD")], seconds=1)
    page = desk.get(HISTORY).content.decode()
    assert "fastforex 912504.0" in page
    assert "refused: no answer" in page
    assert "BTC-USD" not in desk.get(HISTORY, {"is_accepted__exact": "0"}).content.decode()


def test_the_page_costs_the_same_queries_whatever_was_judged(desk, a_bad_hour):
    desk.get(RATES)
    with CaptureQueriesContext(connection) as few:
        desk.get(RATES)
    with wired(good_answers()):
        fetch_and_store(PAIRS, seconds=2)
    with CaptureQueriesContext(connection) as many:
        desk.get(RATES)
    assert len(many) <= len(few)


@pytest.mark.parametrize("page", [RATES, HISTORY])
def test_nothing_can_be_typed(desk, a_bad_hour, page):
    pk = (StoredRate if page == RATES else RateHistory).objects.values_list("pk", flat=True)[0]
    assert desk.get(f"{page}add/").status_code == 403
    assert desk.post(f"{page}{pk}/change/", {"rate": "1"}).status_code == 403
    assert desk.post(f"{page}{pk}/delete/", {"post": "yes"}).status_code == 403


def test_both_pages_are_in_the_sidebar(desk):
    page = desk.get("/admin/").content.decode()
    assert RATES in page
    assert HISTORY in page
