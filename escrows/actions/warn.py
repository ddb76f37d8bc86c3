"""Telling the parties that a deadline comes near: each warning at most once (E12)."""

from django.db import transaction

from escrows.access import lock_escrow
from escrows.deadlines import warning_due
from escrows.models import DeadlineWarning
from escrows.recounting import escrow_event
from escrows.shortfall import due_of, open_short_of
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User
from lockbay.setsql import insert_new


def warn_of_deadline(*, actor: User | None, escrow_id: int) -> bool:
    """Records the warning that is due now; False when none is, or it was given already. Raises: NotFound."""
    with transaction.atomic(durable=True):
        escrow = lock_escrow(actor, escrow_id)
        now = clock.database_now()
        due = warning_due(escrow, now)
        if due is None:
            return False
        row = {
            "escrow_id": escrow.pk,
            "deadline": due.deadline.name,
            "deadline_at": due.deadline.at,
            "lead_minutes": due.lead_minutes,
            "given_at": now,
        }
        if not insert_new(DeadlineWarning, [row], unique="escrow,deadline,deadline_at,lead_minutes", returning=["id"]):
            return False
        facts = {"deadline": due.deadline.name, "deadline_at": due.deadline.at, "lead_minutes": due.lead_minutes}
        short = open_short_of(escrow)
        if short is not None:
            facts |= {"kept": short.held, "missing": due_of(escrow)}
        record([escrow_event(Kind.ESCROW_DEADLINE_NEAR, escrow, actor, **facts)])
    return True
