"""The house's terms as the settings state them now: limits of a new trade (E3) and its fee policy (E4)."""

from django.conf import settings

from escrows.fees import FeePolicy
from wallets.money import Money, exact_money

ASSET = "USD"
DESCRIPTION_MOST = 500
HINT_MOST = 254


def fee_policy() -> FeePolicy:
    """The policy for a trade created now."""
    return FeePolicy(
        percent=settings.ESCROW_FEE_PERCENT,
        minimum=exact_money(settings.ESCROW_MIN_FEE_USD, ASSET),
        minimum_up_to=exact_money(settings.ESCROW_MIN_FEE_UP_TO_USD, ASSET),
    )


def price_limits() -> tuple[Money, Money]:
    """Least and most a trade may be about, both included."""
    return exact_money(settings.ESCROW_MIN_USD, ASSET), exact_money(settings.ESCROW_MAX_USD, ASSET)
