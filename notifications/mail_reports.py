"""Reports of e-mail providers, read by anymail: its webhook view proves and parses, its signal hands over (N6).

The view is that of the provider in EMAIL_BACKEND. Traps: it raises whatever a malformed body makes it raise; Brevo has
no event id; a soft bounce looks like a hard one except in Brevo's own word for it.
"""

from contextvars import ContextVar
from typing import Any

import structlog
from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent, EventType, RejectReason, tracking
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from lockbay.people.models import Channel
from notifications.errors import ReportMalformed, ReportUnproven
from notifications.models import What
from notifications.tracking import Report

log = structlog.get_logger(__name__)
_heard: ContextVar[list[AnymailTrackingEvent]] = ContextVar("heard")

_DEAD = frozenset({RejectReason.INVALID, RejectReason.BOUNCED, RejectReason.BLOCKED})
_WHAT = {
    EventType.DELIVERED: What.DELIVERED,
    EventType.OPENED: What.OPENED,
    EventType.CLICKED: What.OPENED,
    EventType.BOUNCED: What.BOUNCED,
    EventType.REJECTED: What.BOUNCED,
    EventType.FAILED: What.FAILED,
}


def connect() -> None:
    """Called once at start."""
    tracking.connect(_hear, dispatch_uid="lockbay.mail_reports")


def read_mail_reports(request: HttpRequest, _raw: bytes) -> list[Report]:
    """The reports in a provider's call that say something of a message. Raises: ReportUnproven, ReportMalformed."""
    view = _view_of_provider()
    if view is None or not settings.EMAIL_TRACKING_SECRETS:
        raise ReportUnproven
    heard: list[AnymailTrackingEvent] = []
    token = _heard.set(heard)
    try:
        answer: HttpResponse = view(request)
        reports = [report for event in heard if (report := _report_of(event)) is not None]
    except AnymailWebhookValidationFailure as error:
        raise ReportUnproven from error
    except Exception as error:  # whatever a malformed body makes the parser do
        raise ReportMalformed(type(error).__name__) from error
    finally:
        _heard.reset(token)
    if answer.status_code >= 400:
        raise ReportMalformed(str(answer.status_code))
    return reports


def _hear(sender: object, event: AnymailTrackingEvent, **_more: Any) -> None:
    _heard.get([]).append(event)


def _view_of_provider() -> Any:
    """The tracking view of the provider that sends; None when none of anymail's does."""
    package, _, rest = settings.EMAIL_BACKEND.partition(".backends.")
    if package != "anymail":
        return None
    from anymail.urls import urlpatterns  # every provider's view: loaded when the first report comes

    wanted = f"{rest.partition('.')[0]}_tracking_webhook"
    return next((pattern.callback for pattern in urlpatterns if pattern.name == wanted), None)


def _report_of(event: AnymailTrackingEvent) -> Report | None:
    what = _WHAT.get(event.event_type)
    if what is None:
        return None  # queued, deferred, unsubscribed: no word about whether it arrived
    if what == What.BOUNCED and (event.reject_reason not in _DEAD or _is_soft(event.esp_event)):
        what = What.FAILED
    if what == What.OPENED and _is_machine(event.esp_event):
        what = What.DELIVERED
    if not isinstance(event.message_id, str):
        raise ReportMalformed("message id")
    address = event.recipient if isinstance(event.recipient, str) else ""
    at = event.timestamp if event.timestamp is not None and event.timestamp.tzinfo is not None else None
    key = event.event_id or f"{event.message_id}\n{event.event_type}\n{what}\n{address}\n{at and at.isoformat()}"
    detail = f"{event.event_type} {event.reject_reason or ''}".strip()
    return Report(Channel.EMAIL.value, event.message_id, what, at, key=str(key), address=address, detail=detail)


def _is_soft(body: Any) -> bool:
    return isinstance(body, dict) and body.get("event") == "soft_bounce"


def _is_machine(body: Any) -> bool:
    """Mail programs fetch the pictures of a mail that nobody has looked at: so Brevo and SendGrid tell them apart."""
    if not isinstance(body, dict):
        return False
    return body.get("event") in ("proxy_open", "unique_proxy_open") or body.get("sg_machine_open") is True
