"""Nobody could be told: said once in the log for each message, and by one staff mail an incident (N3, F19)."""

from collections.abc import Sequence
from datetime import timedelta

import structlog
from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.events.recording import NewEvent, record
from notifications.models import Delivery

log = structlog.get_logger(__name__)

# Messages that fail within this time of the first belong to the same incident.
ONE_INCIDENT = timedelta(minutes=15)


def record_exhausted(deliveries: Sequence[Delivery]) -> None:
    """Logs each delivery and alerts staff; inside the transaction that found out. `deliveries` are not for staff."""
    lost = [delivery for delivery in deliveries if not delivery.is_for_staff]
    for delivery in lost:
        _log_after_commit(delivery)
    if not lost:
        return
    incident_began = Event.objects.filter(kind=Kind.DELIVERIES_EXHAUSTED.value, at__gt=clock.now() - ONE_INCIDENT)
    if incident_began.exists():
        return
    first = lost[0]
    data = {
        "public_id": first.event.data.get("public_id", ""),
        "audience": first.audience,
        "template": first.template,
        "channel": first.channel,
        "reason": first.error,
        "count": len(lost),
    }
    record([NewEvent(Kind.DELIVERIES_EXHAUSTED, "delivery", first.pk, data=data)])


def _log_after_commit(delivery: Delivery) -> None:
    line = {
        "delivery_id": delivery.pk,
        "audience": delivery.audience,
        "template": delivery.template,
        "channel": delivery.channel,
        "reason": delivery.error,
    }
    transaction.on_commit(lambda: log.error("NOTIFICATION_DELIVERY_FAILED", **line))
