"""The seller does not take the paid trade: everything goes back, the fee too (E11)."""

from django.db import transaction

from escrows.access import lock_escrow, side_of
from escrows.closing import SELLER_DECLINED, refund_within
from escrows.models import Escrow, Side
from escrows.policy import require_can_decline
from escrows.recounting import escrow_event
from escrows.states import Status
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.people.models import User


def decline_escrow(*, actor: User, escrow_id: int) -> Escrow:
    """Refunds the buyer in full; a second click gets the declined trade. Raises: NotFound, NotAllowed, WrongStatus."""
    with transaction.atomic(durable=True):
        escrow = lock_escrow(actor, escrow_id)
        is_done = escrow.status == Status.REFUNDED and escrow.close_reason == SELLER_DECLINED
        if is_done and side_of(escrow, actor) == Side.SELLER:
            return escrow
        require_can_decline(escrow, actor)
        declined = escrow_event(Kind.ESCROW_DECLINED, escrow, actor, reason=SELLER_DECLINED)
        now = clock.database_now()
        refund_within(escrow, actor=actor, reason=SELLER_DECLINED, now=now, first=(declined,))
    return escrow
