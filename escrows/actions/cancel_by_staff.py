"""Staff end a trade in the parties' place (A3), where a party could: unpaid, not accepted, or past the deadline."""

from escrows.access import lock_escrow
from escrows.closing import NOT_DELIVERED, STAFF_CANCELLED, refund_within
from escrows.errors import NotAllowed, Reason
from escrows.models import Escrow
from escrows.moving import StatusChange, move
from escrows.policy import require_can_cancel_as_staff, require_written_reason
from escrows.queries import is_money_on_its_way
from escrows.recounting import escrow_event
from escrows.returning import give_back, short_return_of
from escrows.states import HOLDS_MONEY, Status
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User


def cancel_by_staff_within(*, actor: User, escrow_id: int, note: str) -> Escrow:
    """Cancels what is unpaid, with what was too short going back; refunds in full what is paid. Inside the caller's
    transaction.

    Raises: NotFound, NotAllowed (a party, not yet, money on its way, no note), WrongStatus.
    """
    require_written_reason(actor, note)
    escrow = lock_escrow(actor, escrow_id)
    now = clock.database_now()
    require_can_cancel_as_staff(escrow, actor, now)
    if escrow.status in HOLDS_MONEY:
        reason = NOT_DELIVERED if escrow.status == Status.ACTIVE else STAFF_CANCELLED
        refund_within(escrow, actor=actor, reason=reason, now=now, note=note)
        return escrow
    if is_money_on_its_way(escrow, now):
        raise NotAllowed(Reason.MONEY_ON_ITS_WAY)
    returned = short_return_of(escrow)
    move(
        [
            StatusChange(
                escrow, Status.CANCELLED, {"closed_at": now, "close_reason": STAFF_CANCELLED, "expires_at": None}
            )
        ]
    )
    facts = {"reason": STAFF_CANCELLED, "note": note.strip()}
    given_back = give_back(returned, actor=actor, now=now)
    record([*given_back, escrow_event(Kind.ESCROW_CANCELLED, escrow, actor, **facts)])
    return escrow
