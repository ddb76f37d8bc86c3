"""Staff send again what reached nobody while the channels were down: all of an incident at once (N3, F19)."""

from collections.abc import Mapping, Sequence

from django.db import transaction

from lockbay.people.models import Contact, User
from notifications.actions.resend_delivery import resend_within
from notifications.errors import ReasonMissing
from notifications.models import Delivery, DeliveryState, Incident
from notifications.reach import ORDER, channels_of, live_contacts


def resend_lost(*, actor: User, incident_id: int, note: str) -> int:
    """Queues each message of the incident that is still lost, once, by the best of its channels that reaches the
    person now; returns how many. What was told meanwhile, or is being tried, is left alone.

    Raises: ReasonMissing, Incident.DoesNotExist.
    """
    if not note.strip():
        raise ReasonMissing
    with transaction.atomic(durable=True):
        incident = Incident.objects.select_for_update(no_key=True).get(pk=incident_id)
        lost = [rows for rows in _messages_of(incident).values() if _is_lost(rows)]
        contacts = live_contacts({row.recipient_id for rows in lost for row in rows if row.recipient_id})
        chosen = [_best(rows, contacts) for rows in lost]
        if chosen:
            resend_within(actor=actor, deliveries=chosen, reason=note.strip())
    return len(chosen)


def _messages_of(incident: Incident) -> Mapping[tuple[int, str], list[Delivery]]:
    """The rows of every message that was counted on it, locked, by event and audience."""
    counted = incident.members.filter(event__subject_type="delivery").values("event__subject_id")
    wanted = set(Delivery.objects.filter(pk__in=counted).values_list("event_id", "audience"))
    rows = Delivery.objects.filter(event__in={event_id for event_id, _audience in wanted})
    locked = rows.select_for_update(no_key=True, of=("self",)).select_related("recipient").order_by("pk")
    found: dict[tuple[int, str], list[Delivery]] = {}
    for row in locked:
        if (row.event_id, row.audience) in wanted:
            found.setdefault((row.event_id, row.audience), []).append(row)
    return found


def _is_lost(rows: Sequence[Delivery]) -> bool:
    ended = {DeliveryState.FAILED, DeliveryState.SKIPPED}
    return all(row.state in ended for row in rows) and any(row.state == DeliveryState.FAILED for row in rows)


def _best(rows: Sequence[Delivery], contacts: Mapping[int, list[Contact]]) -> Delivery:
    user = rows[0].recipient
    reachable = channels_of(user, contacts.get(user.pk, [])) if user else []

    def rank(row: Delivery) -> tuple[bool, bool, int]:
        place = ORDER.index(row.channel) if row.channel in ORDER else len(ORDER)
        return row.channel not in reachable, row.is_uncertain, place

    return min((row for row in rows if row.state == DeliveryState.FAILED), key=rank)
