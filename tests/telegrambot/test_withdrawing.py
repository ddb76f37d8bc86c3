"""Withdrawing in the bot: what is missing first, exactly what happens, once, and where it stands then (W1, W2)."""

from datetime import timedelta

import pytest

from lockbay import clock
from payments.models import StoredFee
from telegrambot.handlers import withdraw
from telegrambot.models import Draft
from tests import cast
from tests.cast import usd
from tests.telegrambot.hand import Hand
from tests.telegrambot.money import TRON, a_place, hold, know_prices, prove_email
from wallets.accounts import AFFILIATE, AVAILABLE, HELD
from wallets.actions.reject_withdrawal import reject_withdrawal
from wallets.models import Withdrawal
from wallets.queries import balances_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hand():
    know_prices()
    return Hand(cast.bea())


@pytest.fixture
def ready(hand):
    """Bea has 150 dollars, an e-mail address and a place."""
    cast.give(cast.bea(), "150.00")
    prove_email(cast.bea())
    a_place(cast.bea())
    return hand


def balance(kind=AVAILABLE):
    return balances_of(cast.bea().pk).get((kind, "USD"), usd("0.00"))


def to_review(hand, amount="100"):
    hand.says("/withdraw")
    hand.says(amount)
    return hand.presses("USDT")


def asked(hand):
    to_review(hand)
    hand.presses("Yes, withdraw")
    return Withdrawal.objects.get()


def test_what_is_missing_comes_first_each_with_its_next_step(hand, settings):
    assert "too little in your wallet" in hand.says("/withdraw")
    assert any("Put money in" in label for label in hand.labels)
    cast.give(cast.bea(), "50.00")
    assert "your e-mail address" in hand.says("/withdraw")
    assert "e-mail" in hand.presses("Add an e-mail")
    prove_email(cast.bea())
    assert "You have saved no place yet" in hand.says("/withdraw")
    assert "How do you want to be paid?" in hand.presses("Add a place")
    settings.PAYOUT_METHODS = []
    assert "closed at the moment" in hand.says("/withdraw")
    assert not Draft.objects.filter(flow=withdraw.FLOW).exists()


class TestAsking:
    def test_the_review_says_exactly_what_happens_and_the_request_does_that(self, ready):
        review = to_review(ready)
        for fact in (
            "Leaves your wallet: 100.00 USD",
            "LockBay's fee: 2.00 USD",
            "Network fee: 2.33 USD",
            "You receive about: 95.670000 USDT",
            TRON,
            "Tron network (TRC-20)",
        ):
            assert fact in review
        pending = ready.presses("Yes, withdraw 100.00 USD")
        withdrawal = Withdrawal.objects.get()
        assert f"Withdrawal {withdrawal.public_id}" in pending
        assert "waits for approval" in pending
        assert (balance(), balance(HELD)) == (usd("50.00"), usd("100.00"))
        assert (withdrawal.fee, withdrawal.network_fee) == (usd("2.00"), usd("2.33"))
        assert str(withdrawal.estimate) == "95.670000 USDT"

    def test_a_second_click_and_a_second_delivery_ask_once(self, ready):
        to_review(ready)
        data = ready.data_of("Yes, withdraw")
        for number in (901, 902, 902):
            ready.sends(data, update_id=number)
        assert Withdrawal.objects.get().public_id in ready.shown

    def test_a_wrong_amount_is_explained_and_asked_again(self, ready):
        ready.says("/withdraw")
        for text, words in [
            ("abc", "amount"),
            ("1.999", "digits"),
            ("1.99", "from 2.00 USD to 500.00 USD"),
            ("500.01", "from 2.00 USD"),
            ("151", "not enough money"),
        ]:
            assert words in ready.says(text)
            assert "How much do you want to withdraw" in ready.shown
        assert "Where should 20.00 USD go?" in ready.says("20")
        assert "Where should 12.50 USD go?" in ready.says("/withdraw $12.50")

    def test_everything_is_all_there_is_up_to_the_most(self, ready):
        ready.says("/withdraw")
        assert "Where should 150.00 USD go?" in ready.presses("Everything: 150.00 USD")
        cast.give(cast.bea(), "900.00")
        ready.says("/withdraw")
        assert "Where should 500.00 USD go?" in ready.presses("Everything: 500.00 USD")

    def test_a_place_that_is_too_new_says_from_when(self, hand):
        cast.give(cast.bea(), "50.00")
        prove_email(cast.bea())
        place = a_place(cast.bea(), is_usable=False)
        hand.says("/withdraw")
        assert f"{place.usable_at:%H:%M} UTC" in hand.says("20")
        assert f"{place.usable_at:%H:%M} UTC" in hand.presses("USDT")
        assert "can be used from" in hand.told
        assert not Withdrawal.objects.exists()

    def test_back_and_cancel_and_the_buttons_of_what_is_over(self, ready):
        to_review(ready)
        data = ready.data_of("Yes, withdraw")
        assert "Where should" in ready.presses("Back")
        assert "How much do you want to withdraw" in ready.presses("Back")
        assert "something that is over" in ready.sends(data)
        ready.says("/cancel")
        assert "something that is over" in ready.sends(data)
        assert not Withdrawal.objects.exists()

    def test_referral_earnings_are_withdrawn_alike(self, ready):
        cast.give(cast.bea(), "30.00", kind=AFFILIATE)
        ready.says("/wallet")
        assert "referral earnings" in ready.presses("Withdraw earnings: 30.00 USD")
        ready.presses("Everything: 30.00 USD")
        ready.presses("USDT")
        ready.presses("Yes, withdraw")
        assert Withdrawal.objects.get().account_kind == AFFILIATE
        assert balance() == usd("150.00")


class TestWhatChanges:
    def test_a_review_shown_long_ago_or_another_one_is_shown_afresh(self, ready, monkeypatch):
        to_review(ready)
        parts = ready.data_of("Yes, withdraw").split(":")
        assert "Something has changed" in ready.sends(":".join([*parts[:2], "0123456789ab", parts[3]]))
        monkeypatch.setattr(withdraw, "TERMS_LAST", timedelta(0))
        assert "Something has changed" in ready.presses("Yes, withdraw")
        assert not Withdrawal.objects.exists()
        monkeypatch.undo()
        ready.presses("Yes, withdraw")
        assert Withdrawal.objects.count() == 1

    def test_without_a_fresh_network_fee_and_for_too_little_nothing_is_promised(self, ready):
        ready.says("/withdraw")
        ready.says("2")
        assert "nothing of the 2.00 USD would arrive" in ready.presses("USDT")
        StoredFee.objects.update(fetched_at=clock.real_now() - timedelta(hours=1))
        assert "network fee is not known right now" in ready.presses("USDT")

    def test_money_spent_meanwhile_is_noticed(self, ready):
        to_review(ready, "150")
        hold(cast.bea(), "20.00")
        assert "not enough money" in ready.presses("Yes, withdraw")
        assert not Withdrawal.objects.exists()

    def test_someone_elses_place_is_nobodys(self, ready):
        other = a_place(cast.sol(), network="BTC", asset="BTC")
        ready.says("/withdraw")
        ready.says("20")
        parts = ready.data_of("USDT").split(":")
        assert "not saved any more" in ready.sends(":".join([*parts[:3], str(other.pk)]))


class TestAfterwards:
    def test_it_can_be_taken_back_while_it_waits(self, ready):
        withdrawal = asked(ready)
        assert "goes back to where it came from" in ready.presses("Take it back")
        assert "taken back by you" in ready.presses("Yes, take it back")
        assert (balance(), balance(HELD)) == (usd("150.00"), usd("0.00"))
        assert withdrawal.public_id in ready.shown

    def test_it_can_go_to_another_place_while_it_waits(self, ready):
        withdrawal = asked(ready)
        a_place(cast.bea(), network="BTC", asset="BTC")
        assert "Where should 100.00 USD go?" in ready.presses("Another place")
        assert not any("Back" in label for label in ready.labels)
        assert "Network fee: 0.93 USD" in ready.presses("BTC")
        data = ready.data_of("Yes, withdraw")
        assert "goes to the new place" in ready.sends(data)
        withdrawal.refresh_from_db()
        assert (withdrawal.revision, withdrawal.payout_asset, withdrawal.network_fee) == (2, "BTC", usd("0.93"))
        ready.sends(data)
        withdrawal.refresh_from_db()
        assert withdrawal.revision == 2
        assert (balance(), balance(HELD)) == (usd("50.00"), usd("100.00"))

    def test_once_decided_it_cannot_be_taken_back(self, ready):
        withdrawal = asked(ready)
        ready.presses("Take it back")
        reject_withdrawal(actor=cast.olu(), withdrawal_id=withdrawal.pk, revision=1, reason="wrong name")
        assert "moved on since" in ready.presses("Yes, take it back")
        assert "not approved" in ready.shown
        assert "wrong name" in ready.shown

    def test_the_list_shows_each_with_its_state(self, ready):
        ready.says("/wallet")
        assert "not withdrawn anything yet" in ready.presses("My withdrawals")
        withdrawal = asked(ready)
        assert "100.00 USD" in ready.presses("My withdrawals")
        assert "waits for approval" in ready.presses(withdrawal.public_id)

    def test_nobody_sees_another_persons(self, ready):
        withdrawal = asked(ready)
        for verb in ("wd_one", "wd_cancel?", "wd_cancel!"):
            assert withdrawal.public_id not in Hand(cast.sol()).sends(f"{verb}:{withdrawal.public_id}::")
        withdrawal.refresh_from_db()
        assert withdrawal.status == "pending_approval"
