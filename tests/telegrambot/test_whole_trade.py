"""A whole trade through the real bot: buyer and seller with phones, play money, a signed webhook."""

import pytest

from escrows.models import Escrow
from payments.rates.prewarm import prewarm
from tests.telegrambot.house import House, labels_of, link_in
from wallets.proof import check_ledger
from wallets.queries import spendable

pytestmark = pytest.mark.django_db(transaction=True)


def start_trade(house: House, person: str = "bea", *, side: str = "I am buying", amount: str = "100") -> dict:
    """Walks through the questions up to the invite link."""
    house.people.start(person)
    house.pump()
    house.presses(person, "New trade")
    house.presses(person, side)
    house.says(person, "@sol_sells")
    house.says(person, amount)
    house.says(person, "A used camera, sent by mail")
    house.presses(person, "48 hours")
    house.presses(person, "buyer pays the fee")
    return house.presses(person, "Create the trade")


def test_a_trade_goes_from_new_to_the_sellers_wallet(house):
    prewarm("test")
    created = start_trade(house)
    assert "is ready" in created["text"]
    joined = house.opens("sol", link_in(created))
    assert "Welcome to the trade" in joined["text"]
    assert "100.00 USD" in joined["text"]

    house.presses("bea", "Open the trade", created)
    house.presses("bea", "Pay 105.00 USD", _message_with(house, "bea", "Pay 105.00 USD"))
    choice = house.presses("bea", "Not now, go on to pay")
    assert "How would you like to pay 105.00 USD?" in choice["text"]
    screen = house.presses("bea", "USDT · Tron")
    assert screen["photo"]
    assert "Time left" in screen["text"]
    (payment,) = house.people.payments()
    assert payment["address"] in screen["text"]
    house.people.pay(payment["id"], "exact")
    house.pump()

    assert any("Accept, get 100.00 USD" in label for label in labels_of(house.last("sol")))
    house.presses("sol", "Accept")
    house.presses("sol", "I have delivered", _message_with(house, "sol", "I have delivered"))
    house.presses("sol", "Yes, all is delivered", _message_with(house, "sol", "Yes, all is delivered"))
    house.presses("bea", "Release", _message_with(house, "bea", "Release 100.00 USD"))
    sure = house.presses("bea", "I have everything", _message_with(house, "bea", "I have everything"))
    assert "100.00 USD" in sure["text"]
    house.presses("bea", "Release 100.00 USD now", _message_with(house, "bea", "Release 100.00 USD now"))

    escrow = Escrow.objects.get()
    assert escrow.status == "completed"
    assert str(spendable(house.user("sol").pk)) == "100.00 USD"
    assert "100.00 USD" in house.says("sol", "/wallet")["text"]
    assert check_ledger(full=True).breaches == []


def _message_with(house: House, person: str, label: str) -> dict:
    return next(m for m in reversed(house.people.messages(person)) if any(label in text for text in labels_of(m)))
