"""Reports of Twilio (SMS) and Meta (WhatsApp): proved by their signatures over what was really sent, then read.

https://www.twilio.com/docs/usage/webhooks/webhooks-security: HMAC-SHA1 over the address and the sorted parameters, by
the account's primary auth token. https://developers.facebook.com/docs/graph-api/webhooks/getting-started: HMAC-SHA256
over the raw bytes, by the app secret. While a secret is being rotated the old one counts too.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.http import HttpRequest

from lockbay.people.models import Channel
from notifications.errors import ReportMalformed, ReportUnproven
from notifications.models import What
from notifications.tracking import Report

TWILIO_HEADER, META_HEADER = "X-Twilio-Signature", "X-Hub-Signature-256"
_MOST_FIELDS = 100
_TWILIO = {
    "delivered": What.DELIVERED,
    "read": What.OPENED,
    "undelivered": What.FAILED,
    "failed": What.FAILED,
    "canceled": What.FAILED,
}
# Invalid, unsubscribed, not mobile; unknown or unreachable for good, landline.
_TWILIO_DEAD = frozenset({"21211", "21610", "21614", "30005", "30006"})
_META = {"delivered": What.DELIVERED, "read": What.OPENED, "played": What.OPENED, "failed": What.FAILED}
_META_DEAD = frozenset({131026})


def read_sms_reports(request: HttpRequest, raw: bytes) -> list[Report]:
    """A status callback of Twilio. Raises: ReportUnproven, ReportMalformed."""
    given = request.headers.get(TWILIO_HEADER, "")
    tokens = [token for token in (settings.TWILIO_AUTH_TOKEN, *settings.TWILIO_OLD_AUTH_TOKENS) if token]
    if not given or not tokens:
        raise ReportUnproven
    try:
        fields = dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"))
    except ValueError as error:
        raise ReportMalformed(type(error).__name__) from error
    query = request.META.get("QUERY_STRING", "")
    address = f"{settings.PUBLIC_URL}{request.path}{'?' if query else ''}{query}"
    if not any(_same(given, twilio_signature(token, address, fields)) for token in tokens):
        raise ReportUnproven
    sid, status = fields.get("MessageSid", ""), fields.get("MessageStatus", "")
    if not sid or not status:
        raise ReportMalformed("MessageSid and MessageStatus")
    what = _TWILIO.get(status)
    if what is None:
        return []  # queued, sending, sent: on its way
    code = fields.get("ErrorCode", "")
    what = What.BOUNCED if what == What.FAILED and code in _TWILIO_DEAD else what
    detail = f"{status} {code}".strip()
    return [Report(Channel.SMS.value, sid, what, None, f"{sid}\n{status}", address=fields.get("To", ""), detail=detail)]


def twilio_signature(token: str, address: str, fields: dict[str, str]) -> str:
    """What X-Twilio-Signature must be."""
    signed = address + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def read_whatsapp_reports(request: HttpRequest, raw: bytes) -> list[Report]:
    """The statuses in a call of Meta; incoming messages are none. Raises: ReportUnproven, ReportMalformed."""
    given = request.headers.get(META_HEADER, "")
    if not any(_same(given, meta_signature(secret, raw)) for secret in settings.WHATSAPP_APP_SECRETS):
        raise ReportUnproven
    try:
        body = json.loads(raw, parse_constant=_refuse_constant)
        return [report for status in _statuses_of(body) if (report := _report_of(status)) is not None]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError, RecursionError) as error:
        raise ReportMalformed(type(error).__name__) from error


def meta_signature(secret: str, raw: bytes) -> str:
    """What X-Hub-Signature-256 must be."""
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def knows_verify_token(given: str) -> bool:
    """Whether Meta asks with the token that was entered there."""
    return bool(settings.WHATSAPP_VERIFY_TOKEN) and _same(given, settings.WHATSAPP_VERIFY_TOKEN)


def _statuses_of(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for entry in body.get("entry", []):
        for change in entry.get("changes", []):
            yield from change.get("value", {}).get("statuses", [])


def _report_of(status: dict[str, Any]) -> Report | None:
    message_id, said = status["id"], status["status"]
    if not isinstance(message_id, str) or not isinstance(said, str):
        raise TypeError("id and status are texts")
    what = _META.get(said)
    if what is None:
        return None
    errors = status.get("errors") or [{}]
    code = errors[0].get("code")
    what = What.BOUNCED if what == What.FAILED and code in _META_DEAD else what
    at = datetime.fromtimestamp(int(status["timestamp"]), tz=UTC) if status.get("timestamp") else None
    address = str(status.get("recipient_id") or "")
    detail = f"{said} {code if isinstance(code, int) else ''}".strip()
    return Report(Channel.WHATSAPP.value, message_id, what, at, f"{message_id}\n{said}", address=address, detail=detail)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
