"""The buyer takes a release back before its window ends (E14)."""

from django.db import transaction

from escrows.access import lock_escrow
from escrows.models import Escrow
from escrows.moving import amend
from escrows.policy import require_can_undo_release
from escrows.recounting import escrow_event
from escrows.states import RELEASABLE
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User


def undo_release(*, actor: User, escrow_id: int) -> Escrow:
    """Clears the running release; no money has moved yet. Raises: NotFound, NotAllowed, WrongStatus."""
    with transaction.atomic(durable=True):
        escrow = lock_escrow(actor, escrow_id)
        require_can_undo_release(escrow, actor, clock.database_now())
        amend(escrow, {"release_due_at": None}, allowed=RELEASABLE)
        record([escrow_event(Kind.ESCROW_RELEASE_UNDONE, escrow, actor)])
    return escrow
