"""Staff say that an incident is over: the next event of its kind is told again (N6)."""

from django.db import transaction

from lockbay.people.models import User
from notifications.actions.acknowledge_incident import NOTE_LONGEST
from notifications.errors import ReasonMissing
from notifications.incident_ends import end_incident
from notifications.incident_rights import require_may_take_on
from notifications.models import Incident


def close_incident(*, actor: User, incident_id: int, note: str) -> Incident:
    """Closes it, with what was done about it. Repeating it changes nothing.

    Raises: IncidentNotTheirs, ReasonMissing, Incident.DoesNotExist.
    """
    require_may_take_on(actor)
    if not note.strip():
        raise ReasonMissing
    with transaction.atomic(durable=True):
        incident = Incident.objects.select_for_update(no_key=True).get(pk=incident_id)
        if incident.is_open:
            end_incident(incident, actor=actor, reason=note.strip()[:NOTE_LONGEST])
    return incident
