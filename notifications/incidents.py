"""Trouble is told to staff once: the first event of an incident; later ones are counted while it is open (N6, F19).

Two workers that fan out events of the same trouble at once make one incident: the partial unique constraint lets one
of them open it, the other waits for its commit and counts. Rows are inserted and then locked in the order of their
keys, so nobody waits in a circle. Incidents live in real time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from lockbay.events.models import Event
from lockbay.setsql import insert_new, update_each
from notifications.models import Incident, IncidentEvent
from notifications.routing import Route

_KEY_LONGEST = 200


@dataclass(frozen=True)
class Alert:
    """An event that is trouble by one of its routes; `trouble` is what the route calls it within its kind."""

    event: Event
    route: Route
    trouble: str

    @property
    def key(self) -> str:
        """Names the incident."""
        return f"{self.event.kind}:{self.trouble}"[:_KEY_LONGEST]


def open_or_count(alerts: Sequence[Alert], now: datetime) -> Mapping[int, Incident]:
    """Event → the incident that it opened, for the events that staff must be told of; all others were counted.

    Runs inside the fan-out's transaction. An event that was fanned out before is left out.
    """
    groups = _by_key(_unseen(alerts))
    if not groups:
        return {}
    opened: set[str] = set()
    incidents = _lock(groups, now, opened)
    members = [
        {"event_id": alert.event.pk, "incident_id": incidents[key].pk}
        for key, group in groups.items()
        for alert in group
    ]
    insert_new(IncidentEvent, members)
    update_each(
        Incident,
        [
            {
                "id": incidents[key].pk,
                "count": incidents[key].count + len(group),  # its row is locked: no rival counts meanwhile
                "last_event_id": group[-1].event.pk,
                "last_at": now,
            }
            for key, group in groups.items()
        ],
    )
    return {groups[key][0].event.pk: incidents[key] for key in groups if key in opened}


def _unseen(alerts: Sequence[Alert]) -> list[Alert]:
    if not alerts:
        return []
    seen = IncidentEvent.objects.filter(event__in=[alert.event.pk for alert in alerts])
    known = set(seen.values_list("event_id", flat=True))
    return [alert for alert in alerts if alert.event.pk not in known]


def _by_key(alerts: Sequence[Alert]) -> dict[str, list[Alert]]:
    groups: dict[str, list[Alert]] = {}
    for alert in alerts:
        groups.setdefault(alert.key, []).append(alert)
    return dict(sorted(groups.items()))


def _open(groups: Mapping[str, list[Alert]], now: datetime) -> set[str]:
    rows = [
        {
            "key": key,
            "kind": group[0].event.kind,
            "template": group[0].route.template,
            "priority": group[0].route.priority.value,
            "first_event_id": group[0].event.pk,
            "last_event_id": group[0].event.pk,
            "count": 0,
            "opened_at": now,
            "last_at": now,
            "note": "",
            "escalations": 0,
            "next_escalation_at": now + settings.ALERT_ESCALATE,
        }
        for key, group in groups.items()
    ]
    new = insert_new(Incident, rows, unique="key", unique_where="closed_at IS NULL", returning=["key"])
    return {key for (key,) in new}


def _lock(groups: Mapping[str, list[Alert]], now: datetime, opened: set[str]) -> dict[str, Incident]:
    """The open incident of every key; `opened` learns which are new. One that is closed at this very moment is opened
    anew. What is there is looked for without a lock first: a refused insert would use up a number."""
    is_open = Incident.objects.filter(closed_at__isnull=True)
    locked: dict[str, Incident] = {}
    while missing := [key for key in groups if key not in locked]:
        there = set(is_open.filter(key__in=missing).values_list("key", flat=True))
        opened |= _open({key: groups[key] for key in missing if key not in there}, now)
        rows = is_open.select_for_update(no_key=True).filter(key__in=missing).order_by("key")
        locked |= {incident.key: incident for incident in rows}
    return locked
