"""Money is exact: what is typed is read right or refused, never guessed (B1)."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallets.assets import DIGITS
from wallets.errors import MalformedAmount, MixedAssets, UnknownAsset
from wallets.money import Money, exact_money, floored_money, half_up, parse_money


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("12", 1200),
        ("12.5", 1250),
        ("12,5", 1250),
        ("12,50", 1250),
        (" 12.50 ", 1250),
        (".5", 50),
        ("0", 0),
        ("٢٥", 2500),
        ("٢٥٫٥", 2550),
        ("１２．５", 1250),
        ("007.10", 710),
    ],
)
def test_reads_what_a_person_means(text: str, minor: int) -> None:
    assert parse_money(text, "USD") == Money(minor, "USD")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1e3", "not_a_number"),
        ("NaN", "not_a_number"),
        ("inf", "not_a_number"),
        ("-5", "negative"),
        ("\u22125", "negative"),
        ("10.001", "too_many_digits"),
        ("1,000", "grouped"),
        ("1,000.00", "grouped"),
        ("1.000,00", "grouped"),
        ("9" * 300, "too_long"),
        ("99999999999999999999", "too_long"),
        ("", "empty"),
        ("   ", "empty"),
        ("12 USD", "not_a_number"),
        ("0x10", "not_a_number"),
        ("1_000", "not_a_number"),
        ("1.2.3", "not_a_number"),
        ("½", "not_a_number"),
        (".", "not_a_number"),
        ("5\x00", "not_a_number"),
    ],
)
def test_refuses_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(MalformedAmount) as refusal:
        parse_money(text, "USD")
    assert refusal.value.reason == reason


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.sampled_from(sorted(DIGITS)))
def test_printing_and_reading_are_inverse(minor: int, asset: str) -> None:
    money = Money(minor, asset)
    assert exact_money(money.decimal(), asset) == money
    if minor >= 0:
        assert parse_money(money.plain(), asset) == money


@given(st.text(max_size=40))
def test_never_fails_in_another_way(text: str) -> None:
    with suppress(MalformedAmount):
        assert parse_money(text, "USD").minor >= 0


def test_refuses_floats_and_booleans() -> None:
    for wrong in (1.5, True, Decimal(1), "1"):
        with pytest.raises(TypeError):
            Money(wrong, "USD")  # type: ignore[arg-type]


def test_refuses_mixed_assets() -> None:
    with pytest.raises(MixedAssets):
        Money(1, "USD") + Money(1, "NGN")
    with pytest.raises(MixedAssets):
        _ = Money(1, "USD") < Money(1, "NGN")


def test_refuses_an_unknown_asset() -> None:
    with pytest.raises(UnknownAsset):
        Money(1, "XYZ")


def test_chain_dust_is_cut_never_rounded_up() -> None:
    assert floored_money(Decimal("1.9999999999"), "USDT") == Money(1_999_999, "USDT")
    with pytest.raises(MalformedAmount):
        exact_money(Decimal("1.9999999999"), "USDT")
    with pytest.raises(MalformedAmount):
        floored_money(Decimal("1e400"), "USDT")
    with pytest.raises(MalformedAmount):
        floored_money(Decimal("NaN"), "USDT")


def test_no_number_of_digits_makes_a_decimal_round() -> None:
    """The decimal module rounds to 28 digits by itself wherever it may."""
    nines = Decimal("0." + "9" * 38)
    assert floored_money(nines, "USDT") == Money(999_999, "USDT")
    assert floored_money(Decimal("12345678901.0" + "9" * 30), "USD") == Money(1_234_567_890_109, "USD")
    with pytest.raises(MalformedAmount):
        exact_money(Decimal("1." + "0" * 30 + "1"), "USD")


def test_half_a_cent_goes_up() -> None:
    assert [half_up(Decimal(text)) for text in ("0.5", "1.5", "2.4999", "2.5")] == [1, 2, 2, 3]
