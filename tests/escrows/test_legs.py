"""The legs of a trade's postings balance, and a refund gives everybody theirs back (E11, F43)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrows.fees import FeePolicy, price_escrow
from escrows.legs import Composition, deposit_legs, refund_legs, release_legs, total_of, wallet_legs
from escrows.models import FeePayer
from wallets.accounts import CREDIT, HOLD, TOLERANCE
from wallets.ledger import Leg
from wallets.money import Money

FIVE = FeePolicy(Decimal(5), Money(0, "USD"), Money(0, "USD"))
prices = st.integers(1, 10**9)
payers = st.sampled_from(FeePayer.values)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def by_kind(legs: tuple[Leg, ...]) -> dict[str, int]:
    return {code.kind: money.minor for code, money in legs}


@given(price=prices, fee_payer=payers)
def test_a_release_hands_out_what_the_hold_keeps(price: int, fee_payer: str) -> None:
    pricing = price_escrow(usd(price), fee_payer, FIVE)
    legs = release_legs(public_id="ES", seller_id=2, pricing=pricing)
    assert total_of(legs, "USD") == usd(0)
    assert by_kind(legs)[HOLD] == -pricing.buyer_total.minor
    assert all(money for _, money in legs)


@given(price=prices, fee_payer=payers, value=st.integers(0, 2 * 10**9))
def test_a_deposit_that_pays_is_worth_its_value(price: int, fee_payer: str, value: int) -> None:
    pricing = price_escrow(usd(price), fee_payer, FIVE)
    legs = deposit_legs(public_id="ES", payer_id=1, due=pricing.buyer_total, value=usd(value))
    assert total_of(legs, "USD") == usd(value)
    assert by_kind(legs)[HOLD] == pricing.buyer_total.minor
    assert all(money for _, money in legs)


@given(total=st.integers(1, 10**6), credit=st.integers(0, 2 * 10**6))
def test_a_wallet_pays_with_trading_credit_first(total: int, credit: int) -> None:
    legs = wallet_legs(public_id="ES", buyer_id=1, total=usd(total), credit=usd(credit))
    assert total_of(legs, "USD") == usd(0)
    assert -by_kind(legs).get(CREDIT, 0) == min(total, credit)


@st.composite
def compositions(draw: st.DrawFn) -> Composition:
    parts = [draw(st.integers(0, 10**6)) for _ in range(3)]
    return Composition(held=usd(sum(parts)), from_credit=usd(parts[0]), from_tolerance=usd(parts[1]))


@given(composition=compositions())
def test_a_full_refund_reverses_the_funding_exactly(composition: Composition) -> None:
    legs = refund_legs(public_id="ES", buyer_id=1, composition=composition, amount=composition.held)
    found = by_kind(legs)
    assert total_of(legs, "USD") == usd(0)
    assert found.get(CREDIT, 0) == composition.from_credit.minor
    assert found.get(TOLERANCE, 0) == composition.from_tolerance.minor
    assert found.get("available", 0) == composition.from_buyer.minor


@given(composition=compositions(), data=st.data())
def test_refunds_in_parts_never_give_anybody_more_than_they_put_in(
    composition: Composition, data: st.DataObject
) -> None:
    given_back = {CREDIT: 0, TOLERANCE: 0, "available": 0}
    left = composition
    for _ in range(4):
        amount = usd(data.draw(st.integers(0, left.held.minor)))
        found = by_kind(refund_legs(public_id="ES", buyer_id=1, composition=left, amount=amount))
        for kind in given_back:
            assert found.get(kind, 0) >= 0
            given_back[kind] += found.get(kind, 0)
        left = Composition(
            held=left.held - amount,
            from_credit=left.from_credit - usd(found.get(CREDIT, 0)),
            from_tolerance=left.from_tolerance - usd(found.get(TOLERANCE, 0)),
        )
    assert given_back[CREDIT] <= composition.from_credit.minor
    assert given_back[TOLERANCE] <= composition.from_tolerance.minor
    assert sum(given_back.values()) == composition.held.minor - left.held.minor


def test_more_than_is_held_is_never_given_back() -> None:
    composition = Composition(held=usd(100), from_credit=usd(0), from_tolerance=usd(0))
    with pytest.raises(ValueError):
        refund_legs(public_id="ES", buyer_id=1, composition=composition, amount=usd(101))
