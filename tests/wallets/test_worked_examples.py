"""Stories of money, readable as a tutorial of the books. Every story ends with the proof."""

from collections.abc import Iterator

import pytest
from django.db import transaction

from tests.wallets.books import balance, operation, person, usd
from wallets import ledger
from wallets.accounts import (
    AFFILIATE,
    CLEARING,
    CREDIT,
    FEES,
    FX,
    HELD,
    TOLERANCE,
    hold_account,
    platform_account,
    user_account,
)
from wallets.actions.reverse_operation import reverse_operation_within
from wallets.money import Money
from wallets.proof import check_ledger
from wallets.queries import balance_of, entries_of, spendable

pytestmark = pytest.mark.django_db

CLEARING_USDT = platform_account(CLEARING, "USDT", "dynopay")
FX_USDT, FX_USD = platform_account(FX, "USDT"), platform_account(FX, "USD")
FEES_USD, TOLERANCE_USD = platform_account(FEES, "USD"), platform_account(TOLERANCE, "USD")


@pytest.fixture(autouse=True)
def _books_hold_at_the_end() -> Iterator[None]:
    yield
    check = check_ledger(full=True)
    assert check.breaches == []


def post(new: ledger.NewOperation) -> ledger.Operation:
    with transaction.atomic():
        return ledger.post([new])[0]


def coin_for(target: ledger.AccountCode, value: str, key: str = "deposit:1:credit:1") -> ledger.NewOperation:
    """USDT arrives one for one; what it is worth lands on `target`."""
    coin = Money(usd(value).minor * 10_000, "USDT")
    return operation(key, (CLEARING_USDT, -coin), (FX_USDT, coin), (FX_USD, -usd(value)), (target, usd(value)))


def test_a_deposit_in_coin_becomes_dollars_at_the_frozen_rate() -> None:
    bea = person("bea")
    wallet = user_account(bea.pk, "USD")
    post(coin_for(wallet, "100.00"))
    assert balance(wallet) == usd("100.00")
    # What we owe Bea in dollars stands against what the provider holds for us in coin; fx remembers the exchange.
    assert balance_of(CLEARING_USDT) == Money(-100_000_000, "USDT")
    assert balance_of(FX_USDT) == Money(100_000_000, "USDT")
    assert balance_of(FX_USD) == usd("-100.00")


def test_a_whole_trade_pays_the_seller_and_earns_the_fee() -> None:
    sol, hold = person("sol"), hold_account("ES010126AAAA", "USD")
    post(coin_for(hold, "105.00"))
    seller = user_account(sol.pk, "USD")
    post(
        operation(
            "escrow:ES010126AAAA:release", (hold, usd("-105.00")), (seller, usd("100.00")), (FEES_USD, usd("5.00"))
        )
    )
    assert (balance(hold), balance(seller), balance_of(FEES_USD)) == (usd("0"), usd("100.00"), usd("5.00"))


def test_a_shortfall_within_tolerance_is_carried_by_the_platform_and_given_back_on_refund() -> None:
    bea, hold = person("bea"), hold_account("ES010126AAAB", "USD")
    coin = Money(104_000_000, "USDT")
    post(
        operation(
            "deposit:7:credit:1",
            (CLEARING_USDT, -coin),
            (FX_USDT, coin),
            (FX_USD, usd("-104.00")),
            (TOLERANCE_USD, usd("-1.00")),
            (hold, usd("105.00")),
        )
    )
    wallet = user_account(bea.pk, "USD")
    post(
        operation(
            "escrow:ES010126AAAB:refund", (hold, usd("-105.00")), (wallet, usd("104.00")), (TOLERANCE_USD, usd("1.00"))
        )
    )
    assert (balance(wallet), balance_of(TOLERANCE_USD)) == (usd("104.00"), usd("0"))


def test_a_split_dispute_divides_the_hold() -> None:
    bea, sol, hold = person("bea"), person("sol"), hold_account("ES010126AAAC", "USD")
    post(coin_for(hold, "105.00"))
    buyer, seller = user_account(bea.pk, "USD"), user_account(sol.pk, "USD")
    post(
        operation(
            "escrow:ES010126AAAC:split",
            (hold, usd("-105.00")),
            (buyer, usd("40.00")),
            (seller, usd("60.00")),
            (FEES_USD, usd("5.00")),
        )
    )
    assert (balance(buyer), balance(seller), balance(hold)) == (usd("40.00"), usd("60.00"), usd("0"))


def test_a_failed_payout_returns_by_a_reversing_operation() -> None:
    sol = person("sol")
    wallet, held = user_account(sol.pk, "USD"), user_account(sol.pk, "USD", HELD)
    post(coin_for(wallet, "50.00"))
    request = post(operation("withdrawal:1:request", (wallet, usd("-20.00")), (held, usd("20.00"))))
    reversal = reverse_operation_within(actor=None, operation_id=request.pk, reason="bank refused")
    again = reverse_operation_within(actor=None, operation_id=request.pk, reason="bank refused")
    assert reversal.pk == again.pk
    assert reversal.reverses_id == request.pk
    assert (balance(wallet), balance(held)) == (usd("50.00"), usd("0"))


def test_a_referral_is_paid_from_the_fee_in_the_release_itself() -> None:
    sol, ada, hold = person("sol"), person("ada"), hold_account("ES010126AAAD", "USD")
    post(coin_for(hold, "105.00"))
    referrer = user_account(ada.pk, "USD", AFFILIATE)
    post(
        operation(
            "escrow:ES010126AAAD:release",
            (hold, usd("-105.00")),
            (user_account(sol.pk, "USD"), usd("100.00")),
            (FEES_USD, usd("4.50")),
            (referrer, usd("0.50")),
        )
    )
    assert balance(referrer) == usd("0.50")


def test_trading_credit_pays_for_trades_but_is_not_available() -> None:
    bea = person("bea")
    credit = user_account(bea.pk, "USD", CREDIT)
    post(operation("credit:1", (FEES_USD, usd("-3.00")), (credit, usd("3.00"))))
    assert spendable(bea.pk) == usd("3.00")
    lines = entries_of(bea.pk)
    assert [(str(line.money), line.kind) for line in lines] == [("3.00 USD", CREDIT)]


def test_a_wallets_history_is_read_page_by_page() -> None:
    bea = person("bea")
    for number in range(5):
        post(coin_for(user_account(bea.pk, "USD"), f"{number + 1}.00", key=f"deposit:{number}:credit:1"))
    first = entries_of(bea.pk, limit=3)
    second = entries_of(bea.pk, before_id=first[-1].id, limit=3)
    assert [line.money.plain() for line in first + second] == ["5.00", "4.00", "3.00", "2.00", "1.00"]
    assert first[0].balance_after == usd("15.00")
