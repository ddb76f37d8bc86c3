"""Where a withdrawal goes and on which terms: set when it is asked for, and again when its owner changes it."""

from wallets.errors import NothingArrives
from wallets.models import Destination, Withdrawal
from wallets.money import Money
from wallets.quoting import WithdrawalTerms


def set_target(withdrawal: Withdrawal, destination: Destination, terms: WithdrawalTerms) -> None:
    """Where it goes and on which terms; the destination's details are kept as they are now."""
    withdrawal.destination, withdrawal.details = destination, destination.details
    withdrawal.rail, withdrawal.payout_asset = destination.rail, destination.payout_asset
    withdrawal.fee_minor, withdrawal.network_fee_minor = terms.fee.minor, terms.network_fee.minor
    withdrawal.estimate_minor = terms.estimate.minor
    withdrawal.rate, withdrawal.rate_source, withdrawal.rate_at = terms.rate, terms.rate_source, terms.rate_at


def require_something_arrives(amount: Money, terms: WithdrawalTerms) -> None:
    """Raises: NothingArrives; MixedAssets when the fees are in another asset."""
    fees = terms.fee + terms.network_fee
    if amount <= fees or terms.estimate.minor <= 0:
        raise NothingArrives(amount, fees)
