"""Nobody took an incident on: more people hear of it, again and again, until somebody does (N6). Run by the worker."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from notifications.models import Incident

_MOST_AT_ONCE = 200


def escalate_due() -> int:
    """Escalates every incident whose time has come, and returns how many; two workers at once escalate each once."""
    now = clock.real_now()
    if not _due(now).exists():  # look before taking SQLite's only write lock
        return 0
    with transaction.atomic():
        due = _due(now).select_for_update(skip_locked=True, no_key=True, of=("self",)).select_related("first_event")
        rows = list(due.order_by("key")[:_MOST_AT_ONCE])
        for incident in rows:
            _escalate(incident, now)
        record([_event_of(incident, now) for incident in rows])
    return len(rows)


def _due(now: datetime) -> QuerySet[Incident]:
    return Incident.objects.filter(next_escalation_at__lte=now, acknowledged_at__isnull=True, closed_at__isnull=True)


def _escalate(incident: Incident, now: datetime) -> None:
    incident.escalations += 1
    incident.escalated_at = incident.escalated_at or now
    is_last = incident.escalations >= settings.ALERT_ESCALATIONS_MOST
    incident.next_escalation_at = None if is_last else now + settings.ALERT_REPEAT
    incident.save(update_fields=["escalations", "escalated_at", "next_escalation_at"])


def _event_of(incident: Incident, now: datetime) -> NewEvent:
    """With the first event's facts, so that the message can repeat the alert that nobody answered."""
    said = {
        **incident.first_event.data,
        "alert": incident.kind,
        "alert_template": incident.template,
        "count": incident.count,
        "minutes": int((now - incident.opened_at).total_seconds() // 60),
        "escalation": incident.escalations,
        "is_last": incident.next_escalation_at is None,
    }
    correlation_id = incident.first_event.correlation_id
    return NewEvent(Kind.INCIDENT_ESCALATED, "incident", incident.pk, data=said, correlation_id=correlation_id)
