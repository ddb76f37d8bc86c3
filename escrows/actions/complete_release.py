"""Pays the seller when the time for it has come: the undo window, or the inspection of a delivered trade, is over."""

from django.db import transaction

from escrows.access import lock_escrow
from escrows.closing import BUYER_RELEASED, INSPECTION_ENDED, complete_within
from escrows.models import Escrow
from escrows.policy import require_can_complete, require_written_reason
from lockbay import clock
from lockbay.people.models import User


def complete_release(*, actor: User | None, escrow_id: int, note: str = "") -> Escrow:
    """Completes a release that is due (E12, E14); staff write a `note` why they did it by hand.

    Raises: NotFound, NotAllowed (not due, no note), WrongStatus.
    """
    with transaction.atomic(durable=True):
        return complete_release_within(actor=actor, escrow_id=escrow_id, note=note)


def complete_release_within(*, actor: User | None, escrow_id: int, note: str = "") -> Escrow:
    """The same inside the caller's transaction."""
    require_written_reason(actor, note)
    escrow = lock_escrow(actor, escrow_id)
    now = clock.database_now()
    require_can_complete(escrow, actor, now)
    is_released = escrow.release_due_at is not None and escrow.release_due_at <= now
    reason = BUYER_RELEASED if is_released else INSPECTION_ENDED
    complete_within(escrow, actor=actor, reason=reason, now=now, note=note)
    return escrow
