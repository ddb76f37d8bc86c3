"""Money: a whole number of minor units and an asset. Exact, frozen; refuses floats and mixed assets (B1)."""

import re
import unicodedata
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from wallets.assets import digits_of
from wallets.errors import MalformedAmount, MixedAssets

# Reasons of MalformedAmount, for the edge to word.
NOT_A_NUMBER, TOO_MANY_DIGITS, TOO_LONG, NEGATIVE, GROUPED, EMPTY = (
    "not_a_number",
    "too_many_digits",
    "too_long",
    "negative",
    "grouped",
    "empty",
)
_LONGEST = 24
_LARGEST_EXPONENT = 100  # of a decimal, either way: beyond it nobody means money
_PLAIN = re.compile(r"^(\d+)(?:\.(\d+))?$|^\.(\d+)$", re.ASCII)
_MOST_MINOR = 2**63 - 1


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """`minor` units of `asset`: Money(1250, "USD") is 12.50 USD. May be negative (a leg that takes)."""

    minor: int
    asset: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"Money counts whole minor units, not {type(self.minor).__name__}.")
        digits_of(self.asset)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other), self.asset)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other), self.asset)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.asset)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        return f"{self.plain()} {self.asset}"

    def plain(self) -> str:
        """All digits of the asset, no grouping, no symbol: "12.50"."""
        digits = digits_of(self.asset)
        sign, minor = ("-" if self.minor < 0 else ""), abs(self.minor)
        return f"{sign}{minor // 10**digits}.{minor % 10**digits:0{digits}d}"

    def decimal(self) -> Decimal:
        """The exact value in major units."""
        return Decimal(self.minor).scaleb(-digits_of(self.asset))

    def _same(self, other: "Money") -> int:
        if self.asset != other.asset:
            raise MixedAssets(self.asset, other.asset)
        return other.minor


def parse_money(text: str, asset: str) -> Money:
    """Reads what a person typed. "12.5", "12,5" and digits of any script are read; exponents, signs, grouping are
    refused.

    Raises: MalformedAmount with the reason and the text.
    """
    cleaned = unicodedata.normalize("NFKC", text).strip()
    if not cleaned:
        raise MalformedAmount(text, asset, EMPTY)
    if len(cleaned) > _LONGEST:
        raise MalformedAmount(text, asset, TOO_LONG)
    cleaned = "".join(_ascii_digit(character) for character in cleaned)
    if cleaned.startswith(("-", "\u2212")):
        raise MalformedAmount(text, asset, NEGATIVE)
    cleaned = _point_for_comma(cleaned, text, asset)
    match = _PLAIN.match(cleaned)
    if match is None:
        raise MalformedAmount(text, asset, NOT_A_NUMBER)
    whole, fraction = match[1] or "0", match[2] or match[3] or ""
    digits = digits_of(asset)
    if len(fraction) > digits:
        raise MalformedAmount(text, asset, TOO_MANY_DIGITS)
    minor = int(whole + fraction.ljust(digits, "0"))
    if minor > _MOST_MINOR:
        raise MalformedAmount(text, asset, TOO_LONG)
    return Money(minor, asset)


def exact_money(value: Decimal, asset: str) -> Money:
    """A decimal that has no more digits than the asset. Raises: MalformedAmount."""
    if not value.is_finite():
        raise MalformedAmount(str(value), asset, NOT_A_NUMBER)
    minor, rest = _minor_units(value, asset)
    if rest:
        raise MalformedAmount(str(value), asset, TOO_MANY_DIGITS)
    return _bounded(minor, asset, value)


def floored_money(value: Decimal, asset: str) -> Money:
    """A decimal cut down to the asset's digits; the dust is the platform's (B1). Raises: MalformedAmount."""
    if not value.is_finite():
        raise MalformedAmount(str(value), asset, NOT_A_NUMBER)
    return _bounded(_minor_units(value, asset)[0], asset, value)


def half_up(value: Decimal) -> int:
    """Rounds minor units half-up to a whole number (E4)."""
    return int(value.to_integral_value(rounding=ROUND_HALF_UP))


def _minor_units(value: Decimal, asset: str) -> tuple[int, int]:
    """Whole minor units, floored, and what is left of them. In whole numbers: Decimal rounds to 28 digits by itself."""
    if abs(value.adjusted()) > _LARGEST_EXPONENT:
        raise MalformedAmount(str(value), asset, TOO_LONG)
    numerator, denominator = value.as_integer_ratio()
    whole, rest = divmod(numerator * 10 ** digits_of(asset), denominator)
    return int(whole), int(rest)


def _bounded(minor: int, asset: str, value: Decimal) -> Money:
    if abs(minor) > _MOST_MINOR:
        raise MalformedAmount(str(value), asset, TOO_LONG)
    return Money(minor, asset)


def _ascii_digit(character: str) -> str:
    if character in "\u066b":  # the Arabic decimal separator
        return "."
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)


def _point_for_comma(cleaned: str, text: str, asset: str) -> str:
    # "12,5" is a decimal comma; "1,000" may be a thousand or one: refused, because guessing costs money.
    if "," not in cleaned:
        return cleaned
    whole, _, fraction = cleaned.rpartition(",")
    if "," in whole or "." in cleaned or len(fraction) == 3 or not whole:
        raise MalformedAmount(text, asset, GROUPED)
    return f"{whole}.{fraction}"
