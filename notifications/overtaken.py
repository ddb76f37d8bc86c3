"""Messages that ask for something, or say what comes next, are only sent while that is still so (E12, N1).

A message may wait: the bot was down, the chat had its pause, a channel refused. What has been done in the meantime is
not asked for any more; the message about that has its own delivery. Receipts about money always go out.
"""

from escrows import deadlines
from escrows.missing import missing_of
from escrows.models import Escrow
from escrows.shortfall import open_short_of
from escrows.states import JOINABLE, PAYABLE, ShortState, Status
from lockbay.people.models import Contact
from notifications.channels.pagerduty import ACTIONS
from notifications.codes import is_open
from notifications.models import Delivery, Incident

_HOLDS_WHILE: dict[str, frozenset[Status]] = {
    "party_joined": JOINABLE,
    "payment_short": frozenset({Status.PAYMENT_PENDING}),
    "less_asked": frozenset({Status.PAYMENT_PENDING}),
    "less_refused": frozenset({Status.PAYMENT_PENDING}),
    "trade_offered": frozenset({Status.PAYMENT_CONFIRMED}),
    "trade_accepted": frozenset({Status.ACTIVE}),
    "delivery_overdue_buyer": frozenset({Status.ACTIVE}),
    "delivery_overdue_seller": frozenset({Status.ACTIVE}),
    "trade_delivered": frozenset({Status.DELIVERED}),
}
_SHORT_IS = {
    "payment_short": ShortState.WAITING,
    "less_asked": ShortState.ASKED,
    "less_refused": ShortState.REFUSED,
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
    if event.subject_type != "escrow":
        return False
    is_reminder = delivery.template.startswith("deadline_near")
    wanted = _HOLDS_WHILE.get(delivery.template)
    if is_reminder:
        wanted = _DEADLINE_RUNS_WHILE.get(str(event.data.get("deadline")))
    if wanted is None and delivery.template not in _HOLDS_WHILE_FROZEN:
        return False
    escrow = Escrow.objects.filter(pk=event.subject_id).first()
    if escrow is None:
        return False
    if wanted is None:
        return escrow.frozen_at is None or _says_another_gap(delivery, escrow)
    if escrow.status not in wanted or (is_reminder and escrow.frozen_at is not None):
        return True
    return _says_another_sum(delivery, escrow)


def _says_another_gap(delivery: Delivery, escrow: Escrow) -> bool:
    return delivery.template == "trade_refilled" and str(missing_of(escrow)) != delivery.event.data.get("missing")


def _says_another_sum(delivery: Delivery, escrow: Escrow) -> bool:
    """What was kept for the trade when it happened is not what is kept now, or the choice about it was made."""
    if delivery.template in _SHORT_IS:
        short = open_short_of(escrow)
        wanted = _SHORT_IS[delivery.template]
        return short is None or short.state != wanted or str(short.held) != delivery.event.data.get("held")
    if delivery.template != "deadline_near_buyer" or delivery.event.data.get("deadline") != deadlines.PAYMENT:
        return False
    short = open_short_of(escrow)
    return (str(short.held) if short else "") != (delivery.event.data.get("kept") or "")


def _is_needless(delivery: Delivery) -> bool:
    """A code that was typed or ran out; the word to an address that it was removed or replaced, when it is no more."""
    contact = Contact.objects.filter(pk=delivery.audience.partition(":")[2]).first()
    if contact is None:
        return True
    if delivery.template == "contact_code":
        return not is_open(contact)
    return (contact.verified_at is None) is (delivery.template == "contact_replaced")


def _is_taken_on(incident: Incident) -> bool:
    return incident.acknowledged_at is not None or not incident.is_open
