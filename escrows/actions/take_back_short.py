"""The buyer takes back a payment that was too short; the trade goes on waiting for a payment (E8)."""

from django.conf import settings
from django.db import transaction

from escrows.access import lock_escrow, side_of
from escrows.models import Escrow, Side
from escrows.moving import amend
from escrows.policy import require_can_decide_short
from escrows.preview import require_same, take_back_preview
from escrows.returning import give_back, short_return_of
from escrows.shortfall import last_short_of, open_short_of
from escrows.states import ShortState, Status
from lockbay import clock
from lockbay.events.recording import record
from lockbay.people.models import User


def take_back_short(*, actor: User, escrow_id: int, digest: str) -> Escrow:
    """Moves what is kept to the buyer's wallet and opens a fresh payment window. `digest`: take_back_preview's.

    A second click gets the trade as it is. Raises: NotFound, NotAllowed, WrongStatus, PreviewChanged.
    """
    with transaction.atomic(durable=True):
        escrow = lock_escrow(actor, escrow_id)
        short = open_short_of(escrow)
        if short is None and _is_taken_back(escrow, actor):
            return escrow
        now = clock.database_now()
        require_can_decide_short(escrow, actor, short, now)
        require_same(take_back_preview(escrow), digest)
        returned = short_return_of(escrow)
        amend(escrow, {"expires_at": now + settings.PAYMENT_WINDOW}, allowed={Status.PAYMENT_PENDING})
        record(give_back(returned, actor=actor, now=now))
    return escrow


def _is_taken_back(escrow: Escrow, actor: User) -> bool:
    if side_of(escrow, actor) != Side.BUYER or escrow.status != Status.PAYMENT_PENDING:
        return False
    last = last_short_of(escrow)
    return last is not None and last.state == ShortState.TAKEN_BACK
