"""The buyer lets the money go (E14)."""

from django.conf import settings
from django.db import transaction

from escrows.access import lock_escrow, side_of
from escrows.closing import BUYER_RELEASED, complete_within
from escrows.models import Escrow, Side
from escrows.moving import amend
from escrows.policy import require_can_release
from escrows.preview import release_preview, require_same
from escrows.recounting import escrow_event
from escrows.states import RELEASABLE, Status
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User


def release_escrow(*, actor: User, escrow_id: int, digest: str) -> Escrow:
    """Stores when the release falls due; without an undo window it is paid out in the same transaction.

    `digest` is that of release_preview. A second click gets the trade as the first left it.
    Raises: NotFound, NotAllowed, WrongStatus, PreviewChanged.
    """
    with transaction.atomic(durable=True):
        escrow = lock_escrow(actor, escrow_id)
        if side_of(escrow, actor) == Side.BUYER and _is_released(escrow):
            return escrow
        require_can_release(escrow, actor)
        require_same(release_preview(escrow), digest)
        now = clock.database_now()
        due = now + settings.RELEASE_UNDO_WINDOW
        amend(escrow, {"release_due_at": due}, allowed=RELEASABLE)
        record([escrow_event(Kind.ESCROW_RELEASE_REQUESTED, escrow, actor, release_due_at=due)])
        if due <= now:
            complete_within(escrow, actor=actor, reason=BUYER_RELEASED, now=now)
    return escrow


def _is_released(escrow: Escrow) -> bool:
    return escrow.status == Status.COMPLETED or (escrow.status in RELEASABLE and escrow.release_due_at is not None)
