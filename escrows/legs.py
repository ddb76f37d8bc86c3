"""The legs of every posting of a trade: pure functions, read by the preview and by the posting alike (E5).

hold   what the escrow keeps: the buyer's total        fees       LockBay's, on release only
tolerance   absorbs what a payment was short by        available, credit   the people's wallets
"""

from collections.abc import Sequence
from dataclasses import dataclass

from escrows.affiliates import Share, total_of_shares
from escrows.fees import Pricing
from wallets.accounts import AFFILIATE, AVAILABLE, CREDIT, FEES, TOLERANCE, hold_account, platform_account, user_account
from wallets.ledger import Leg
from wallets.money import Money


@dataclass(frozen=True)
class Composition:
    """What lies in a hold, by where it came from; the rest of `held` came from the buyer's own money."""

    held: Money
    from_credit: Money
    from_tolerance: Money

    @property
    def from_buyer(self) -> Money:
        """The part that was the buyer's available money or a deposit."""
        return self.held - self.from_credit - self.from_tolerance


def deposit_legs(*, public_id: str, payer_id: int, due: Money, value: Money) -> tuple[Leg, ...]:
    """Targets for a deposit that pays what is `due`: the hold; an excess is the payer's, a shortfall is tolerance's."""
    asset = value.asset
    return _moving(
        (hold_account(public_id, asset), due),
        (user_account(payer_id, asset, AVAILABLE), value - due if due < value else Money(0, asset)),
        (platform_account(TOLERANCE, asset), value - due if value < due else Money(0, asset)),
    )


def short_legs(*, public_id: str, value: Money) -> tuple[Leg, ...]:
    """Targets for a deposit that is too short: the trade keeps it while the buyer decides (E8)."""
    return _moving((hold_account(public_id, value.asset), value))


def taken_back_legs(*, public_id: str, taken: Money, tolerance: Money) -> tuple[Leg, ...]:
    """What a vanished deposit takes out of the hold; the house gets back what it had added (P7)."""
    return _moving(
        (hold_account(public_id, taken.asset), -taken),
        (platform_account(TOLERANCE, taken.asset), tolerance),
    )


def leftover_legs(*, public_id: str, buyer_id: int, leftover: Money) -> tuple[Leg, ...]:
    """What a lower price leaves over in the hold goes to the buyer's wallet."""
    return _moving(
        (hold_account(public_id, leftover.asset), -leftover),
        (user_account(buyer_id, leftover.asset, AVAILABLE), leftover),
    )


def credit_legs(*, payer_id: int, value: Money) -> tuple[Leg, ...]:
    """Targets for a deposit that does not pay the trade: all of it to the payer's wallet (E10)."""
    return _moving((user_account(payer_id, value.asset, AVAILABLE), value))


def wallet_legs(*, public_id: str, buyer_id: int, total: Money, credit: Money) -> tuple[Leg, ...]:
    """Pays `total` from the wallet: trading credit first, because it can be spent but not withdrawn."""
    from_credit = min(credit, total)
    return _moving(
        (user_account(buyer_id, total.asset, CREDIT), -from_credit),
        (user_account(buyer_id, total.asset, AVAILABLE), from_credit - total),
        (hold_account(public_id, total.asset), total),
    )


def release_legs(*, public_id: str, seller_id: int, pricing: Pricing, shares: Sequence[Share] = ()) -> tuple[Leg, ...]:
    """The hold goes to the seller, less the fee; of the fee each affiliate gets his share (E19)."""
    asset = pricing.price.asset
    return _moving(
        (hold_account(public_id, asset), -pricing.buyer_total),
        (user_account(seller_id, asset, AVAILABLE), pricing.seller_net),
        (platform_account(FEES, asset), pricing.fee - total_of_shares(shares, asset)),
        *((user_account(share.user_id, asset, AFFILIATE), share.money) for share in shares),
    )


def refund_legs(*, public_id: str, buyer_id: int, composition: Composition, amount: Money) -> tuple[Leg, ...]:
    """Reverses the funding of `amount` of the hold: tolerance and trading credit get theirs back pro rata (E11).

    Odd cents are the buyer's, as far as he put anything in. Raises: ValueError for more than is held.
    """
    if composition.held < amount or amount.minor < 0:
        raise ValueError(f"{amount} of {composition.held}")
    asset = amount.asset
    to_buyer, to_credit, to_tolerance = _shares(amount.minor, composition)
    return _moving(
        (hold_account(public_id, asset), -amount),
        (user_account(buyer_id, asset, AVAILABLE), Money(to_buyer, asset)),
        (user_account(buyer_id, asset, CREDIT), Money(to_credit, asset)),
        (platform_account(TOLERANCE, asset), Money(to_tolerance, asset)),
    )


def _shares(minor: int, composition: Composition) -> tuple[int, int, int]:
    """`minor` cents cut pro rata, in the order in which odd cents are given: nobody gets more than came from there."""
    sources = [part.minor for part in (composition.from_buyer, composition.from_credit, composition.from_tolerance)]
    shares = [source * minor // (composition.held.minor or 1) for source in sources]
    for place, source in enumerate(sources):
        shares[place] += min(minor - sum(shares), source - shares[place])
    return shares[0], shares[1], shares[2]


def _moving(*legs: Leg) -> tuple[Leg, ...]:
    """The legs that move something: the books take no empty entries."""
    return tuple(leg for leg in legs if leg[1])


def total_of(legs: Sequence[Leg], asset: str) -> Money:
    """The sum of the legs in `asset`."""
    return sum((money for _, money in legs if money.asset == asset), Money(0, asset))
