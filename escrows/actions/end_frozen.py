"""Staff end a trade whose payment is gone and does not come back (P7)."""

from django.db import transaction

from escrows.access import lock_escrow
from escrows.closing import PAYMENT_GONE, refund_within
from escrows.errors import NotAllowed, Reason
from escrows.missing import end_missing
from escrows.models import Escrow
from escrows.policy import require_can_end_frozen
from escrows.preview import end_frozen_preview, require_same
from lockbay import clock
from lockbay.people.models import User


def end_frozen_escrow(*, actor: User, escrow_id: int, reason: str, digest: str) -> Escrow:
    """Gives back what is left in the hold, the way it came, and closes the trade as refunded. `digest` is that of
    end_frozen_preview, `reason` what staff wrote. Money that still comes is late money (E10).

    Raises: NotFound, NotAllowed (not staff, not frozen, no reason), WrongStatus, PreviewChanged.
    """
    with transaction.atomic(durable=True):
        escrow = lock_escrow(actor, escrow_id)
        require_can_end_frozen(escrow, actor)
        require_same(end_frozen_preview(escrow), digest)
        return end_frozen_escrow_within(actor=actor, escrow_id=escrow_id, note=reason)


def end_frozen_escrow_within(*, actor: User, escrow_id: int, note: str) -> Escrow:
    """The same inside the caller's transaction, by whoever has shown what goes back."""
    if not note.strip():
        raise NotAllowed(Reason.NEEDS_REASON)
    escrow = lock_escrow(actor, escrow_id)
    require_can_end_frozen(escrow, actor)
    now = clock.database_now()
    end_missing(escrow, now)
    refund_within(escrow, actor=actor, reason=PAYMENT_GONE, now=now, note=note)
    return escrow
