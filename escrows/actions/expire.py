"""An offer that nobody paid in time ends (E6)."""

from django.db import transaction

from escrows.access import lock_escrow
from escrows.errors import NotAllowed, Reason
from escrows.models import Escrow
from escrows.moving import StatusChange, move
from escrows.policy import require_can_expire, require_written_reason
from escrows.queries import is_money_on_its_way
from escrows.recounting import escrow_event
from escrows.returning import give_back, short_return_of
from escrows.states import Status
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User

UNPAID = "unpaid"


def expire_escrow(*, actor: User | None, escrow_id: int, note: str = "") -> Escrow:
    """Expires an unpaid trade whose time is over; what was too short goes back (E8).

    Money that still comes is credited to its payer (E10).

    Raises: NotFound, NotAllowed (not due, money on its way, no note), WrongStatus.
    """
    with transaction.atomic(durable=True):
        return expire_escrow_within(actor=actor, escrow_id=escrow_id, note=note)


def expire_escrow_within(*, actor: User | None, escrow_id: int, note: str = "") -> Escrow:
    """The same inside the caller's transaction."""
    require_written_reason(actor, note)
    escrow = lock_escrow(actor, escrow_id)
    now = clock.database_now()
    require_can_expire(escrow, actor, now)
    if is_money_on_its_way(escrow, now):
        raise NotAllowed(Reason.MONEY_ON_ITS_WAY)
    returned = short_return_of(escrow)
    closed = {"closed_at": now, "close_reason": UNPAID, "expires_at": None}
    move([StatusChange(escrow, Status.EXPIRED, closed)])
    noted = {"note": note.strip()} if note.strip() else {}
    given_back = give_back(returned, actor=actor, now=now)
    record([*given_back, escrow_event(Kind.ESCROW_EXPIRED, escrow, actor, reason=UNPAID, **noted)])
    return escrow
