"""Messages that ask for something, or say what comes next, are only sent while that is still so (E12, N1).

A message may wait: the bot was down, the chat had its pause, a channel refused. What has been done in the meantime is
not asked for any more; the message about that has its own delivery. Receipts about money always go out.
"""

from escrows import deadlines
from escrows.models import Escrow
from escrows.states import LIVE, PAYABLE, Status
from notifications.models import Delivery

_HOLDS_WHILE: dict[str, frozenset[Status]] = {
    "party_joined": LIVE,
    "payment_short": frozenset({Status.PAYMENT_PENDING}),
    "less_asked": frozenset({Status.PAYMENT_PENDING}),
    "trade_offered": frozenset({Status.PAYMENT_CONFIRMED}),
    "trade_accepted": frozenset({Status.ACTIVE}),
    "delivery_overdue_buyer": frozenset({Status.ACTIVE}),
    "delivery_overdue_seller": frozenset({Status.ACTIVE}),
    "trade_delivered": frozenset({Status.DELIVERED}),
}
_HOLDS_WHILE_FROZEN = frozenset({"trade_frozen_buyer", "trade_frozen_seller", "trade_refilled"})
_DEADLINE_RUNS_WHILE: dict[str, frozenset[Status]] = {
    deadlines.OFFER: PAYABLE,
    deadlines.PAYMENT: PAYABLE,
    deadlines.ACCEPTANCE: frozenset({Status.PAYMENT_CONFIRMED}),
    deadlines.DELIVERY: frozenset({Status.ACTIVE}),
    deadlines.INSPECTION: frozenset({Status.DELIVERED}),
}


def is_overtaken(delivery: Delivery) -> bool:
    """True when the trade has moved on and the message would no longer be true."""
    event = delivery.event
    if delivery.template in _HOLDS_WHILE_FROZEN:
        return not Escrow.objects.filter(pk=event.subject_id, frozen_at__isnull=False).exists()
    wanted = _HOLDS_WHILE.get(delivery.template)
    if delivery.template.startswith("deadline_near"):
        wanted = _DEADLINE_RUNS_WHILE.get(str(event.data.get("deadline")))
    if wanted is None or event.subject_type != "escrow":
        return False
    found = Escrow.objects.filter(pk=event.subject_id).values_list("status", "frozen_at").first()
    if found is None:
        return False
    status, frozen_at = found
    is_reminder = delivery.template.startswith("deadline_near")
    return status not in wanted or (is_reminder and frozen_at is not None)
