"""What a coin amount is worth, and how much coin a price costs: whole-number arithmetic, no rounding but the named
one."""

from decimal import Decimal

from payments.errors import PaymentsError
from wallets.assets import digits_of
from wallets.money import Money

_MOST_MINOR = 2**63 - 1


class WorthTooMuch(PaymentsError):
    """An amount no ledger can hold: the report is absurd."""


def value_of(received: Money, rate: Decimal, price_asset: str) -> Money:
    """`received` × `rate` (price asset per one coin), floored to the price asset's digits. Raises: WorthTooMuch."""
    numerator, denominator = rate.as_integer_ratio()
    minor = received.minor * numerator * 10 ** digits_of(price_asset) // (denominator * 10 ** digits_of(received.asset))
    if minor > _MOST_MINOR:
        raise WorthTooMuch(str(received))
    return Money(minor, price_asset)


def cost_of(price: Money, rate: Decimal, pay_asset: str) -> Money:
    """The least coin amount that is worth `price` at `rate`, rounded up to the coin's digits."""
    numerator, denominator = rate.as_integer_ratio()
    top = price.minor * denominator * 10 ** digits_of(pay_asset)
    bottom = numerator * 10 ** digits_of(price.asset)
    return Money(-(-top // bottom), pay_asset)
