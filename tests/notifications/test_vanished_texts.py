"""What payers and staff read when a payment vanished, and when a debt was settled (P7)."""

from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings

from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import Channel
from notifications.fanout import fan_out
from notifications.models import Delivery
from notifications.rendering import render
from tests.cast import bea

pytestmark = pytest.mark.django_db

GONE = {
    "value": "20.00 USD",
    "received": "20.000000 USDT",
    "from_available": "5.00 USD",
    "debt": "15.00 USD",
    "purpose": "wallet",
    "reference": "R1",
    "cause": "gone",
    "txid": "0xabc",
}


def texts_of(kind: Kind, data: dict[str, Any]) -> dict[str, str]:
    """The plain text of every message about it, by template; the twins of telegram and e-mail are made of the same."""
    with transaction.atomic():
        event = record([NewEvent(kind, "deposit", 1, data=data)])[0]
    while fan_out():
        pass
    found = {}
    for delivery in Delivery.objects.filter(event=event):
        telegram, mail = render(delivery, Channel.TELEGRAM.value), render(delivery, Channel.EMAIL.value)
        assert telegram.subject in mail.text
        found[delivery.template] = mail.text
    return found


def test_the_payer_reads_what_was_taken_and_what_is_owed(settings: Settings) -> None:
    settings.STAFF_EMAILS = ["staff@example.org"]
    told = texts_of(Kind.DEPOSIT_VANISHED, {**GONE, "user_id": bea().pk})
    assert "no block has it at the moment" in told["deposit_vanished"]
    assert "We have taken 5.00 USD out of your wallet" in told["deposit_vanished"]
    assert "15.00 USD of it had been spent already" in told["deposit_vanished"]
    assert "please pay again" in told["deposit_vanished"]
    assert "It was worth 20.00 USD, for wallet R1" in told["staff_deposit_vanished"]
    assert "0xabc" in told["staff_deposit_vanished"]


def test_a_payment_that_only_moved_asks_nobody_to_do_anything() -> None:
    moved = {**GONE, "cause": "moved", "debt": "", "from_available": "", "purpose": "escrow", "user_id": bea().pk}
    text = texts_of(Kind.DEPOSIT_VANISHED, moved)["deposit_vanished"]
    assert "into another block" in text
    assert "What it was credited for, 20.00 USD, waits" in text
    assert "credited again by itself" in text
    assert "owe" not in text


def test_of_money_that_is_nobodys_only_staff_hear(settings: Settings) -> None:
    settings.STAFF_EMAILS = ["staff@example.org"]
    nobodys = dict.fromkeys(("value", "from_available", "debt", "purpose", "reference"), "")
    told = texts_of(Kind.DEPOSIT_VANISHED, {**GONE, **nobodys, "user_id": None})
    assert told.keys() == {"staff_deposit_vanished"}
    assert "It waited in suspense" in told["staff_deposit_vanished"]


@pytest.mark.parametrize(("left", "said"), [("3.00 USD", "You still owe 3.00 USD"), ("", "you can withdraw again")])
def test_whoever_settles_a_debt_reads_what_is_left(left: str, said: str) -> None:
    data = {"user_id": bea().pk, "collected": "4.00 USD", "left": left, "key": "debt:user-1:USD:collect:9"}
    text = texts_of(Kind.DEBT_COLLECTED, data)["debt_collected"]
    assert "4.00 USD went to what you owed us" in text
    assert said in text
