"""What a withdrawal costs and brings, and who can say so.

The books know neither rates nor networks. The room above that does registers itself here (one quoter), so that forms,
actions and the admin can ask without importing it. The fee of the house is a pure function of the amount.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from django.conf import settings

from lockbay import clock
from wallets.errors import QuoteUnavailable
from wallets.money import Money, floored_money, half_up

if TYPE_CHECKING:
    from wallets.models import Destination, Withdrawal


@dataclass(frozen=True, slots=True)
class WithdrawalTerms:
    """What a request is told before it is made. `fee` and `network_fee` are taken off the amount (both in the asset of
    the wallet), `estimate` is what would arrive now, in the asset that is paid out, at `rate` (payout asset per one of
    the wallet's)."""

    fee: Money
    network_fee: Money
    estimate: Money
    rate: str
    rate_source: str
    rate_at: datetime


@dataclass(frozen=True, slots=True)
class PayoutQuote:
    """What is sent when a withdrawal is approved now, at `rate` (payout asset per one of the wallet's)."""

    payout: Money
    rate: str
    rate_source: str
    rate_at: datetime


class Quoter(Protocol):
    """Whoever can price a withdrawal. Neither call uses the network: both read what is stored."""

    def terms_for(self, destination: "Destination", amount: Money, now: datetime) -> WithdrawalTerms:
        """The terms of withdrawing `amount` to `destination`. Raises: QuoteUnavailable, NothingArrives."""

    def payout_quote(self, withdrawal: "Withdrawal", now: datetime) -> PayoutQuote:
        """What approving it now sends, by a fresh rate. Raises: QuoteUnavailable, NothingArrives."""


_quoters: list[Quoter] = []


def register_quoter(quoter: Quoter) -> None:
    """Called once, when the room that prices withdrawals is ready; a later one takes its place."""
    _quoters[:] = [quoter]


def terms_for(destination: "Destination", amount: Money) -> WithdrawalTerms:
    """The terms of withdrawing `amount` to `destination` now. Raises: QuoteUnavailable, NothingArrives."""
    return quoter().terms_for(destination, amount, clock.now())


def payout_quote_for(withdrawal: "Withdrawal") -> PayoutQuote:
    """What approving `withdrawal` now would send. Raises: QuoteUnavailable, NothingArrives."""
    return quoter().payout_quote(withdrawal, clock.now())


def service_fee(amount: Money) -> Money:
    """The fee of the house: a share of the amount, rounded half-up to its minor unit, and never less than the least
    one (W1)."""
    share = Money(half_up(settings.WITHDRAWAL_FEE_PERCENT * amount.minor / Decimal(100)), amount.asset)
    least = floored_money(Decimal(settings.WITHDRAWAL_FEE_LEAST), amount.asset)
    return max(share, least)


def quoter() -> Quoter:
    """The registered one. Raises: QuoteUnavailable when there is none."""
    if not _quoters:
        raise QuoteUnavailable("rate")
    return _quoters[0]
