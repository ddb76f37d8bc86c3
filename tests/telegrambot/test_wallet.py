"""The wallet: what it holds, money in, every movement, the statement, and what sending costs (T2, T7)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from lockbay import clock
from payments.models import Intent, StoredFee
from telegrambot.models import ShownPayment
from tests import cast
from tests.cast import usd
from tests.telegrambot.hand import Hand
from tests.telegrambot.house import labels_of, press_update
from tests.telegrambot.money import hold, know_prices
from wallets.queries import spendable

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hand():
    know_prices()
    return Hand(cast.bea())


@pytest.fixture
def acting(house):
    know_prices()
    house.play_cast()
    return house


def pay_screen(house, amount="20"):
    house.says("bea", "/deposit")
    house.says("bea", amount)
    return house.presses("bea", "USDT · Tron")


def test_the_wallet_shows_what_is_available_and_what_is_on_hold(hand):
    assert "Available: 0.00 USD" in hand.says("/wallet")
    assert any("Put money in" in label for label in hand.labels)
    cast.give(cast.bea(), "100.00")
    hold(cast.bea(), "30.00")
    screen = hand.presses("Refresh")
    assert "Available: 70.00 USD" in screen
    assert "On hold for withdrawals: 30.00 USD" in screen


class TestDeposit:
    def test_money_goes_in_and_the_screen_and_a_message_say_so(self, acting):
        screen = pay_screen(acting)
        intent = Intent.objects.get()
        assert (intent.purpose, intent.price) == ("wallet", usd("20.00"))
        for fact in ("20.000000 USDT", intent.address, "Tron network (TRC-20)"):
            assert fact in screen["text"]
        assert screen["photo"]
        assert acting.presses("bea", "Refresh")["message_id"] == screen["message_id"]
        acting.handle(press_update("sol", 900, f"depscr:::{intent.public_id}", acting.last("sol")))
        assert intent.address not in acting.last("sol")["text"]
        (payment,) = acting.people.payments()
        acting.people.pay(payment["id"], "exact")
        assert spendable(cast.bea().pk) == usd("20.00")
        acting.run(acting.live_screens.update())
        assert "20.00 USD is in your wallet" in _same(acting, screen)["text"]
        assert not ShownPayment.objects.exists()
        acting.pump()
        assert "20.00 USD" in acting.last("bea")["text"]

    def test_a_restart_a_second_press_and_a_second_delivery_ask_once(self, acting):
        choice = acting.says("bea", "/deposit 20")
        acting.restart()
        assert "20.000000 USDT" in acting.presses("bea", "USDT · Tron")["text"]
        data = next(one["callback_data"] for row in choice["buttons"] for one in row if "Tron" in one["text"])
        for number in (900, 901, 901):
            acting.handle(press_update("bea", number, data, choice))
        pay_screen(acting)
        assert Intent.objects.count() == 1

    def test_a_provider_that_is_down_is_told_and_the_end_of_the_time_too(self, acting):
        acting.people.faults(provider_down=60)
        pay_screen(acting)
        assert "not available at the moment" in acting.toast()
        acting.people.faults(clear=True)
        screen = acting.presses("bea", "USDT · Tron")
        assert screen["photo"]
        with cast.later(hours=2):
            acting.run(acting.live_screens.update())
        assert "The time for this payment is over" in _same(acting, screen)["text"]

    def test_offered_amounts_another_one_and_wrong_ones(self, hand):
        hand.says("/deposit")
        assert "pay in 50.00 USD?" in hand.presses("$50")
        hand.presses("Another amount")
        for text, words in [("x", "amount"), ("1.99", "from 2.00 USD"), ("501", "from 2.00 USD")]:
            assert words in hand.says(text)
            assert "How much, in US dollars?" in hand.shown
        assert "pay in 33.30 USD?" in hand.says("33.3")
        assert "pay in 75.00 USD?" in hand.says("/deposit $75")
        assert "from 2.00 USD" in hand.says("/deposit 1")


class TestHistory:
    def test_the_statement_comes_as_a_file_and_the_screen_stays(self, acting):
        cast.give(cast.bea(), "100.00")
        hold(cast.bea(), "30.00")
        acting.says("bea", "/wallet")
        page = acting.presses("bea", "All movements")
        sent = acting.presses("bea", "Statement as a file")
        assert sent["message_id"] != page["message_id"]
        assert sent["document"]["name"].endswith(".csv")
        text = acting.people.file(sent["document"]["url"]).decode("utf-8-sig")
        assert [line.split(",")[3] for line in text.splitlines()] == ["Amount", "100.00", "-30.00", "30.00"]
        acting.presses("bea", "Wallet", sent)
        assert _same(acting, sent)["document"]
        assert any("Put money in" in label for label in labels_of(acting.last("bea")))

    def test_pages_go_back_to_the_first_movement(self, hand):
        hand.says("/wallet")
        assert "Nothing has moved" in hand.presses("All movements")
        for number in range(12):
            cast.give(cast.bea(), f"{number + 1}.00")
        hand.says("/wallet")
        newest = hand.presses("All movements")
        assert "+12.00 USD" in newest
        assert "balance 78.00 USD" in newest
        assert "+1.00 USD" in hand.presses("Older ones")
        assert not any("Older" in label for label in hand.labels)


class TestFees:
    def test_all_networks_have_a_line_and_a_button(self, hand):
        screen = hand.says("/fees")
        assert "Bitcoin: BTC 0.93 USD" in screen
        assert "Cellframe: not known now" in screen
        assert len([label for label in hand.labels if "Menu" not in label]) == 10
        assert "Sending TRX" in hand.presses("Tron")

    def test_one_network_shows_price_units_margin_and_age(self, hand):
        screen = hand.says("/fees trc20")
        for fact in (
            "65,000 energy × 100 sun",
            "345 bandwidth × 1000 sun",
            "= 6.845 TRX",
            "With 20 % on top: 8.214 TRX ≈ 2.33 USD",
            "Less than a minute ago",
        ):
            assert fact in screen
        assert "21,000 gas × 1.2 gwei" in hand.says("/fees eth")

    def test_what_is_too_old_or_unknown_is_not_told_and_what_staff_set_says_so(self, hand, settings):
        settings.CELLFRAME_FEE_CELL = Decimal("0.5")
        screen = hand.says("/fees cell")
        assert "staff have set it" in screen
        assert "0.6 CELL" in screen
        StoredFee.objects.update(fetched_at=clock.real_now() - timedelta(hours=1))
        assert "not known right now" in hand.says("/fees btc")
        assert "do not know that network" in hand.says("/fees <b>moon")


def _same(house, message):
    return next(one for one in house.people.messages("bea") if one["message_id"] == message["message_id"])
