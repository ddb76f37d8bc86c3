"""The seller does not accept less: the buyer still may pay the rest or take the money back (E8)."""

from django.db import transaction

from escrows.access import lock_escrow, side_of
from escrows.models import Escrow, Side
from escrows.moving import amend
from escrows.policy import require_can_answer_less
from escrows.recounting import escrow_event
from escrows.shortfall import due_of, less_offer, open_short_of, require_same_offer
from escrows.states import ShortState, Status
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User


def refuse_less(*, actor: User, escrow_id: int, digest: str) -> Escrow:
    """Says no to the amounts that were shown; no money moves. `digest` is that of less_offer.

    A second click gets the trade as it is. Raises: NotFound, NotAllowed, WrongStatus, PreviewChanged.
    """
    with transaction.atomic(durable=True):
        escrow = lock_escrow(actor, escrow_id)
        short = open_short_of(escrow)
        if side_of(escrow, actor) == Side.SELLER and short is not None and short.state == ShortState.REFUSED:
            return escrow
        require_can_answer_less(escrow, actor, short, clock.database_now())
        if short is None:
            return escrow
        require_same_offer(less_offer(escrow, short), digest)
        amend(escrow, {}, allowed={Status.PAYMENT_PENDING})
        short.state = ShortState.REFUSED
        short.save(update_fields=["state"])
        facts = {"held": short.held, "missing": due_of(escrow), "choose_by": short.choose_by}
        record([escrow_event(Kind.ESCROW_LESS_REFUSED, escrow, actor, **facts)])
    return escrow
