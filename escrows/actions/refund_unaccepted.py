"""The seller stayed silent: everything goes back, the fee too (E11)."""

from django.db import transaction

from escrows.access import lock_escrow
from escrows.closing import NOT_ACCEPTED, refund_within
from escrows.models import Escrow
from escrows.policy import require_can_refund_unaccepted, require_written_reason
from lockbay import clock
from lockbay.people.models import User


def refund_unaccepted(*, actor: User | None, escrow_id: int, note: str = "") -> Escrow:
    """Refunds what was not accepted in time. Raises: NotFound, NotAllowed (not due, no note), WrongStatus."""
    with transaction.atomic(durable=True):
        return refund_unaccepted_within(actor=actor, escrow_id=escrow_id, note=note)


def refund_unaccepted_within(*, actor: User | None, escrow_id: int, note: str = "") -> Escrow:
    """The same inside the caller's transaction."""
    require_written_reason(actor, note)
    escrow = lock_escrow(actor, escrow_id)
    now = clock.database_now()
    require_can_refund_unaccepted(escrow, actor, now)
    refund_within(escrow, actor=actor, reason=NOT_ACCEPTED, now=now, note=note)
    return escrow
