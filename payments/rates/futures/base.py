"""What is known of a coin's perpetual future against USDT."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Protocol

from payments.errors import Unintelligible

QUARTERS_OF_A_DAY = 96  # a reading every 15 minutes
MOST = Decimal("1e15")
_DIGITS = Context(prec=18)


@dataclass(frozen=True)
class Futures:
    """`open_interest` in USD, its changes in per cent; `funding_rate` a fraction for each `funding_hours`."""

    open_interest: Decimal
    change_15m: Decimal
    change_24h: Decimal
    funding_rate: Decimal
    funding_hours: int

    @property
    def yearly_cost(self) -> Decimal:
        """What the funding rate comes to in a year, in per cent."""
        return self.funding_rate * 24 * 365 * 100 / Decimal(self.funding_hours)


class FuturesSource(Protocol):
    """One exchange. fetch() runs in a thread of its own: no database."""

    name: str

    def fetch(self, coin: str) -> Futures:
        """Raises: ProviderError; Rejected when the coin has no such future."""


def changes_of(source: str, readings: Sequence[Decimal]) -> tuple[Decimal, Decimal]:
    """Per cent since a quarter of an hour and since a day ago; `readings` one every 15 min, newest first.

    Raises: Unintelligible.
    """
    require_plausible(source, *readings)
    if len(readings) <= QUARTERS_OF_A_DAY or any(reading <= 0 for reading in readings):
        raise Unintelligible(source, "no history of a day")
    now, quarter, day = readings[0], readings[1], readings[QUARTERS_OF_A_DAY]
    return _percent(quarter, now), _percent(day, now)


def require_plausible(source: str, *numbers: Decimal) -> None:
    """Raises: Unintelligible when one is NaN, infinite or larger than any figure of a market."""
    if not all(number.is_finite() and -MOST <= number <= MOST for number in numbers):
        raise Unintelligible(source, "a figure that is no number")


def _percent(old: Decimal, new: Decimal) -> Decimal:
    return _DIGITS.multiply(_DIGITS.divide(new - old, old), Decimal(100))
