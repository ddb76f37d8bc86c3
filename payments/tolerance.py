"""How much a payment may fall short and still be accepted (E8). Pure; the bands are law, the cap is code."""

from dataclasses import dataclass

from wallets.errors import UnknownAsset
from wallets.money import Money


@dataclass(frozen=True, slots=True)
class Band:
    """`percent` of the expected amount, never less than `least` nor more than `most` cents, for amounts up to
    `up_to`."""

    up_to: int | None
    percent: int
    least: int
    most: int


# In US cents. 50.00 and 500.00 both belong to the middle band.
BANDS = (
    Band(up_to=49_99, percent=5, least=50, most=2_50),
    Band(up_to=500_00, percent=3, least=1_00, most=15_00),
    Band(up_to=None, percent=1, least=2_00, most=10_00),
)
HARD_CAP = 15_00  # whatever the table says


def tolerance_of(expected: Money) -> Money:
    """The largest accepted shortfall of an amount in USD, floored to the cent. Raises: UnknownAsset for other
    assets."""
    if expected.asset != "USD":
        raise UnknownAsset(expected.asset)
    band = next(band for band in BANDS if band.up_to is None or expected.minor <= band.up_to)
    share = expected.minor * band.percent // 100
    return Money(min(max(share, band.least), band.most, HARD_CAP, max(expected.minor, 0)), expected.asset)
