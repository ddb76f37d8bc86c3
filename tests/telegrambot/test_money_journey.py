"""Money goes in, waits, is approved at the desk, is paid by the play-money rail; its owner is told at every step."""

import re

import pytest
from django.urls import reverse

from lockbay.people.models import User
from payments.payouts.jobs import ask_payouts, send_payouts
from tests import cast
from tests.cast import usd
from tests.journeys.house import eventually
from tests.telegrambot.money import TRON, know_prices, prove_email
from wallets.models import Withdrawal
from wallets.proof import check_ledger
from wallets.queries import balances_of, spendable

pytestmark = pytest.mark.django_db(transaction=True)


def test_from_the_first_deposit_to_the_money_outside(house, client):
    know_prices()
    house.play_cast()
    prove_email(house.user("bea"))
    _pay_in(house, "100")
    assert spendable(house.user("bea").pk) == usd("100.00")
    _save_place(house)
    assert "Withdrawals are closed" not in house.says("bea", "/withdraw")["text"]
    house.says("bea", "60")
    house.presses("bea", "USDT")
    assert not Withdrawal.objects.exists()  # the place is too new
    with cast.later(hours=25):
        know_prices()
        withdrawal = _withdraw(house, "60")
        assert str(balances_of(house.user("bea").pk)["held", "USD"]) == "60.00 USD"
        _approve(client, withdrawal)
        send_payouts()
        eventually(lambda: _is_paid(withdrawal), "the rail says that it has paid")
        house.pump()
        texts = [message["text"] for message in house.people.messages("bea") if message["from_bot"]]
        assert any(withdrawal.public_id in text and str(withdrawal.payout) in text for text in texts[-3:])
        house.says("bea", "/wallet")
        house.presses("bea", "My withdrawals")
        assert "paid out" in house.presses("bea", withdrawal.public_id)["text"]
    assert spendable(house.user("bea").pk) == usd("40.00")
    assert check_ledger(full=True).breaches == []


def _is_paid(withdrawal):
    """The rail's webhook makes us ask; its answer settles."""
    ask_payouts()
    withdrawal.refresh_from_db()
    return withdrawal.status == "completed"


def _pay_in(house, amount):
    house.says("bea", f"/deposit {amount}")
    house.presses("bea", "USDT · Tron")
    (payment,) = house.people.payments()
    house.people.pay(payment["id"], "exact")
    house.pump()


def _save_place(house):
    house.says("bea", "/wallet")
    house.presses("bea", "Saved places")
    house.presses("bea", "Add a place")
    house.presses("bea", "USDT · Tron")
    house.says("bea", TRON)
    house.presses("bea", "Yes, save it")
    house.pump()  # it is announced


def _withdraw(house, amount):
    house.says("bea", "/withdraw")
    house.says("bea", amount)
    review = house.presses("bea", "USDT")
    assert TRON in review["text"]
    house.presses("bea", "Yes, withdraw")
    return Withdrawal.objects.get()


def _approve(client, withdrawal):
    """As the operator does it: looks at the page, gives a reason, presses the button."""
    client.force_login(User.objects.get(pk=cast.olu().pk))
    url = reverse("admin:wallets_withdrawal_approve", args=[withdrawal.pk])
    page = client.get(url).content.decode()
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    answer = client.post(url, {**dict(hidden), "reason": "known customer"})
    assert answer.status_code == 302
    withdrawal.refresh_from_db()
    assert withdrawal.status == "processing"
