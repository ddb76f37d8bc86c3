"""The buyer, whose payment was too short, asks the seller to accept less (E8)."""

from django.db import transaction

from escrows.access import lock_escrow
from escrows.models import Escrow
from escrows.moving import amend
from escrows.policy import require_can_ask_for_less, require_can_decide_short
from escrows.recounting import escrow_event
from escrows.shortfall import less_offer, open_short_of, require_same_offer
from escrows.states import ShortState, Status
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User


def ask_for_less(*, actor: User, escrow_id: int, digest: str) -> Escrow:
    """Freezes the amounts that were shown and lays them before the seller. `digest` is that of less_offer.

    A second click gets the trade that waits for the seller. Raises: NotFound, NotAllowed, WrongStatus, PreviewChanged,
    AmountOutOfRange.
    """
    with transaction.atomic(durable=True):
        escrow = lock_escrow(actor, escrow_id)
        short = open_short_of(escrow)
        now = clock.database_now()
        require_can_decide_short(escrow, actor, short, now)
        if short is None or short.state == ShortState.ASKED:
            return escrow
        require_can_ask_for_less(escrow, actor, short, now)
        offer = less_offer(escrow, short)
        require_same_offer(offer, digest)
        amend(escrow, {}, allowed={Status.PAYMENT_PENDING})
        short.state, short.proposal = ShortState.ASKED, offer.pricing.snapshot()
        short.save(update_fields=["state", "proposal"])
        facts = {
            "price_before": offer.before.price,
            "price_now": offer.pricing.price,
            "fee_now": offer.pricing.fee,
            "net_before": offer.before.seller_net,
            "net_now": offer.pricing.seller_net,
            "held": short.held,
            "choose_by": short.choose_by,
        }
        record([escrow_event(Kind.ESCROW_LESS_ASKED, escrow, actor, **facts)])
    return escrow
