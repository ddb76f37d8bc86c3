"""Somebody of the staff takes an incident on: it is escalated no further (N6)."""

from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import User
from notifications.incident_rights import require_may_take_on
from notifications.models import Incident

NOTE_LONGEST = 300


def acknowledge_incident(*, actor: User, incident_id: int, note: str = "") -> Incident:
    """Writes down who took it on, and when. Pressed again, or after its end, it changes nothing: see `acknowledged_by`.

    Raises: IncidentNotTheirs, Incident.DoesNotExist.
    """
    require_may_take_on(actor)
    with transaction.atomic(durable=True):
        incident = Incident.objects.select_for_update(no_key=True).get(pk=incident_id)
        if incident.acknowledged_at is not None or not incident.is_open:
            return incident
        incident.acknowledged_by, incident.acknowledged_at = actor, clock.real_now()
        incident.note, incident.next_escalation_at = note.strip()[:NOTE_LONGEST], None
        incident.save(update_fields=["acknowledged_by", "acknowledged_at", "note", "next_escalation_at"])
        said = {"alert": incident.kind, "count": incident.count, "note": incident.note}
        record([NewEvent(Kind.INCIDENT_ACKNOWLEDGED, "incident", incident.pk, actor_id=actor.pk, data=said)])
    return incident
