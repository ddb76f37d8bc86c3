"""The end of an incident: pressed by staff, or by itself when nothing more happened."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import User
from notifications.models import Incident

# Nobody took it on and nothing more happened: the next event is news again.
FORGOTTEN_AFTER = timedelta(days=1)
_MOST_AT_ONCE = 200


def end_incident(incident: Incident, *, actor: User | None, reason: str) -> None:
    """Closes an open incident whose row the caller has locked; `reason` is a person's words, or "" for a quiet one."""
    incident.closed_at, incident.next_escalation_at = clock.real_now(), None
    incident.save(update_fields=["closed_at", "next_escalation_at"])
    said = {"alert": incident.kind, "count": incident.count, "reason": reason}
    actor_id = actor.pk if actor else None
    record([NewEvent(Kind.INCIDENT_CLOSED, "incident", incident.pk, actor_id=actor_id, data=said)])


def close_quiet() -> int:
    """Closes what somebody took on and has been quiet for settings.INCIDENT_QUIET, and what nobody took on and has
    been quiet for a day; returns how many. Two workers at once close each once."""
    if not _quiet().exists():  # look before taking SQLite's only write lock
        return 0
    with transaction.atomic():
        rows = list(_quiet().select_for_update(skip_locked=True, no_key=True).order_by("key")[:_MOST_AT_ONCE])
        for incident in rows:
            end_incident(incident, actor=None, reason="")
    return len(rows)


def _quiet() -> QuerySet[Incident]:
    now = clock.real_now()
    is_handled = Q(acknowledged_at__isnull=False, last_at__lte=now - settings.INCIDENT_QUIET)
    return Incident.objects.filter(is_handled | Q(last_at__lte=now - FORGOTTEN_AFTER), closed_at__isnull=True)
