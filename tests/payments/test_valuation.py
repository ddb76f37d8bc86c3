"""Whole-number arithmetic between coin and price: the cost covers the price, the value never exceeds what came."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.valuation import WorthTooMuch, cost_of, value_of
from wallets.money import Money

RATES = st.decimals(min_value="0.00000001", max_value="1000000", places=8).filter(bool)


@given(cents=st.integers(1, 10**9), rate=RATES, asset=st.sampled_from(["BTC", "USDT", "TRX", "SOL"]))
def test_paying_the_cost_is_worth_the_price_and_one_unit_less_is_not(cents: int, rate: Decimal, asset: str) -> None:
    price = Money(cents, "USD")
    try:
        cost = cost_of(price, rate, asset)
        assert value_of(cost, rate, "USD").minor >= cents
        assert value_of(Money(cost.minor - 1, asset), rate, "USD").minor < cents
    except WorthTooMuch:
        pass


@given(minor=st.integers(0, 2**62), rate=RATES)
def test_the_value_is_the_exact_product_floored(minor: int, rate: Decimal) -> None:
    numerator, denominator = rate.as_integer_ratio()
    exact = minor * numerator * 100 // (denominator * 10**8)
    if exact < 2**63:
        assert value_of(Money(minor, "BTC"), rate, "USD").minor == exact


def test_more_than_any_ledger_holds_is_refused() -> None:
    with pytest.raises(WorthTooMuch):
        value_of(Money(2**63 - 1, "BTC"), Decimal(10**9), "USD")
