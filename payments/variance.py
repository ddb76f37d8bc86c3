"""Judging what came against what was expected (E8), and how much is said about the difference (E9). Pure."""

from dataclasses import dataclass
from typing import Literal

from payments.tolerance import tolerance_of
from wallets.money import Money

VarianceKind = Literal["exact", "over", "short_within", "short_beyond"]
MessageLevel = Literal["none", "minor", "full"]
SILENT_UP_TO = 1  # cents
MINOR_UP_TO = 10


@dataclass(frozen=True, slots=True)
class Variance:
    """`difference` is never negative; `kind` says in which direction."""

    kind: VarianceKind
    difference: Money
    message_level: MessageLevel


def judge(expected: Money, received: Money) -> Variance:
    """Compares two amounts in USD. Raises: MixedAssets, UnknownAsset."""
    gap = received - expected
    difference = Money(abs(gap.minor), gap.asset)
    return Variance(_kind_of(expected, gap), difference, message_level_of(difference))


def message_level_of(difference: Money) -> MessageLevel:
    """Up to 0.01 nothing, up to 0.10 "minor", above the full explanation."""
    if difference.minor <= SILENT_UP_TO:
        return "none"
    return "minor" if difference.minor <= MINOR_UP_TO else "full"


def _kind_of(expected: Money, gap: Money) -> VarianceKind:
    if gap.minor == 0:
        return "exact"
    if gap.minor > 0:
        return "over"
    return "short_within" if -gap.minor <= tolerance_of(expected).minor else "short_beyond"
