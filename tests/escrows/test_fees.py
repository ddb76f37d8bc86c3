"""What a trade costs (E4): examples to the cent, laws for every amount, snapshots that cannot be trusted (F42)."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrows.errors import SnapshotMalformed
from escrows.fees import FeePolicy, Pricing, delivery_hours_of, price_escrow
from escrows.models import Escrow, FeePayer
from wallets.money import Money


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def policy(percent: str = "5", minimum: int = 0, up_to: int = 0, discount: int = 0) -> FeePolicy:
    return FeePolicy(Decimal(percent), usd(minimum), usd(up_to), discount)


@pytest.mark.parametrize(
    ("price", "fee_payer", "fee", "buyer_total", "seller_net"),
    [
        (2000, "buyer", 100, 2100, 2000),
        (2000, "seller", 100, 2000, 1900),
        (2000, "split", 100, 2050, 1950),
        (2010, "split", 101, 2060, 1959),  # 100.5 → 101; the odd cent is the seller's
        (210, "buyer", 11, 221, 210),  # 10.5 → 11: half-up
        (209, "buyer", 10, 219, 209),
        (200, "seller", 10, 200, 190),
        (50000, "split", 2500, 51250, 48750),
    ],
)
def test_five_percent_half_up_paid_as_agreed(
    price: int, fee_payer: str, fee: int, buyer_total: int, seller_net: int
) -> None:
    pricing = price_escrow(usd(price), fee_payer, policy())
    assert (pricing.fee.minor, pricing.buyer_total.minor, pricing.seller_net.minor) == (fee, buyer_total, seller_net)


@pytest.mark.parametrize(("price", "fee"), [(999, 100), (1000, 100), (1001, 50), (50, 50), (2500, 125)])
def test_the_minimum_holds_up_to_and_including_its_limit_and_never_exceeds_the_price(price: int, fee: int) -> None:
    assert price_escrow(usd(price), "buyer", policy(minimum=100, up_to=1000)).fee.minor == fee


@pytest.mark.parametrize(("discount", "fee"), [(0, 100), (10, 90), (20, 80), (30, 70), (40, 60), (50, 50)])
def test_a_level_discount_lowers_the_fee(discount: int, fee: int) -> None:
    assert price_escrow(usd(2000), "buyer", policy(discount=discount)).fee.minor == fee


def test_policies_that_differ_have_different_versions() -> None:
    versions = {policy().version, policy("6").version, policy(minimum=1).version, policy(up_to=1).version}
    assert len(versions | {policy(discount=10).version}) == 5


policies = st.builds(
    policy,
    percent=st.decimals(min_value=0, max_value=100, places=2).map(str),
    minimum=st.integers(0, 1000),
    up_to=st.integers(0, 60_000),
    discount=st.sampled_from([0, 10, 20, 30, 40, 50]),
)


@given(price=st.integers(1, 10**12), fee_payer=st.sampled_from(FeePayer.values), terms=policies)
def test_nothing_is_ever_lost_between_what_is_paid_and_what_is_got(
    price: int, fee_payer: str, terms: FeePolicy
) -> None:
    pricing = price_escrow(usd(price), fee_payer, terms)
    assert pricing.buyer_total - pricing.seller_net == pricing.fee
    assert pricing.buyer_fee + pricing.seller_fee == pricing.fee
    assert 0 <= pricing.fee.minor <= price
    assert pricing.seller_net.minor >= 0
    if fee_payer == FeePayer.SPLIT:
        assert 0 <= pricing.seller_fee.minor - pricing.buyer_fee.minor <= 1
    elif fee_payer == FeePayer.BUYER:
        assert pricing.seller_fee.minor == 0
    else:
        assert pricing.buyer_fee.minor == 0


@given(price=st.integers(1, 10**12), fee_payer=st.sampled_from(FeePayer.values), terms=policies)
def test_a_snapshot_reads_back_as_it_was(price: int, fee_payer: str, terms: FeePolicy) -> None:
    pricing = price_escrow(usd(price), fee_payer, terms)
    assert Pricing.of(Escrow(public_id="ES", price_minor=price, pricing=pricing.snapshot())) == pricing


@given(price=st.integers(1, 10**9), more=st.integers(0, 10**6))
def test_a_dearer_trade_never_has_a_smaller_fee(price: int, more: int) -> None:
    assert price_escrow(usd(price), "buyer", policy()).fee <= price_escrow(usd(price + more), "buyer", policy()).fee


GOOD = price_escrow(usd(2000), "split", policy()).snapshot()
MALFORMED: list[Any] = [
    {},
    None,
    [],
    "{}",
    *({name: value for name, value in GOOD.items() if name != lost} for lost in GOOD),
    *({**GOOD, "fee": wrong} for wrong in ("100", 100.0, True, None, -1, 101)),
    {**GOOD, "asset": "BTC"},
    {**GOOD, "price": 2001, "buyer_total": 2051, "seller_net": 1951},
    {**GOOD, "buyer_total": 2049},
    {**GOOD, "policy_version": ""},
]


@pytest.mark.parametrize("stored", MALFORMED, ids=str)
def test_a_snapshot_that_cannot_be_trusted_is_refused(stored: Any) -> None:
    with pytest.raises(SnapshotMalformed):
        Pricing.of(Escrow(public_id="ES", price_minor=2000, pricing=stored))


@pytest.mark.parametrize("hours", [None, 0, -1, 169, "48", 48.0])
def test_hours_that_cannot_have_been_agreed_are_refused(hours: Any) -> None:
    with pytest.raises(SnapshotMalformed):
        delivery_hours_of(Escrow(public_id="ES", delivery_hours=hours))
