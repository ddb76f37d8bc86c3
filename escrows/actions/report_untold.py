"""Staff hear of a person whom nothing reached, so that a dead channel holds no trade for ever (N8)."""

from django.conf import settings
from django.db import transaction

from escrows.access import lock_escrow
from escrows.deadlines import untold_name, waiting_clock_of
from escrows.models import DeadlineWarning
from escrows.recounting import escrow_event
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User
from lockbay.setsql import insert_new

_LEAD = 0  # nothing comes near: it is over


def report_untold(*, actor: User | None, escrow_id: int) -> bool:
    """Records once for each waiting clock that it has waited for settings.UNTOLD_LIMIT. Raises: NotFound."""
    with transaction.atomic(durable=True):
        escrow = lock_escrow(actor, escrow_id)
        waiting, now = waiting_clock_of(escrow), clock.database_now()
        if waiting is None or escrow.frozen_at is not None or waiting.since + settings.UNTOLD_LIMIT > now:
            return False
        row = {
            "escrow_id": escrow.pk,
            "deadline": untold_name(waiting),
            "deadline_at": waiting.since,
            "lead_minutes": _LEAD,
            "given_at": now,
        }
        if not insert_new(DeadlineWarning, [row], unique="escrow,deadline,deadline_at,lead_minutes", returning=["id"]):
            return False
        facts = {"deadline": waiting.name, "side": waiting.side, "waits_since": waiting.since}
        record([escrow_event(Kind.ESCROW_PARTY_UNTOLD, escrow, actor, **facts)])
    return True
