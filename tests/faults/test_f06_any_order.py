"""F6: events in any order, also a refund before the payment it takes back: all end as in order, never a step back."""

from itertools import permutations
from typing import Any

import pytest

from escrows.models import Escrow
from escrows.states import Status
from lockbay.events.models import Event
from payments.models import Deposit, InboxEvent
from payments.states import DepositState
from tests import cast
from tests.cast import bea, held_by, usd, wallet_of
from tests.payments.money_in import a_txid, an_intent, payer, post, raw_of
from tests.payments.providers.rails import RAILS, configure
from wallets.models import Operation
from wallets.money import Money
from wallets.proof import check_ledger
from wallets.queries import balances_of

pytestmark = pytest.mark.django_db(transaction=True)

NOWPAYMENTS = next(rail for rail in RAILS if rail.name == "nowpayments")


@pytest.mark.parametrize("order", list(permutations(["pending", "confirmed", "more"])), ids=" then ".join)
def test_a_trade_is_paid_once_and_stays_paid(order: tuple[str, ...]) -> None:
    trade = cast.a_waiting_trade(price="20.00")
    intent = an_intent(price="21.00", purpose="escrow", reference=trade.public_id, who=bea())
    bodies = {
        "pending": raw_of(intent, "pending", txid=a_txid("one")),
        "confirmed": raw_of(intent, txid=a_txid("one")),
        "more": raw_of(intent, txid=a_txid("two")),
    }
    seen: list[str] = []
    for name in [*order, *order]:
        assert post(bodies[name]).status_code == 200
        seen.append(Escrow.objects.get(pk=trade.pk).status)
    paid = [Status.PAYMENT_CONFIRMED] * len(seen)
    assert seen in (paid, [Status.PAYMENT_PENDING, *paid[1:]]), "once paid it is never anything less"
    assert (held_by(trade), wallet_of(bea())) == (usd("21.00"), usd("21.00"))
    assert set(Deposit.objects.values_list("state", "credits")) == {(DepositState.CONFIRMED, 1)}
    assert Operation.objects.count() == 2
    assert Event.objects.filter(kind="escrow.payment_confirmed").count() == 1
    assert check_ledger(full=True).breaches == []


@pytest.mark.parametrize("order", list(permutations(["confirming", "finished", "refunded"])), ids=" then ".join)
def test_a_refund_waits_for_a_person_before_and_after_the_payment(order: tuple[str, ...], settings: Any) -> None:
    configure(settings)
    intent = NOWPAYMENTS.open()
    for name in [*order, *order]:
        assert NOWPAYMENTS.send(NOWPAYMENTS.event(intent, f"{name}__documented")) == 200
    statuses = dict(InboxEvent.objects.values_list("kind", "status"))
    assert (statuses["finished"], statuses["refunded"]) == ("applied", "parked")
    assert Event.objects.filter(kind="inbox.parked").count() == 1
    assert Deposit.objects.get().state == DepositState.CONFIRMED
    assert balances_of(payer().pk) == {("available", "USD"): Money(105_31, "USD")}
    assert check_ledger(full=True).breaches == []
