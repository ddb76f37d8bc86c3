"""Ending a trade before the seller is bound, or after he let the deadline pass (E11, E12)."""

from datetime import datetime

from django.db import transaction

from escrows.access import lock_escrow, side_of
from escrows.closing import BUYER_CANCELLED, NOT_DELIVERED, refund_within
from escrows.models import Escrow, Side
from escrows.moving import StatusChange, move
from escrows.policy import require_can_cancel
from escrows.preview import refund_preview, require_same
from escrows.recounting import escrow_event
from escrows.returning import give_back, short_return_of
from escrows.states import HOLDS_MONEY, Status
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User

_SELLER_CANCELLED = "seller_cancelled"


def cancel_escrow(*, actor: User, escrow_id: int, digest: str) -> Escrow:
    """Cancels what is unpaid, with what was too short going back; refunds in full what is paid.

    `digest` is that of refund_preview.

    A second click gets the cancelled trade. Raises: NotFound, NotAllowed, WrongStatus, PreviewChanged.
    """
    with transaction.atomic(durable=True):
        escrow = lock_escrow(actor, escrow_id)
        if _is_cancelled_by(escrow, side_of(escrow, actor)):
            return escrow
        now = clock.database_now()
        require_can_cancel(escrow, actor, now)
        require_same(refund_preview(escrow), digest)
        if escrow.status in HOLDS_MONEY:
            reason = NOT_DELIVERED if escrow.status == Status.ACTIVE else BUYER_CANCELLED
            refund_within(escrow, actor=actor, reason=reason, now=now)
        else:
            _cancel_unpaid(escrow, actor, now)
    return escrow


def _cancel_unpaid(escrow: Escrow, actor: User, now: datetime) -> None:
    reason = BUYER_CANCELLED if side_of(escrow, actor) == Side.BUYER else _SELLER_CANCELLED
    returned = short_return_of(escrow)
    closed = {"closed_at": now, "close_reason": reason, "expires_at": None}
    move([StatusChange(escrow, Status.CANCELLED, closed)])
    record(
        [*give_back(returned, actor=actor, now=now), escrow_event(Kind.ESCROW_CANCELLED, escrow, actor, reason=reason)]
    )


def _is_cancelled_by(escrow: Escrow, side: Side | None) -> bool:
    own = {Side.BUYER: {BUYER_CANCELLED, NOT_DELIVERED}, Side.SELLER: {_SELLER_CANCELLED}}
    is_closed = escrow.status in {Status.CANCELLED, Status.REFUNDED}
    return side is not None and is_closed and escrow.close_reason in own[side]
