"""The seller accepts less: the price is lowered to what was paid, and the payment is confirmed (E8)."""

from datetime import datetime

import structlog
from django.db import transaction

from escrows.access import lock_escrow, side_of
from escrows.confirming import confirmed_change
from escrows.identifiers import operation_key, operation_reference
from escrows.legs import leftover_legs
from escrows.models import Escrow, ShortPayment, Side
from escrows.moving import StatusChange, move
from escrows.policy import require_can_answer_less
from escrows.recounting import escrow_event
from escrows.shortfall import (
    LessOffer,
    close_short,
    last_short_of,
    less_offer,
    open_short_of,
    require_same_offer,
)
from escrows.states import ShortState, Status
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User
from wallets.ledger import NewOperation, post
from wallets.money import Money

logger = structlog.get_logger(__name__)


def agree_to_less(*, actor: User, escrow_id: int, digest: str) -> Escrow:
    """Freezes the new pricing, gives left-over cents to the buyer and confirms the payment. `digest`: less_offer's.

    A second click gets the paid trade. Raises: NotFound, NotAllowed, WrongStatus, PreviewChanged.
    """
    with transaction.atomic(durable=True):
        escrow = lock_escrow(actor, escrow_id)
        if _is_agreed(escrow, actor):
            return escrow
        short = open_short_of(escrow)
        now = clock.database_now()
        require_can_answer_less(escrow, actor, short, now)
        if short is None:
            return escrow
        offer = less_offer(escrow, short)
        require_same_offer(offer, digest)
        close_short(short, ShortState.AGREED, now)
        _confirm(escrow, short, offer, now)
        _post_leftover(escrow, short, offer)
        _record(escrow, actor, short, offer, now)
    return escrow


def _is_agreed(escrow: Escrow, actor: User) -> bool:
    if side_of(escrow, actor) != Side.SELLER or escrow.status != Status.PAYMENT_CONFIRMED:
        return False
    last = last_short_of(escrow)
    return last is not None and last.state == ShortState.AGREED


def _confirm(escrow: Escrow, short: ShortPayment, offer: LessOffer, now: datetime) -> None:
    paid = confirmed_change(escrow, confirmed_at=now, reference=short.reference, now=now)
    quote = {"quote": escrow.pricing["quote"]} if "quote" in escrow.pricing else {}
    lowered = {"price_minor": offer.pricing.price.minor, "pricing": {**offer.pricing.snapshot(), **quote}}
    move([StatusChange(escrow, Status.PAYMENT_CONFIRMED, {**paid.fields, **lowered})])


def _post_leftover(escrow: Escrow, short: ShortPayment, offer: LessOffer) -> None:
    legs = leftover_legs(public_id=escrow.public_id, buyer_id=escrow.buyer_id or 0, leftover=offer.leftover)
    if not legs:
        return
    key = operation_key(escrow.public_id, f"short:{short.pk}:leftover")
    reference = operation_reference(escrow.public_id, key)
    post([NewOperation(kind="escrow_leftover", key=key, legs=legs, reference=reference, memo=escrow.public_id)])


def _record(escrow: Escrow, actor: User, short: ShortPayment, offer: LessOffer, now: datetime) -> None:
    agreed = {
        "price_before": offer.before.price,
        "price_now": offer.pricing.price,
        "fee_now": offer.pricing.fee,
        "net_now": offer.pricing.seller_net,
    }
    confirmed = {
        "received": short.held,
        "value": short.held,
        "expected": offer.pricing.buyer_total,
        "variance": "exact",
        "message_level": "none",
        "difference": Money(0, escrow.asset),
        "credited": offer.leftover,
        "deposit_reference": short.reference,
        "payment_confirmed_at": now,
        "price_before": offer.before.price,
    }
    record(
        [
            escrow_event(Kind.ESCROW_LESS_AGREED, escrow, actor, **agreed),
            escrow_event(Kind.ESCROW_PAYMENT_CONFIRMED, escrow, actor, **confirmed),
        ]
    )
    public_id = escrow.public_id
    transaction.on_commit(lambda: logger.info("ESCROW_PAYMENT_CONFIRMED", public_id=public_id, reason="agreed"))
