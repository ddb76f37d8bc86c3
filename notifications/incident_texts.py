"""An incident in words: the title of the alert that opened it, and what happened since (N6, A1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from lockbay.events.models import Event
from notifications.models import Delivery, Incident
from notifications.rendering import desk_page
from notifications.texts import paragraphs_of, plain_text

_MOST_EVENTS = 50


@dataclass(frozen=True)
class Happened:
    """An event that was counted on the incident, and the page of what it is about."""

    event: Event
    facts: dict[str, Any]
    page: str


def title_of(incident: Incident) -> str:
    """The first line of its alert, by the first event's facts; reads nothing more."""
    paragraphs = paragraphs_of(render_to_string(f"notices/{incident.template}.html", dict(incident.first_event.data)))
    return " ".join(plain_text(paragraphs[0]).split())


def newest_events(incident: Incident) -> Sequence[Happened]:
    """The last that were counted, newest first."""
    members = incident.members.select_related("event").order_by("-event")[:_MOST_EVENTS]
    return [
        Happened(one.event, _facts_of(one.event), desk_page(one.event.subject_type, one.event.subject_id))
        for one in members
    ]


def deliveries_of(incident: Incident) -> Sequence[Delivery]:
    """Every message about it, in the order in which they were made."""
    return list(incident.deliveries.select_related("recipient").order_by("pk"))


def acts_on(incident: Incident) -> Sequence[Event]:
    """What staff and the house did about it."""
    about = Event.objects.filter(subject_type="incident", subject_id=incident.pk)
    return list(about.select_related("actor").order_by("pk"))


def _facts_of(event: Event) -> dict[str, Any]:
    return {
        name: ", ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in event.data.items()
        if value not in ("", None)
    }
