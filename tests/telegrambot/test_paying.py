"""Paying from outside: the screen says everything, refreshes in place, and is honest about what does not work."""

import pytest

from escrows.actions.expire import expire_escrow
from escrows.models import Escrow
from payments.models import Intent
from payments.rates.prewarm import prewarm
from telegrambot.models import ShownPayment
from tests import cast
from tests.telegrambot.house import data_of, labels_of, press_update

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acting(house):
    prewarm("test")
    house.play_cast()
    return house


def open_payment(house, escrow: Escrow) -> dict:
    house.opens_trade("bea", escrow)
    house.presses("bea", "Pay")
    return house.presses("bea", "USDT · Tron")


def test_the_screen_has_amount_address_network_picture_and_time(acting):
    screen = open_payment(acting, cast.an_agreement(price="20.00"))
    intent = Intent.objects.get()
    for fact in ("21.000000 USDT", intent.address, "Tron network (TRC-20)", "Time left: 59 minutes"):
        assert fact in screen["text"].replace("\xa0", " ")
    assert screen["photo"]
    assert f"<code>{intent.address}</code>" in screen["html"]
    copied = [button["copy_text"]["text"] for row in screen["buttons"] for button in row if "copy_text" in button]
    assert copied == [intent.address, "21.000000"]


def test_it_refreshes_and_explains_in_place(acting):
    screen = open_payment(acting, cast.an_agreement())
    refreshed = acting.presses("bea", "Refresh")
    assert refreshed["message_id"] == screen["message_id"]
    how = acting.presses("bea", "How to pay")
    assert how["message_id"] == screen["message_id"]
    assert "Choose the network" in how["text"]
    assert "Send exactly" in acting.presses("bea", "Back to the payment")["text"]


def test_choosing_the_same_coin_twice_asks_for_one_address(acting):
    escrow = cast.an_agreement()
    acting.opens_trade("bea", escrow)
    choice = acting.presses("bea", "Pay")
    data = data_of(choice, "USDT · Tron")
    for number in (900, 901, 901):
        acting.handle(press_update("bea", number, data, choice))
    assert Intent.objects.count() == 1


def test_another_way_replaces_the_picture_by_the_choice(acting):
    screen = open_payment(acting, cast.an_agreement())
    choice = acting.presses("bea", "Another way")
    assert "How would you like to pay" in choice["text"]
    ids = [message["message_id"] for message in acting.people.messages("bea")]
    assert screen["message_id"] not in ids
    other = acting.presses("bea", "BTC")
    assert "BTC" in other["text"]
    assert Intent.objects.count() == 2


def test_a_provider_that_is_down_is_told_and_can_be_tried_again(acting):
    escrow = cast.an_agreement()
    acting.people.faults(provider_down=60)
    acting.opens_trade("bea", escrow)
    acting.presses("bea", "Pay")
    acting.presses("bea", "USDT · Tron")
    assert "not available at the moment" in acting.toast()
    acting.people.faults(clear=True)
    acting.opens_trade("bea", escrow)
    acting.presses("bea", "Payment details")
    assert acting.presses("bea", "USDT · Tron")["photo"]


def test_a_way_to_pay_that_is_not_offered_is_refused(acting):
    escrow = cast.an_agreement()
    acting.opens_trade("bea", escrow)
    acting.handle(press_update("bea", 900, f"paym!:{escrow.public_id}::sandbox.GOLD.MOON", acting.last("bea")))
    assert not Intent.objects.exists()
    assert escrow.public_id in acting.last("bea")["text"]


def test_a_short_payment_offers_the_rest_and_then_the_wallet(acting):
    escrow = cast.an_agreement(price="100.00", fee_payer="seller")
    open_payment(acting, escrow)
    (payment,) = acting.people.payments()
    acting.people.pay(payment["id"], "short")
    acting.pump()
    notice = acting.last("bea")
    assert "USD" in notice["text"]
    cast.give(cast.bea(), "30.00")
    acting.opens_trade("bea", escrow)
    screen = acting.presses("bea", "Pay the missing")
    assert any("Pay 30.00 USD from my wallet" in label for label in labels_of(screen))
    acting.presses("bea", "from my wallet")
    acting.presses("bea", "Yes, pay")
    escrow.refresh_from_db()
    assert escrow.status == "payment_confirmed"


def test_the_time_being_over_is_said(acting):
    escrow = cast.an_agreement()
    screen = open_payment(acting, escrow)
    with cast.later(hours=2):
        acting.presses("bea", "Refresh", screen)
        assert "Send exactly" not in acting.last("bea")["text"]


def test_the_screen_changes_by_itself_when_the_money_comes(acting):
    escrow = cast.an_agreement()
    screen = open_payment(acting, escrow)
    (payment,) = acting.people.payments()
    acting.run(acting.live_screens.update())
    assert not _same(acting, screen)["edited"] or "Send exactly" in _same(acting, screen)["text"]
    acting.people.pay(payment["id"], "exact")
    acting.run(acting.live_screens.update())
    paid = _same(acting, screen)
    assert "Paid" in paid["text"]
    assert "Send exactly" not in paid["text"]
    assert any("Open the trade" in label for label in labels_of(paid))
    assert not ShownPayment.objects.exists()


def test_the_screen_says_by_itself_that_the_time_is_over(acting):
    screen = open_payment(acting, cast.an_agreement())
    with cast.later(hours=2):
        acting.run(acting.live_screens.update())
    over = _same(acting, screen)
    assert "The time to pay is over: the trade ends." in over["text"]
    assert not any("Copy" in label or "Another way" in label for label in labels_of(over))


def test_a_screen_whose_time_is_over_still_learns_that_the_trade_has_ended(acting):
    escrow = cast.an_agreement()
    screen = open_payment(acting, escrow)
    with cast.later(hours=2):
        acting.run(acting.live_screens.update())
        expire_escrow(actor=None, escrow_id=escrow.pk)
        acting.run(acting.live_screens.update())
    assert f"Trade {escrow.public_id} is closed" in _same(acting, screen)["text"]
    assert not ShownPayment.objects.exists()


def test_after_a_short_payment_the_screen_asks_for_the_rest_by_itself_and_then_for_nothing_more(acting):
    screen = open_payment(acting, cast.an_agreement(price="100.00"))
    (payment,) = acting.people.payments()
    acting.people.pay(payment["id"], "short")
    acting.run(acting.live_screens.update())
    short = _same(acting, screen)
    assert "Send the rest, exactly\n31.500000 USDT" in short["text"]
    copied = [button["copy_text"]["text"] for row in short["buttons"] for button in row if "copy_text" in button]
    assert copied[1] == "31.500000"
    assert "73.50 USD came in and is kept for this trade; 31.50 USD is missing" in short["text"]
    acting.people.pay(payment["id"], "exact", amount="31.5")
    acting.run(acting.live_screens.update())
    assert "Paid" in _same(acting, screen)["text"]
    acting.pump()
    assert "31.500000 USDT. With the 73.50 USD that came before" in acting.last("bea")["text"]


def test_a_screen_that_is_gone_is_forgotten(acting):
    open_payment(acting, cast.an_agreement())
    escrow = Escrow.objects.get()
    acting.presses("bea", "Another way")
    cast.cancelled(escrow)
    acting.run(acting.live_screens.update())
    assert not ShownPayment.objects.exists()


def _same(house, screen: dict) -> dict:
    return next(m for m in house.people.messages("bea") if m["message_id"] == screen["message_id"])
