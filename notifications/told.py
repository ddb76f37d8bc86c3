"""When somebody counts as told, and the clocks that start with it (N8).

A message is told once a channel delivered it. Where a channel gives no delivery reports (Telegram, SMTP, a provider
whose reports are not switched on) its acceptance counts. Whoever moves a delivery calls start_clock_of() after the
commit; start_waiting_clocks() finds what a killed process left, and what waited for a frozen trade to go on.
"""

from collections.abc import Iterable

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Q

from escrows.actions.report_untold import report_untold
from escrows.actions.start_deadline import start_told_deadline
from escrows.deadlines import ACCEPTANCE, INSPECTION, waiting_clock_of
from escrows.errors import EscrowRefusal
from escrows.models import Escrow
from escrows.queries import unreported_of, untold_trades
from lockbay.people.models import Channel
from notifications.models import Delivery, DeliveryState

log = structlog.get_logger(__name__)

# The message that tells a party of its own deadline.
TELLS_OF = {"trade_offered": ACCEPTANCE, "trade_delivered": INSPECTION}
_TEMPLATE_OF = {name: template for template, name in TELLS_OF.items()}
_PAGE = 500  # trades that the sweep looks at together
_ARRIVED = (DeliveryState.DELIVERED, DeliveryState.OPENED)


def reports_delivery(channel: str) -> bool:
    """Whether this channel will say that a message arrived, as it is set up."""
    return {
        Channel.EMAIL.value: bool(settings.EMAIL_TRACKING_SECRETS) and settings.EMAIL_BACKEND.startswith("anymail."),
        Channel.SMS.value: settings.TWILIO_REPORTS,
        Channel.WHATSAPP.value: bool(settings.WHATSAPP_APP_SECRETS),
    }.get(channel, False)


def is_told(delivery: Delivery) -> bool:
    """True when this message counts as told."""
    if delivery.state in _ARRIVED:
        return True
    return delivery.state == DeliveryState.SENT and not reports_delivery(delivery.channel)


def start_clock_of(delivery: Delivery) -> None:
    """Starts the clock that this delivery tells of, if any; outside transactions. What fails is left to the sweep."""
    name = TELLS_OF.get(delivery.template)
    if name is not None and delivery.event.subject_type == "escrow" and is_told(delivery):
        _start(delivery.event.subject_id, name)


def start_waiting_clocks() -> int:
    """The sweep: starts the clocks whose party was told, reports those that wait too long; returns how many started."""
    started, after = 0, 0
    while page := untold_trades(after=after, limit=_PAGE):
        told = _told_of(page)
        started += sum(_start(pk, name) for pk, name in told.items())
        for pk in unreported_of(trade for trade in page if trade.pk not in told):
            _report(pk)
        after = page[-1].pk
    return started


def _told_of(trades: Iterable[Escrow]) -> dict[int, str]:
    """Trade → the deadline whose message was told; one query."""
    names = {trade.pk: clock.name for trade in trades if (clock := waiting_clock_of(trade)) is not None}
    reporting = [channel.value for channel in Channel if reports_delivery(channel.value)]
    arrived = Q(state__in=_ARRIVED) | (Q(state=DeliveryState.SENT) & ~Q(channel__in=reporting))
    about = Delivery.objects.filter(
        arrived, event__subject_type="escrow", event__subject_id__in=list(names), template__in=list(TELLS_OF)
    )
    pairs = set(about.values_list("event__subject_id", "template"))
    return {pk: name for pk, name in names.items() if (pk, _TEMPLATE_OF[name]) in pairs}


def _start(escrow_id: int, name: str) -> bool:
    try:
        start_told_deadline(actor=None, escrow_id=escrow_id, what=name)
    except (EscrowRefusal, DatabaseError) as error:  # frozen just now, or no database: the sweep comes again
        log.warning("CLOCK_NOT_STARTED", escrow_id=escrow_id, deadline=name, error=repr(error))
        return False
    return True


def _report(escrow_id: int) -> None:
    try:
        report_untold(actor=None, escrow_id=escrow_id)
    except DatabaseError as error:
        log.warning("UNTOLD_NOT_REPORTED", escrow_id=escrow_id, error=repr(error))
