"""The seller takes the paid trade on (E11)."""

from datetime import timedelta

from django.db import transaction

from escrows.access import lock_escrow, side_of
from escrows.fees import delivery_hours_of
from escrows.models import Escrow, Side
from escrows.moving import StatusChange, move
from escrows.policy import require_can_accept
from escrows.recounting import escrow_event
from escrows.states import Status
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User


def accept_escrow(*, actor: User, escrow_id: int) -> Escrow:
    """Makes the trade active and restarts the delivery clock; a second click gets the accepted trade.

    Raises: NotFound, NotAllowed, WrongStatus.
    """
    with transaction.atomic(durable=True):
        escrow = lock_escrow(actor, escrow_id)
        if side_of(escrow, actor) == Side.SELLER and escrow.status == Status.ACTIVE:
            return escrow
        now = clock.database_now()
        require_can_accept(escrow, actor, now)
        deadline = now + timedelta(hours=delivery_hours_of(escrow))
        move([StatusChange(escrow, Status.ACTIVE, {"accepted_at": now, "delivery_deadline": deadline})])
        record([escrow_event(Kind.ESCROW_ACCEPTED, escrow, actor, delivery_deadline=deadline)])
    return escrow
