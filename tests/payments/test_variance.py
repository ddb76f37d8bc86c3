"""Every band edge of the tolerance ± one cent (E8), and every edge of what is said (E9)."""

import pytest

from payments.tolerance import HARD_CAP, tolerance_of
from payments.variance import judge, message_level_of
from wallets.errors import MixedAssets, UnknownAsset
from wallets.money import Money


def usd(cents: int) -> Money:
    return Money(cents, "USD")


@pytest.mark.parametrize(
    ("expected", "tolerance"),
    [
        (2_00, 50),  # the least amount: 5 % would be 0.10
        (9_99, 50),
        (10_00, 50),  # 5 % meets the floor of 0.50
        (10_01, 50),
        (10_19, 50),
        (10_20, 51),
        (49_98, 2_49),
        (49_99, 2_49),  # the band below 50 ends
        (50_00, 1_50),  # 3 % begins
        (50_01, 1_50),
        (33_33, 1_66),
        (33_34, 1_66),
        (99_99, 2_99),
        (100_00, 3_00),
        (499_99, 14_99),
        (500_00, 15_00),  # 3 % meets the cap of 15.00
        (500_01, 5_00),  # 1 % begins
        (999_99, 9_99),
        (1_000_00, 10_00),  # 1 % meets the cap of 10.00
        (1_000_01, 10_00),
        (1_000_000_00, 10_00),
        (30, 30),  # never more than what was expected
        (0, 0),
    ],
)
def test_tolerance_at_every_edge(expected: int, tolerance: int) -> None:
    assert tolerance_of(usd(expected)) == usd(tolerance)


def test_no_tolerance_passes_the_hard_cap() -> None:
    assert max(tolerance_of(usd(cents)).minor for cents in range(0, 200_000, 7)) <= HARD_CAP


def test_tolerance_is_in_dollars_only() -> None:
    with pytest.raises(UnknownAsset):
        tolerance_of(Money(1, "NGN"))


@pytest.mark.parametrize("expected", [2_00, 10_00, 49_99, 50_00, 50_01, 500_00, 500_01, 1_000_00])
def test_the_verdict_at_every_edge(expected: int) -> None:
    tolerance = tolerance_of(usd(expected)).minor
    kinds = {
        expected: "exact",
        expected + 1: "over",
        expected - 1: "short_within",
        expected - tolerance + 1: "short_within",
        expected - tolerance: "short_within",
        expected - tolerance - 1: "short_beyond",
        0: "short_beyond",
    }
    for received, kind in kinds.items():
        verdict = judge(usd(expected), usd(received))
        assert (verdict.kind, verdict.difference) == (kind, usd(abs(received - expected))), received


@pytest.mark.parametrize(
    ("difference", "level"), [(0, "none"), (1, "none"), (2, "minor"), (9, "minor"), (10, "minor"), (11, "full")]
)
def test_how_much_is_said_at_every_edge(difference: int, level: str) -> None:
    assert message_level_of(usd(difference)) == level
    assert judge(usd(20_00), usd(20_00 + difference)).message_level == level
    assert judge(usd(20_00), usd(20_00 - difference)).message_level == level


def test_assets_do_not_mix() -> None:
    with pytest.raises(MixedAssets):
        judge(usd(1), Money(1, "USDT"))
