"""Saved places: added with their check, named with the holder, used after a day, removed (W5, W7)."""

import pytest

from payments.errors import BankUnreachable
from telegrambot.models import Draft
from tests import cast
from tests.cast import usd
from tests.telegrambot.hand import Hand
from tests.telegrambot.money import TRON, a_place, know_prices
from wallets.actions.request_withdrawal import request_withdrawal
from wallets.models import Destination, Withdrawal
from wallets.quoting import terms_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hand():
    return Hand(cast.bea())


def begin(hand, way="USDT · Tron"):
    hand.says("/wallet")
    hand.presses("Saved places")
    hand.presses("Add a place")
    return hand.presses(way)


def test_an_address_is_checked_shown_whole_and_saved_with_its_time(hand):
    assert "exactly this network" in begin(hand)
    for text, words in [
        ("hello", "no address of this network"),
        (TRON[:-1] + "G", "check digits do not fit"),
        ("T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb", "Nobody holds the key"),
        ("<b>x</b>", "no address of this network"),
    ]:
        assert words in hand.says(text)
        assert "exactly this network" in hand.shown
    assert TRON in hand.says(f"  {TRON} ")
    saved = hand.presses("Yes, save it")
    place = Destination.objects.get()
    assert (place.target, place.payout_asset, place.network, place.rail) == (TRON, "USDT", "TRC20", "sandbox")
    assert f"{place.usable_at:%H:%M} UTC" in saved


def test_a_bank_account_shows_the_name_that_the_bank_gave(hand, monkeypatch):
    assert "Which bank?" in begin(hand, "NGN")
    assert "found no bank" in hand.says("zzz")
    hand.says("a")
    assert len([label for label in hand.labels if "🏦" in label]) == 3
    assert "Palm Microfinance Bank" in hand.presses("Palm")
    assert "exactly 10 digits" in hand.says("12345")
    assert "does not know that account" in hand.says("0690000404")
    monkeypatch.setattr("payments.banks.SandboxDesk.holder_of", _unreachable)
    assert "cannot be asked right now" in hand.says("0690000040")
    monkeypatch.undo()
    assert "PLAY HOLDER 0040" in hand.says("0690000040")
    hand.presses("Yes, save it")
    assert Destination.objects.get().details["account_name"] == "PLAY HOLDER 0040"


def test_saving_twice_is_saving_once(hand):
    begin(hand)
    hand.says(TRON)
    data = hand.data_of("Yes, save it")
    for number in (900, 901, 901):
        hand.sends(data, update_id=number)
    begin(hand)
    hand.says(TRON)
    hand.presses("Yes, save it")
    assert Destination.objects.count() == 1


def test_a_place_is_removed_after_a_question(hand):
    a_place(cast.bea())
    hand.says("/wallet")
    hand.presses("Saved places")
    assert TRON in hand.presses("USDT")
    assert "Remove this place?" in hand.presses("Remove")
    data = hand.data_of("Yes, remove it")
    assert "saved no place yet" in hand.sends(data)
    assert "saved no place yet" in hand.sends(data)
    assert not Destination.objects.live().exists()


def test_a_place_with_an_open_withdrawal_stays(hand):
    know_prices()
    cast.give(cast.bea(), "50.00")
    place, amount = a_place(cast.bea()), usd("20.00")
    terms = terms_for(place, amount)
    request_withdrawal(actor=cast.bea(), request_key="t", destination_id=place.pk, amount=amount, terms=terms)
    assert Withdrawal.objects.get().public_id in hand.sends(f"pl_gone!:::{place.pk}")
    assert Destination.objects.live().exists()


def test_nobody_sees_or_removes_another_persons(hand):
    place = a_place(cast.sol())
    for verb in ("place", "pl_gone?", "pl_gone!"):
        assert TRON not in hand.sends(f"{verb}:::{place.pk}")
    assert "not saved any more" in hand.sends(f"place:::{place.pk}")
    assert Destination.objects.live().exists()


def test_what_is_over_or_no_longer_offered_is_told(hand, settings):
    begin(hand)
    hand.says(TRON)
    data = hand.data_of("Yes, save it")
    hand.says("/cancel")
    assert "something that is over" in hand.sends(data)
    assert not Draft.objects.exists()
    begin(hand)
    settings.PAYOUT_METHODS = ["sandbox:BTC:BTC"]
    assert "not offered any more" in hand.says(TRON)
    begin(hand, "BTC")
    assert not Destination.objects.exists()


def _unreachable(*_args):
    raise BankUnreachable
