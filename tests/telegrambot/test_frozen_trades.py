"""A trade whose payment vanished, in both people's hands: what happened, what is missing, what each can do (P7)."""

import pytest

from escrows.actions.end_frozen import end_frozen_escrow
from escrows.preview import end_frozen_preview
from tests import cast
from tests.escrows.deposits import a_deposit, again, credit, take_back
from tests.telegrambot.house import labels_of
from tests.telegrambot.test_money_buttons import pressed_twice
from wallets.proof import check_ledger

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acting(house):
    house.play_cast()
    yield house
    assert check_ledger(full=True).breaches == []


def a_frozen_trade():
    from escrows.actions.accept import accept_escrow

    escrow = cast.a_waiting_trade(price="20.00")
    deposit = a_deposit(escrow, "21.00")
    credit(deposit)
    accept_escrow(actor=cast.sol(), escrow_id=escrow.pk)
    take_back(deposit)
    escrow.refresh_from_db()
    return escrow, deposit


def screen_of(acting, person, escrow):
    """The trade's screen, whatever notices come before or after it."""
    acting.opens_trade(person, escrow)
    shown = [message for message in acting.people.messages(person) if message["from_bot"]]
    return [message for message in shown if message["text"].startswith(f"Trade {escrow.public_id} ·")][-1]


def told(acting, person):
    return [message["text"] for message in acting.people.messages(person) if message["from_bot"]]


def test_both_are_told_and_both_screens_say_what_is_so(acting):
    escrow, _ = a_frozen_trade()
    acting.pump()
    assert any("stands still: 21.00 USD is missing" in text for text in told(acting, "bea"))
    assert any("the payment of trade" in text and "do not deliver now" in text for text in told(acting, "sol"))
    buyers = screen_of(acting, "bea", escrow)
    assert "stands still" in buyers["text"]
    assert "Missing: 21.00 USD of 21.00 USD" in buyers["text"]
    assert "Time left" not in buyers["text"]
    assert labels_of(buyers)[0].endswith("Pay 21.00 USD again")
    assert not any("release" in label.lower() or "cancel" in label.lower() for label in labels_of(buyers))
    sellers = screen_of(acting, "sol", escrow)
    assert "Please do not deliver before that" in sellers["text"]
    assert not any("delivered" in label for label in labels_of(sellers))


def test_a_button_of_before_is_answered_with_why(acting):
    from escrows.actions.accept import accept_escrow

    escrow = cast.a_waiting_trade(price="20.00")
    deposit = a_deposit(escrow, "21.00")
    credit(deposit)
    accept_escrow(actor=cast.sol(), escrow_id=escrow.pk)
    shown = screen_of(acting, "sol", escrow)
    take_back(deposit)
    acting.presses("sol", "I have delivered", shown)
    assert "no longer confirms this trade's payment" in acting.toast()
    assert "Support can end it" in acting.toast()


def test_the_buyer_pays_again_from_the_wallet(acting):
    escrow, deposit = a_frozen_trade()
    cast.give(cast.bea(), "21.00")
    acting.presses("bea", "Pay 21.00 USD again", screen_of(acting, "bea", escrow))
    asked = acting.presses("bea", "Pay 21.00 USD from my wallet")
    assert "your wallet: -21.00 USD" in asked["text"]
    pressed_twice(acting, "bea", "Yes, pay 21.00 USD")
    assert any("goes on: it is paid in full again" in text for text in told(acting, "sol"))
    assert any("Your new payment of 21.00 USD has replaced" in text for text in told(acting, "bea"))
    assert "Next: deliver" in screen_of(acting, "sol", escrow)["text"]
    credit(again(deposit))
    acting.pump()
    assert any("21.00 USD is back and in your wallet" in text for text in told(acting, "bea"))


def test_the_way_to_pay_outside_asks_for_what_is_missing_and_offers_no_cancelling(acting):
    escrow, _ = a_frozen_trade()
    credit(a_deposit(escrow, "9.00"))
    acting.pump()
    assert any("9.00 USD came in: 12.00 USD is still missing" in text for text in told(acting, "bea"))
    choice = acting.presses("bea", "Pay 12.00 USD again", screen_of(acting, "bea", escrow))
    assert "How would you like to pay 12.00 USD?" in choice["text"]
    assert not any("Cancel" in label for label in labels_of(choice))


def test_staff_end_it_and_both_hear_why(acting):
    escrow, _ = a_frozen_trade()
    credit(a_deposit(escrow, "9.00"))
    escrow.refresh_from_db()
    digest = end_frozen_preview(escrow).digest
    end_frozen_escrow(actor=cast.olu(), escrow_id=escrow.pk, reason="it is gone", digest=digest)
    acting.pump()
    assert any("You got 9.00 USD back" in text for text in told(acting, "bea"))
    assert any("its payment is gone" in text for text in told(acting, "sol"))
    assert "our staff ended the trade" in screen_of(acting, "sol", escrow)["text"]
