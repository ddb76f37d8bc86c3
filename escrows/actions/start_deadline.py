"""The time that hurts a person starts when they were told what they are to decide, not before (N8, E11, E12)."""

from django.db import transaction

from escrows.access import lock_escrow
from escrows.deadlines import waiting_clock_of
from escrows.models import Escrow
from escrows.moving import start_clock
from escrows.policy import require_can_start_deadline, require_written_reason
from escrows.recounting import escrow_event
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User


def start_told_deadline(*, actor: User | None, escrow_id: int, what: str = "", note: str = "") -> Escrow:
    """Starts the seller's time to accept or the buyer's inspection from now, unless it runs already.

    `what` names the deadline that somebody was told of: a late word about the one before starts nothing. Staff start
    by hand whichever waits, and write a `note` how the person was told. Raises: NotFound, NotAllowed.
    """
    require_written_reason(actor, note)
    with transaction.atomic(durable=True):
        escrow = lock_escrow(actor, escrow_id)
        require_can_start_deadline(escrow, actor)
        waiting = waiting_clock_of(escrow)
        if waiting is None or what not in {"", waiting.name}:
            return escrow
        ends = clock.database_now() + waiting.period
        start_clock(escrow, waiting.column, ends)
        facts = {"deadline": waiting.name, "deadline_at": ends, **({"note": note.strip()} if note.strip() else {})}
        record([escrow_event(Kind.ESCROW_DEADLINE_STARTED, escrow, actor, **facts)])
    return escrow
