"""A payment that is too short, in both people's hands: every button shows amounts first and acts once (E5, E8)."""

import pytest

from tests import cast
from tests.escrows.deposits import a_deposit, credit
from tests.telegrambot.house import labels_of
from tests.telegrambot.test_money_buttons import pressed_twice
from wallets.proof import check_ledger

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acting(house):
    house.play_cast()
    yield house
    assert check_ledger(full=True).breaches == []


def a_short_trade():
    escrow = cast.a_waiting_trade(price="20.00")
    credit(a_deposit(escrow, "10.00"))
    return escrow


def test_the_buyer_asks_and_the_seller_agrees(acting):
    escrow = a_short_trade()
    acting.pump()
    texts = [message["text"] for message in acting.people.messages("bea") if message["from_bot"]]
    assert any("10.00 USD came in: 11.00 USD is missing" in text for text in texts)
    assert any("Pay the missing 11.00 USD" in label for label in labels_of(acting.opens_trade("bea", escrow)))
    asked = acting.presses("bea", "lower price")
    assert "Price: 20.00 USD → 9.52 USD" in asked["text"]
    assert "The seller gets: 20.00 USD → 9.52 USD" in asked["text"]
    pressed_twice(acting, "bea", "Yes, ask the seller")
    assert "asks for a lower price" in acting.last("sol")["text"]
    offer = acting.presses("sol", "Answer")
    assert "You get: 20.00 USD → 9.52 USD" in offer["text"]
    assert "LockBay's fee: 1.00 USD → 0.48 USD" in offer["text"]
    pressed_twice(acting, "sol", "Agree, get 9.52 USD")
    assert any("Accept, get 9.52 USD" in label for label in labels_of(acting.last("sol")))
    assert "The seller agreed to a lower price: 9.52 USD instead of 20.00 USD" in acting.last("bea")["text"]
    escrow.refresh_from_db()
    assert (escrow.status, cast.held_by(escrow)) == ("payment_confirmed", cast.usd("10.00"))


def test_the_seller_says_no_and_the_buyer_takes_it_back(acting):
    escrow = a_short_trade()
    acting.pump()
    acting.presses("bea", "lower price")
    acting.presses("bea", "Yes, ask the seller")
    acting.presses("sol", "Answer")
    pressed_twice(acting, "sol", "No, not for less")
    refused = acting.last("bea")
    assert "does not accept less" in refused["text"]
    assert not any("lower price" in label for label in labels_of(refused))
    shown = acting.presses("bea", "Take 10.00 USD back")
    assert "your wallet: +10.00 USD" in shown["text"]
    pressed_twice(acting, "bea", "Yes, to my wallet")
    escrow.refresh_from_db()
    assert (escrow.status, cast.wallet_of(cast.bea())) == ("payment_pending", cast.usd("10.00"))


def test_cancelling_shows_what_comes_back(acting):
    escrow = a_short_trade()
    acting.opens_trade("bea", escrow)
    asked = acting.presses("bea", "Cancel the trade")
    assert "your wallet: +10.00 USD" in asked["text"]
    acting.presses("bea", "Yes, cancel it")
    assert cast.wallet_of(cast.bea()) == cast.usd("10.00")


def test_time_gives_it_back_and_says_so(acting):
    from escrows.jobs import run_deadlines

    a_short_trade()
    acting.pump()
    with cast.later(hours=25):
        run_deadlines()
        acting.pump()
    texts = [message["text"] for message in acting.people.messages("bea") if message["from_bot"]]
    assert any("10.00 USD is back in your wallet" in text for text in texts)
    assert any("it was not paid in time" in text for text in texts)


def test_late_money_takes_the_trade_up_again(acting):
    escrow = cast.an_expired_trade(price="20.00")
    credit(a_deposit(escrow, "21.00"))
    acting.opens_trade("bea", escrow)
    asked = acting.presses("bea", "Take it up again for 21.00 USD")
    assert "your wallet: -21.00 USD" in asked["text"]
    pressed_twice(acting, "bea", "Yes, pay from my wallet")
    assert cast.wallet_of(cast.bea()) == cast.usd("0.00")
    assert any("Accept, get 20.00 USD" in label for label in labels_of(acting.last("sol")))
