"""A payment that was too short for its trade (E8): what is kept, what is still due, and what a lower price would mean.

The money lies in the trade's own hold while the buyer decides; the row is written under the lock of its escrow.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from escrows import terms
from escrows.errors import AmountOutOfRange, NotAllowed, PreviewChanged, Reason
from escrows.fees import FeePolicy, Pricing, price_escrow, pricing_of
from escrows.missing import missing_of
from escrows.models import Escrow, ShortPayment
from escrows.states import SHORT_OPEN, ShortState, Status
from wallets.money import Money


@dataclass(frozen=True)
class LessOffer:
    """The trade at a lower price that the money in the hold pays; `leftover` cents go to the buyer's wallet."""

    before: Pricing
    pricing: Pricing
    leftover: Money
    digest: str


def open_short_of(escrow: Escrow) -> ShortPayment | None:
    """The payment that waits for a decision, None when there is none."""
    if escrow.status != Status.PAYMENT_PENDING:
        return None
    short = ShortPayment.objects.filter(escrow_id=escrow.pk, state__in=sorted(SHORT_OPEN)).first()
    if short is not None:
        short.escrow = escrow
    return short


def last_short_of(escrow: Escrow) -> ShortPayment | None:
    """The newest one, decided or not: a second click asks what the first has done."""
    return ShortPayment.objects.filter(escrow_id=escrow.pk).order_by("-pk").first()


def due_of(escrow: Escrow) -> Money:
    """What is still to be paid: the buyer's total less what is kept already, or what a frozen trade lacks (P7).

    Raises: SnapshotMalformed.
    """
    if escrow.frozen_at is not None:
        return missing_of(escrow)
    short = open_short_of(escrow)
    total = Pricing.of(escrow).buyer_total
    return total if short is None else total - short.held


def close_short(short: ShortPayment, state: ShortState, now: datetime) -> None:
    """Ends the wait. The caller holds the escrow's lock."""
    short.state, short.closed_at = state, now
    short.save(update_fields=["state", "closed_at"])


def less_offer(escrow: Escrow, short: ShortPayment) -> LessOffer:
    """What the seller is, or would be, asked to agree to; a proposal that was made stays as it was shown.

    Raises: AmountOutOfRange when the money is less than the least trade.
    """
    if short.state == ShortState.ASKED:
        pricing = pricing_of(escrow.public_id, escrow.asset, short.proposal)
    else:
        pricing = price_paid_by(short.held, escrow.fee_payer, terms.fee_policy())
        least, most = terms.price_limits()
        if pricing.price < least:
            raise AmountOutOfRange(least, most)
    covered = ["less", escrow.public_id, escrow.version, short.pk, short.held_minor, pricing.snapshot()]
    digest = hashlib.sha256(json.dumps(covered, sort_keys=True).encode()).hexdigest()[:12]
    return LessOffer(Pricing.of(escrow), pricing, short.held - pricing.buyer_total, digest)


def require_same_offer(offer: LessOffer, digest: str) -> None:
    """Raises: PreviewChanged unless `digest` is the offer's."""
    if offer.digest != digest:
        raise PreviewChanged


def price_paid_by(money: Money, fee_payer: str, policy: FeePolicy) -> Pricing:
    """The highest price whose buyer's total is covered by `money`, with its fee.

    Raises: NotAllowed when not even one cent is.
    """
    # A minimum fee makes totals jump, so the search goes down cent by cent: the fee's part of the way, no more.
    for minor in range(money.minor, 0, -1):
        pricing = price_escrow(Money(minor, money.asset), fee_payer, policy)
        if pricing.buyer_total <= money:
            return pricing
    raise NotAllowed(Reason.NOTHING_SHORT)
