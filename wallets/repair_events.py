"""The trail of a repair: one fact for every step, with the words of people as digests only."""

import hashlib

from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent
from lockbay.people.models import User
from wallets.models import Repair


def repair_event(kind: Kind, repair: Repair, actor: User, *, reason: str) -> NewEvent:
    """A fact about `repair`."""
    data = {
        "repair": repair.kind,
        "about": f"{repair.subject_type} {repair.subject_id}",
        "name": str(repair.shown.get("about", "")),
        "amount": str(repair.amount),
        "needs_two": repair.needs_two,
        "preview": repair.digest,
        "operations": list(repair.operations),
        "reason_digest": hashlib.sha256(reason.encode()).hexdigest(),
    }
    return NewEvent(kind, "repair", repair.pk, actor_id=actor.pk, data=data)
