"""What a credited deposit does to its trade (E7-E10, F38, F42, F43)."""

import logging
from datetime import timedelta
from typing import Any

import pytest

from escrows.errors import NotFound, SnapshotMalformed
from escrows.funding import EscrowFunding
from escrows.models import Escrow, ShortPayment
from escrows.states import FINAL, HOLDS_MONEY, ShortState, Status
from lockbay import clock
from lockbay.events import recording
from lockbay.events.models import Event
from payments import purposes
from payments.tolerance import tolerance_of
from tests.cast import (
    a_trade_in,
    a_waiting_trade,
    an_agreement,
    bea,
    cancelled,
    held_by,
    released,
    snapshot_of,
    sol,
    usd,
    wallet_of,
)
from tests.escrows.deposits import a_deposit, an_intent, credit
from wallets.accounts import FEES, TOLERANCE, platform_account
from wallets.models import Operation
from wallets.money import Money
from wallets.queries import balance_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("books_green")]


def tolerance() -> Money:
    return balance_of(platform_account(TOLERANCE, "USD"))


def short_of(escrow: Escrow) -> ShortPayment:
    return ShortPayment.objects.get(escrow=escrow)


def last_fact(escrow: Escrow) -> Event:
    fact = Event.objects.filter(subject_type="escrow", subject_id=escrow.pk).order_by("seq").last()
    assert fact is not None
    return fact


def test_the_handler_is_registered() -> None:
    assert isinstance(purposes.handler_of("escrow"), EscrowFunding)


def test_an_exact_payment_confirms_with_all_its_facts() -> None:
    trade = a_waiting_trade(hours=24)
    paid_at = clock.now() - timedelta(minutes=3)
    deposit = a_deposit(trade, "21.00", confirmed_at=paid_at)
    credit(deposit)
    trade.refresh_from_db()
    assert trade.status == Status.PAYMENT_CONFIRMED
    assert (trade.payment_confirmed_at, trade.deposit_reference) == (paid_at, deposit.reference)
    assert trade.delivery_deadline == paid_at + timedelta(hours=24)
    assert trade.accept_by is None  # the seller is told first (N8)
    assert trade.expires_at is None
    assert (held_by(trade), wallet_of(bea()), tolerance()) == (usd("21.00"), usd("0.00"), usd("0.00"))
    assert last_fact(trade).data == {
        "public_id": trade.public_id,
        "received": "21.000000 USDT",
        "value": "21.00 USD",
        "expected": "21.00 USD",
        "variance": "exact",
        "message_level": "none",
        "difference": "0.00 USD",
        "credited": "0.00 USD",
        "deposit_reference": deposit.reference,
        "payment_confirmed_at": paid_at.isoformat(),
    }
    operation = Operation.objects.get(key=deposit.credit_key)
    assert operation.reference.startswith(f"ESC_{trade.public_id}_")


@pytest.mark.parametrize(
    ("value", "status", "in_wallet", "from_tolerance", "variance", "level"),
    [
        ("21.00", "payment_confirmed", "0.00", "0.00", "exact", "none"),
        ("21.01", "payment_confirmed", "0.01", "0.00", "over", "none"),
        ("21.02", "payment_confirmed", "0.02", "0.00", "over", "minor"),
        ("21.10", "payment_confirmed", "0.10", "0.00", "over", "minor"),
        ("21.11", "payment_confirmed", "0.11", "0.00", "over", "full"),
        ("120.00", "payment_confirmed", "99.00", "0.00", "over", "full"),
        ("20.99", "payment_confirmed", "0.00", "0.01", "short_within", "none"),
        ("19.95", "payment_confirmed", "0.00", "1.05", "short_within", "full"),
        ("19.94", "payment_pending", "0.00", "0.00", None, None),
        ("0.01", "payment_pending", "0.00", "0.00", None, None),
    ],
)
def test_the_table_of_amounts_at_the_edges_of_tolerance(
    value: str, status: str, in_wallet: str, from_tolerance: str, variance: str | None, level: str | None
) -> None:
    trade = a_waiting_trade(price="20.00")
    credit(a_deposit(trade, value))
    trade.refresh_from_db()
    assert trade.status == status
    assert (wallet_of(bea()), tolerance()) == (usd(in_wallet), -usd(from_tolerance))
    assert held_by(trade) == (usd("21.00") if variance else usd(value))
    fact = last_fact(trade)
    if variance:
        assert (fact.data["variance"], fact.data["message_level"]) == (variance, level)
        assert fact.data["credited"] == f"{in_wallet} USD"
    else:
        missing = usd("21.00") - usd(value)
        assert fact.kind == "escrow.payment_short"
        assert fact.data == {
            "public_id": trade.public_id,
            "received": f"{value}0000 USDT",
            "value": f"{value} USD",
            "expected": "21.00 USD",
            "missing": str(missing),
            "held": f"{value} USD",
            "choose_by": short_of(trade).choose_by.isoformat(),
        }


@pytest.mark.parametrize("price", ["2.00", "9.52", "47.61", "47.62", "100.00", "476.19", "476.20", "500.00"])
def test_one_cent_beyond_tolerance_is_never_accepted(price: str) -> None:
    trades = [a_waiting_trade(price=price) for _ in range(2)]
    total = Money(trades[0].pricing["buyer_total"], "USD")
    least = total - tolerance_of(total)
    credit(a_deposit(trades[0], least.plain()), a_deposit(trades[1], (least - usd("0.01")).plain()))
    statuses = [Escrow.objects.get(pk=trade.pk).status for trade in trades]
    assert statuses == [Status.PAYMENT_CONFIRMED, Status.PAYMENT_PENDING]


@pytest.mark.parametrize("status", sorted(FINAL | HOLDS_MONEY))
def test_money_for_a_trade_that_takes_none_is_its_payers(status: Status) -> None:
    trade = a_trade_in(status)
    before, had = snapshot_of(trade)["row"], wallet_of(bea())
    credit(a_deposit(trade, "21.00"))
    assert snapshot_of(trade)["row"] == before
    assert wallet_of(bea()) - had == usd("21.00")
    fact = last_fact(trade)
    assert fact.kind == "escrow.payment_late"
    assert fact.data == {
        "public_id": trade.public_id,
        "received": "21.000000 USDT",
        "value": "21.00 USD",
        "status": status.value,
    }


def test_the_second_of_two_deposits_in_one_batch_is_the_payers() -> None:
    trade = a_waiting_trade()
    credit(a_deposit(trade, "5.00"), a_deposit(trade, "21.00"), a_deposit(trade, "21.00"))
    trade.refresh_from_db()
    assert (held_by(trade), wallet_of(bea())) == (usd("21.00"), usd("26.00"))
    assert short_of(trade).state == ShortState.COMPLETED
    kinds = list(Event.objects.filter(subject_id=trade.pk).order_by("seq").values_list("kind", flat=True))
    assert kinds[-3:] == ["escrow.payment_short", "escrow.payment_confirmed", "escrow.payment_late"]


def test_a_list_costs_as_many_statements_as_one(django_assert_num_queries: Any) -> None:
    def statements(size: int) -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        trades = [a_waiting_trade() for _ in range(size)]
        deposits = [a_deposit(trade, "21.00", intent=an_intent(trade)) for trade in trades]
        credit(a_deposit(a_waiting_trade(), "21.00"))  # the platform's accounts are known from here on
        with CaptureQueriesContext(connection) as seen:
            credit(*deposits)
        return len(seen)

    assert statements(1) == statements(7)


@pytest.mark.parametrize("broken", [{}, {"fee": "x"}, []], ids=str)
def test_a_malformed_snapshot_lets_that_deposit_fail_alone(broken: Any) -> None:
    good, bad = a_waiting_trade(), a_waiting_trade()
    deposits = [a_deposit(good, "21.00"), a_deposit(bad, "21.00")]
    Escrow.objects.filter(pk=bad.pk).update(pricing=broken)
    before = snapshot_of(bad)
    with pytest.raises(SnapshotMalformed):
        credit(*deposits)
    assert snapshot_of(bad) == before
    assert Escrow.objects.get(pk=good.pk).status == Status.PAYMENT_PENDING
    credit(deposits[0])
    assert Escrow.objects.get(pk=good.pk).status == Status.PAYMENT_CONFIRMED
    with pytest.raises(SnapshotMalformed):
        credit(deposits[1])


def test_malformed_hours_and_an_unknown_trade_fail_too() -> None:
    trade = a_waiting_trade()
    deposit = a_deposit(trade, "21.00")
    Escrow.objects.filter(pk=trade.pk).update(delivery_hours=0)
    with pytest.raises(SnapshotMalformed):
        credit(deposit)
    stray = an_intent(trade)
    stray.reference = "ES010126AAAA"
    with pytest.raises(NotFound):
        credit(a_deposit(trade, "21.00", intent=stray))


def test_an_exception_before_the_commit_leaves_nothing_and_logs_no_success(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trade = a_waiting_trade()
    deposit = a_deposit(trade, "21.00")
    before = snapshot_of(trade)

    def fail(_events: object) -> None:
        raise RuntimeError("the last step failed")

    with caplog.at_level(logging.INFO), monkeypatch.context() as patched:
        patched.setattr(recording, "_hooks", [fail])
        with pytest.raises(RuntimeError):
            credit(deposit)
    assert snapshot_of(trade) == before
    assert "ESCROW_PAYMENT_CONFIRMED" not in caplog.text
    with caplog.at_level(logging.INFO):
        credit(deposit)
    assert "ESCROW_PAYMENT_CONFIRMED" in caplog.text


class TestNeverMoreOutThanIn:
    """F43."""

    def test_a_shortfall_that_tolerance_covered_goes_back_to_tolerance(self) -> None:
        trade = a_waiting_trade()
        credit(a_deposit(trade, "20.00"))
        assert tolerance() == -usd("1.00")
        trade.refresh_from_db()
        cancelled(trade)
        assert (wallet_of(bea()), tolerance(), held_by(trade)) == (usd("20.00"), usd("0.00"), usd("0.00"))
        assert last_fact(trade).data["buyer_gets"] == "20.00 USD"

    def test_an_excess_stays_the_buyers_and_is_not_refunded_again(self) -> None:
        trade = a_waiting_trade()
        credit(a_deposit(trade, "25.00"))
        trade.refresh_from_db()
        for _ in range(2):
            cancelled(trade)
        assert wallet_of(bea()) == usd("25.00")

    def test_a_short_payment_released_pays_the_seller_in_full(self) -> None:
        from escrows.actions.accept import accept_escrow

        trade = a_waiting_trade()
        credit(a_deposit(trade, "20.00"))
        released(accept_escrow(actor=sol(), escrow_id=trade.pk))
        assert wallet_of(sol()) == usd("20.00")
        assert (tolerance(), balance_of(platform_account(FEES, "USD"))) == (-usd("1.00"), usd("1.00"))


def test_a_trade_still_in_created_is_paid_by_money_that_comes() -> None:
    trade = an_agreement()
    credit(a_deposit(trade, "21.00"))
    trade.refresh_from_db()
    assert trade.status == Status.PAYMENT_CONFIRMED
