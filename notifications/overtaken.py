"""Messages that ask for something, or say what comes next, are only sent while that is still so (E12, N1).

A message may wait: the bot was down, the chat had its pause, a channel refused. What has been done in the meantime is
not asked for any more; the message about that has its own delivery. Receipts about money always go out.
"""

from escrows import deadlines
from escrows.models import Escrow
from escrows.states import LIVE, PAYABLE, Status
from lockbay.people.models import Contact
from notifications.channels.pagerduty import ACTIONS
from notifications.codes import is_open
from notifications.models import Delivery, Incident

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


_WAKES = frozenset({"pagerduty", "sms"})  # nobody is called about what somebody has taken on


def is_overtaken(delivery: Delivery) -> bool:
    """True when the trade has moved on and the message would no longer be true."""
    event = delivery.event
    if delivery.incident is not None:
        return delivery.channel in _WAKES and delivery.template not in ACTIONS and _is_taken_on(delivery.incident)
    if delivery.audience.startswith("contact:"):
        return _is_needless(delivery)
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


def _is_needless(delivery: Delivery) -> bool:
    """A code that was typed or ran out; the word to an address that it was removed, when it is proved again."""
    contact = Contact.objects.filter(pk=delivery.audience.partition(":")[2]).first()
    if contact is None:
        return True
    return not is_open(contact) if delivery.template == "contact_code" else contact.verified_at is not None


def _is_taken_on(incident: Incident) -> bool:
    return incident.acknowledged_at is not None or not incident.is_open
