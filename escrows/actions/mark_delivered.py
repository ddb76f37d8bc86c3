"""The seller says that he delivered: the inspection starts when the buyer is told (E12, N8)."""

from django.db import transaction

from escrows.access import lock_escrow, side_of
from escrows.models import Escrow, Side
from escrows.moving import StatusChange, move
from escrows.policy import require_can_mark_delivered
from escrows.recounting import escrow_event
from escrows.states import Status
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User


def mark_delivered(*, actor: User, escrow_id: int) -> Escrow:
    """A second click gets the delivered trade. Raises: NotFound, NotAllowed, WrongStatus."""
    with transaction.atomic(durable=True):
        escrow = lock_escrow(actor, escrow_id)
        if side_of(escrow, actor) == Side.SELLER and escrow.status == Status.DELIVERED:
            return escrow
        require_can_mark_delivered(escrow, actor)
        now = clock.database_now()
        move([StatusChange(escrow, Status.DELIVERED, {"delivered_at": now})])
        record([escrow_event(Kind.ESCROW_DELIVERED, escrow, actor, inspection_hours=escrow.inspection_hours)])
    return escrow
