"""F11 for every provider whose events credit: an amount that is none, well signed, is stored byte for byte, parked with
an alert and answered 2xx; it credits nothing, and the honest event after it does."""

import json
from typing import Any

import pytest

from lockbay.events.models import Event
from payments.models import Deposit, InboxEvent
from payments.states import InboxStatus
from tests.payments.money_in import payer
from tests.payments.providers.rails import RAILS, Rail, configure
from wallets.models import Operation
from wallets.money import parse_money
from wallets.proof import check_ledger
from wallets.queries import balances_of

pytestmark = pytest.mark.django_db(transaction=True)

NO_AMOUNTS = {
    "negative": "-105.31",
    "negative text": '"-105.31"',
    "NaN": "NaN",
    "infinite": "Infinity",
    "1e400": "1e400",
    "400 digits": "9" * 400,
    "full-width digits": '"１０５"',
    "with a comma": '"105,31"',
    "hexadecimal": '"0x69"',
    "true": "true",
    "a list": "[105.31]",
    "an object": '{"amount":105.31}',
}


NO_VALUES = {"NaN", "infinite", "1e400"}


@pytest.fixture(autouse=True)
def _accounts(settings: Any) -> None:
    configure(settings)


@pytest.mark.parametrize("rail", [rail for rail in RAILS if rail.amount], ids=lambda rail: rail.name)
def test_a_signed_amount_that_is_none_is_parked_and_credits_nothing(rail: Rail) -> None:
    intent = rail.open()
    honest = rail.event(intent, rail.confirmed)
    bodies = {name: _with_amount(honest, rail.amount, text) for name, text in NO_AMOUNTS.items()}
    answers = {name: rail.send(raw) for name, raw in bodies.items()}
    # NOWPayments signs the values, not the bytes: of what has none no signature can be genuine.
    unsigned = NO_VALUES if rail.name == "nowpayments" else set()
    assert answers == {name: 401 if name in unsigned else 200 for name in bodies}
    kept = {bytes(row.body): row.status for row in InboxEvent.objects.all()}
    assert set(kept.values()) == {InboxStatus.PARKED}
    assert set(kept) == {raw for name, raw in bodies.items() if name not in unsigned}
    assert Event.objects.filter(kind="inbox.parked").count() == len(kept)
    assert not Deposit.objects.exists()
    assert not Operation.objects.exists()

    assert rail.send(honest) == 200
    assert balances_of(payer().pk) == {("available", "USD"): parse_money(rail.worth, "USD")}
    assert check_ledger(full=True).breaches == []


def _with_amount(raw: bytes, name: str, text: str) -> bytes:
    """The same body with that text as its amount."""
    body = json.loads(raw)
    return json.dumps({**body, name: "HERE"}, separators=(",", ":")).replace('"HERE"', text).encode()
