"""The story of one message to one person: what happened, each channel that was opened for it, each try, each report,
who sent it again and why, and what is still to come (N3, N8). One reading order, the same few queries for any message.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from notifications.models import Delivery, DeliveryState, IncidentEvent, Outcome, What

# What happened at the same moment is told in this order.
ORDER = (
    "happened", "made", "opened_next", "resent", "try", "report", "seen", "exhausted", "alerted", "escalated",
    "taken_on", "closed", "ahead_try", "ahead_next",
)  # fmt: skip
_OF_MESSAGE = {Kind.DELIVERY_RESENT.value: "resent", Kind.DELIVERIES_EXHAUSTED.value: "exhausted"}
_OF_INCIDENT = {
    Kind.INCIDENT_ESCALATED.value: "escalated",
    Kind.INCIDENT_ACKNOWLEDGED.value: "taken_on",
    Kind.INCIDENT_CLOSED.value: "closed",
}
_BAD_OUTCOMES = (Outcome.FAILED, Outcome.UNCERTAIN)
_BAD_REPORTS = (What.FAILED, What.BOUNCED)
_ROUNDING = timedelta(seconds=1)


@dataclass(frozen=True)
class Line:
    """One fact. `what` is one of ORDER and decides how the page words `row`; `why` is a code, or who was first."""

    at: datetime
    what: str
    channel: str
    row: Any
    why: str = ""
    is_bad: bool = False

    @property
    def is_ahead(self) -> bool:
        """It has not happened yet."""
        return self.what.startswith("ahead_")


def tell_story(delivery: Delivery) -> list[Line]:
    """All that is known of this message to this person, over all of their channels."""
    copies = list(_copies_of(delivery))
    lines = [Line(min(delivery.event.at, copies[0].created_at), "happened", "", delivery.event)]
    for number, copy in enumerate(copies):
        lines += _lines_of(copy, copies[:number])
    lines += _lines_about(copies)
    return sorted(lines, key=lambda line: (line.is_ahead, line.at, ORDER.index(line.what), line.row.pk))


def _copies_of(delivery: Delivery) -> Any:
    """The message on every channel it was made for, this one included, in the order in which they were opened."""
    same = Delivery.objects.filter(
        event_id=delivery.event_id, template=delivery.template, recipient_id=delivery.recipient_id
    )
    if delivery.recipient_id is None:
        same = same.filter(audience=delivery.audience)  # staff: every address is a person of its own
    return same.select_related("recipient").prefetch_related("tries", "reports").order_by("created_at", "pk")


def _lines_of(copy: Delivery, earlier: list[Delivery]) -> Iterator[Line]:
    before = next((other for other in reversed(earlier) if other.audience == copy.audience), None)
    if before is None:
        yield Line(copy.created_at, "made", copy.channel, copy)
    else:
        yield Line(copy.created_at, "opened_next", copy.channel, copy, _why_opened(copy, before))
    began = {}
    for attempt in copy.tries.all():
        began[attempt.provider_id] = attempt.started_at
        yield Line(attempt.started_at, "try", copy.channel, attempt, is_bad=attempt.outcome in _BAD_OUTCOMES)
    for report in copy.reports.all():
        at = max(report.at, began.get(report.provider_id, report.at))  # their clock may be behind ours
        yield Line(at, "report", copy.channel, report, is_bad=report.what in _BAD_REPORTS)
    yield from _lines_without_report(copy)
    if copy.state in (DeliveryState.QUEUED, DeliveryState.SENDING):
        yield from _lines_ahead(copy)


def _lines_without_report(copy: Delivery) -> Iterator[Line]:
    """Telegram reports nothing, a pressed button tells that it was opened; and old reports are forgotten."""
    reported = {report.what for report in copy.reports.all()}
    for what, at in ((What.DELIVERED, copy.delivered_at), (What.OPENED, copy.opened_at)):
        if at is not None and what not in reported:
            yield Line(at, "seen", copy.channel, copy, what.value)


def _lines_ahead(copy: Delivery) -> Iterator[Line]:
    if copy.state == DeliveryState.QUEUED:
        yield Line(copy.due_at, "ahead_try", copy.channel, copy)
    if copy.fallback_at is not None:
        yield Line(copy.fallback_at, "ahead_next", copy.channel, copy)


def _why_opened(copy: Delivery, before: Delivery) -> str:
    """Why the channel behind `before` was opened: "failed", "bounced", or "late" when it took too long."""
    by_then = copy.created_at + _ROUNDING
    if any(report.what in _BAD_REPORTS and report.received_at <= by_then for report in before.reports.all()):
        return "bounced"
    ended = [attempt for attempt in before.tries.all() if attempt.finished_at and attempt.finished_at <= by_then]
    return "failed" if any(attempt.outcome in _BAD_OUTCOMES for attempt in ended) else "late"


def _lines_about(copies: list[Delivery]) -> Iterator[Line]:
    """What was recorded of the messages themselves: sent again by whom; that nobody could be told, and who heard of
    that; and what became of the incident that an alert is about."""
    by_pk = {copy.pk: copy for copy in copies}
    about = Event.objects.filter(subject_type="delivery", subject_id__in=by_pk, kind__in=_OF_MESSAGE)
    events = {event.pk: event for event in about.select_related("actor").order_by("pk")}
    for event in events.values():
        copy = by_pk[event.subject_id]
        what = _OF_MESSAGE[event.kind]
        yield Line(_real_time_of(event, copy), what, copy.channel, event, is_bad=what == "exhausted")
    for member in IncidentEvent.objects.filter(event__in=events).select_related("incident__acknowledged_by"):
        copy = by_pk[events[member.event_id].subject_id]
        yield Line(_real_time_of(events[member.event_id], copy), "alerted", "", member.incident)
    incidents = {copy.incident_id for copy in copies if copy.incident_id is not None}
    acts = Event.objects.filter(subject_type="incident", subject_id__in=incidents, kind__in=_OF_INCIDENT)
    for event in acts.select_related("actor") if incidents else ():
        yield Line(min(event.at, clock.real_now()), _OF_INCIDENT[event.kind], "", event)


def _real_time_of(event: Event, copy: Delivery) -> datetime:
    """The domain's clock may run ahead of real time, in which deliveries live: not after the try that came of it."""
    latest = clock.real_now()
    if event.kind == Kind.DELIVERY_RESENT:
        tried = event.data.get("tries", 0)
        after = [attempt.started_at for attempt in copy.tries.all() if attempt.number > tried]
        return min(event.at, *after, latest)
    return min(event.at, copy.exhausted_at or latest)
