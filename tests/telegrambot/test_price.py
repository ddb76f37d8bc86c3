"""/price and a typed pair are answered with price, day, source and age; the network is asked before, not meanwhile."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine

from lockbay import http
from payments.models import StoredMarket
from payments.rates import market
from telegrambot.commands import COMMANDS
from telegrambot.handlers import price
from telegrambot.handlers.price import is_price_question, price_text
from telegrambot.rendering import render_screen
from telegrambot.turn import Turn
from tests import cast
from tests.payments.rates.wire import RECORDED_AT, recorded, store_rates, wired
from tests.telegrambot.house import House

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nobody_was_asked():
    market.forget_asking()
    yield
    market.forget_asking()


def test_a_price_with_its_day_its_source_and_its_age(house: House) -> None:
    text = house.says("bea", "/price BTC")["text"]
    assert "BTC / USD" in text
    assert "91,250.40 USD" in text
    assert "🟢 +1.25 % in 24 hours" in text
    assert "Volume in 24 hours: 1,000,000 USD" in text
    assert "just now · playmoney" in text
    assert "Funding" not in text


def test_a_pair_may_be_typed_without_a_command(house: House) -> None:
    assert "BTC / USDT" in house.says("bea", "BTC-USDT")["text"]
    assert "ETH / NGN" in house.says("bea", "eth/ngn")["text"]
    assert "SOL / USDC" in house.says("bea", "/price sol-usdc")["text"]


def test_futures_are_shown_when_they_are_switched_on(settings) -> None:
    settings.PRICE_FUTURES = True
    text = ask("ETH")
    assert "Open interest: 7,500,000,000 USD" in text
    assert "🟢 +0.40 % in 15 minutes · 🔴 -2.10 % in 24 hours" in text
    assert "Funding: +0.0100 % every 8 h, +10.95 % in a year · playmoney" in text


@pytest.mark.parametrize("typed", ["", "XMR", "<b>", "BTC-XMR", "🙂"])
def test_what_nobody_keeps_is_answered_with_what_there_is(typed: str) -> None:
    text = ask(typed)
    assert "/price BTC" in text
    assert "DOGE" in text


def test_without_any_young_price_it_says_so(settings) -> None:
    settings.RATE_SOURCES = ["coingecko"]
    with wired({"/simple/price": http.TimeoutException("slow")}) as wire:
        assert "young enough" in ask("BTC")
    assert len(wire.requests) == 1


def test_when_the_market_is_down_the_stored_rate_answers_with_its_age(settings) -> None:
    settings.RATE_SOURCES = ["coingecko"]
    store_rates(age=timedelta(minutes=12))
    with wired({"/simple/price": 500}):
        text = ask("BTC")
    assert "91,250.40 USD" in text
    assert "12 minutes ago · recorded" in text
    assert "24 hours" not in text


def test_the_market_is_asked_outside_every_transaction_and_then_stored(settings) -> None:
    settings.RATE_SOURCES = ["coingecko"]
    wire = {"/simple/price": recorded("coingecko/simple_price__market")}
    with time_machine.travel(RECORDED_AT + timedelta(seconds=90), tick=True), wired(wire):
        text = ask("BTC")
    assert "91,240.12 USD" in text
    assert "🔴 -1.41 % in 24 hours" in text
    assert "1 minute ago · coingecko" in text
    assert StoredMarket.objects.get(coin="BTC").source == "coingecko"


def test_the_published_command_fetches_before_it_shows() -> None:
    command = next(command for command in COMMANDS if command.name == "price")
    assert (command.flow, command.before) == (price.show_price, price.fetch_prices)


@pytest.mark.parametrize("text", ["BTC", "hello", "ES-123456", "BTC-XMR", "a-b", "", "BTC-USD please", "10-20"])
def test_other_texts_are_no_questions_for_a_price(text: str) -> None:
    assert not is_price_question(text)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("91250.4", "91,250.40"),
        ("1000", "1,000.00"),
        ("905.156789", "905.157"),
        ("84.3", "84.30"),
        ("1", "1.00"),
        ("0.19301234", "0.193012"),
        ("0.0000123456", "0.0000123456"),
        ("130720760.52", "130,720,760.52"),
    ],
)
def test_a_price_shows_the_digits_that_say_something(number: str, text: str) -> None:
    assert price_text(Decimal(number)) == text


def ask(text: str) -> str:
    """Runs what the command runs, without Telegram."""
    asyncio.run(price.fetch_prices(text))
    reply = price.show_price(Turn(user=cast.bea(), chat_id=1, update_id=1, text=text))
    assert reply.screen is not None
    return render_screen(reply.screen, language="en").text
