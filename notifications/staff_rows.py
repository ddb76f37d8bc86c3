"""The rows of a message to staff: to which of their channels it goes (N4, N6)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from lockbay.events.models import Event
from lockbay.people.models import Channel
from notifications import staff_chat
from notifications.channels import STAFF_CHANNELS, channel_of
from notifications.channels.pagerduty import ACTIONS
from notifications.models import Delivery, DeliveryState, Incident, Priority
from notifications.routing import Reach, Route

_PAGER, _SMS, _EMAIL = "pagerduty", Channel.SMS.value, Channel.EMAIL.value
_OVER = (DeliveryState.SKIPPED, DeliveryState.FAILED)
Row = dict[str, Any]
Target = tuple[str, str]  # audience, channel


@dataclass(frozen=True)
class Paged:
    """What was sent to PagerDuty about one incident. `may_know`: a try was made; `may_come`: it has it or will;
    `busy_until`: a try is under way and ends by then."""

    may_know: bool = False
    may_come: bool = False
    busy_until: datetime | None = None


@dataclass(frozen=True)
class KnownIncidents:
    """What a batch of events needs to know: event → the incident that it opened; incident → what PagerDuty has."""

    opened: Mapping[int, Incident]
    paged: Mapping[int, Paged]


def rows_for_staff(event: Event, route: Route, known: KnownIncidents, new_row: Callable[..., Row]) -> list[Row]:
    """The rows of one staff route; none when the event was only counted. `new_row` takes audience and channel."""
    incident_id = event.subject_id if event.subject_type == "incident" else None
    if route.incident is not None:
        opened = known.opened.get(event.pk)
        if opened is None:
            return []
        incident_id = opened.pk
    paged = known.paged.get(incident_id or 0, Paged())
    rows = [new_row(audience=audience, channel=channel) for audience, channel in _targets(event, route, paged)]
    for row in rows:
        row["incident_id"] = incident_id
        if route.reach is Reach.PAGER and paged.busy_until is not None:
            row["due_at"] = max(row["due_at"], paged.busy_until)
    return rows


def lane_of(row: Row, route: Route) -> str:
    """Which messages it shares its limit with: trouble is never held back by other news. "" for no limit (N6)."""
    if route.is_unlimited or row["channel"] == _EMAIL:
        return ""
    return "news" if row["incident_id"] is None else "alerts"


def read_paged(events: Iterable[Event]) -> dict[int, Paged]:
    """Of the incidents that the events are about: one query, none when there are none."""
    about = {event.subject_id for event in events if event.subject_type == "incident"}
    if not about:
        return {}
    calls: dict[int, list[Delivery]] = {}
    triggers = Delivery.objects.filter(incident_id__in=about, channel=_PAGER).exclude(template__in=list(ACTIONS))
    for row in triggers.only("incident_id", "attempts", "state", "lease_until"):
        if row.incident_id is not None:
            calls.setdefault(row.incident_id, []).append(row)
    return {
        incident_id: Paged(
            may_know=any(row.attempts > 0 for row in rows),
            may_come=any(row.state not in _OVER for row in rows),
            busy_until=max((row.lease_until for row in rows if row.lease_until), default=None),
        )
        for incident_id, rows in calls.items()
    }


def _targets(event: Event, route: Route, paged: Paged) -> list[Target]:
    if route.reach is Reach.PAGER:
        return _pager() if paged.may_know else []
    if route.reach is Reach.ON_CALL:
        mails = _mails(settings.STAFF_ESCALATION_EMAILS or settings.STAFF_EMAILS)
        return [*mails, *_phones(), *([] if paged.may_come else _pager())]
    if route.reach is Reach.CHANNEL:
        everywhere = [*_rooms(), *_phones(), *_pager()]
        return [target for target in everywhere if target[1] == event.data.get("channel")]
    is_for_pager = route.incident is not None and route.priority == Priority.PAYMENT  # only money wakes people at night
    return [*_mails(settings.STAFF_EMAILS), *_rooms(), *(_pager() if is_for_pager else [])]


def _mails(addresses: Iterable[str]) -> list[Target]:
    return [(f"staff:{address}", _EMAIL) for address in addresses]


def _rooms() -> list[Target]:
    """Where staff read together."""
    rooms = [name for name in STAFF_CHANNELS if name != _PAGER and channel_of(name).is_configured()]
    chat = [(staff_chat.AUDIENCE, Channel.TELEGRAM.value)] if staff_chat.is_configured() else []
    return [*((f"staff:{name}", name) for name in rooms), *chat]


def _pager() -> list[Target]:
    return [(f"staff:{_PAGER}", _PAGER)] if channel_of(_PAGER).is_configured() else []


def _phones() -> list[Target]:
    phones = settings.STAFF_ESCALATION_PHONES if channel_of(_SMS).is_configured() else []
    return [(f"staff:{phone}", _SMS) for phone in phones]
