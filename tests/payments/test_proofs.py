"""This room's rules of the proof see what they are there to see (B8)."""

import pytest

from lockbay import clock
from payments.actions.apply_event import drain
from payments.models import Deposit, InboxEvent
from payments.states import DepositState, Effect, InboxStatus
from tests.payments.money_in import a_txid, an_intent, raw_of, stored
from wallets.proof import check_ledger

pytestmark = pytest.mark.django_db(transaction=True)


def rules_broken(*, full: bool = True) -> set[str]:
    return {breach["rule"] for breach in check_ledger(full=full).breaches}


def test_an_honest_inbox_is_green() -> None:
    for status in ("pending", "confirmed"):
        stored(raw_of(an_intent(), status))
    stored(b"garbage")
    drain()
    assert rules_broken() == set()
    assert rules_broken(full=False) == set()


@pytest.mark.parametrize(
    "lie",
    [
        {"operations": ["deposit:999:credit:1"], "effect": Effect.CREDITED},
        {"operations": [], "effect": Effect.CREDITED},
        {"operations": [], "effect": Effect.NONE},
    ],
)
@pytest.mark.parametrize("full", [True, False])
def test_an_event_marked_applied_without_its_operations_is_a_breach(lie: dict[str, object], full: bool) -> None:
    stored(raw_of(an_intent()))
    InboxEvent.objects.update(status=InboxStatus.APPLIED, **lie)
    assert rules_broken(full=full) == {"inbox_applied_has_operations"}


def test_a_confirmed_deposit_without_its_operation_is_a_breach() -> None:
    intent = an_intent()
    Deposit.objects.create(
        intent=intent,
        provider="sandbox",
        provider_payment_id="p",
        chain="tron",
        txid=a_txid(1),
        recipient="T",
        asset="USDT",
        minor=1,
        raw_amount="1",
        state=DepositState.CONFIRMED,
        credits=1,
        first_seen_at=clock.now(),
    )
    assert rules_broken() == {"deposit_confirmed_has_operation"}


def test_two_spellings_of_one_transaction_are_a_breach() -> None:
    for txid in (a_txid(1), a_txid(1).upper()):
        Deposit.objects.create(
            provider="sandbox",
            provider_payment_id="p",
            chain="tron",
            txid=txid,
            recipient="T",
            asset="USDT",
            minor=1,
            raw_amount="1",
            first_seen_at=clock.now(),
        )
    assert rules_broken() == {"deposit_once"}


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("state", [DepositState.PENDING, DepositState.REVERTED])
def test_a_deposit_that_is_no_longer_confirmed_and_keeps_its_credit_is_a_breach(state: str, full: bool) -> None:
    stored(raw_of(an_intent()))
    drain()
    Deposit.objects.update(state=state)
    assert rules_broken(full=full) == {"deposit_vanished_is_taken_back"}
