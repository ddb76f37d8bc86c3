"""Where channels report what became of messages (F18): prove, read, apply, answer.

2xx for everything that is proved and well-formed, also when it is repeated, late or about a message that is not ours;
401 without proof, 400 for what cannot be read, 413 above the size limit, 503 when it could not be stored: then the
provider sends it again.
"""

from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from notifications.errors import ReportMalformed, ReportUnproven
from notifications.mail_reports import read_mail_reports
from notifications.phone_reports import knows_verify_token, read_sms_reports, read_whatsapp_reports
from notifications.tracking import Report, apply_tracking
from payments.bodies import read_body
from payments.errors import BodyMalformed, BodyTooLarge

log = structlog.get_logger(__name__)
Read = Callable[[HttpRequest, bytes], list[Report]]


@csrf_exempt
def take_mail_report(request: HttpRequest) -> HttpResponse:
    """POST: the e-mail provider's events, with basic auth."""
    return _take(request, read_mail_reports)


@csrf_exempt
def take_sms_report(request: HttpRequest) -> HttpResponse:
    """POST: Twilio's status callbacks."""
    return _take(request, read_sms_reports)


@csrf_exempt
def take_whatsapp_report(request: HttpRequest) -> HttpResponse:
    """POST: Meta's statuses. GET: Meta asks whether this address is ours and wants its challenge back."""
    if request.method != "GET":
        return _take(request, read_whatsapp_reports)
    if not knows_verify_token(request.GET.get("hub.verify_token", "")):
        return _refuse(401, "the verify token")
    return HttpResponse(request.GET.get("hub.challenge", ""), content_type="text/plain")


def _take(request: HttpRequest, read: Read) -> HttpResponse:
    if request.method != "POST":
        return _refuse(405, "POST")
    try:
        raw = read_body(request, limit=settings.WEBHOOK_MAX_BYTES)
        request._body = raw  # Django's own place for it: anymail reads it there
        reports = read(request, raw)
    except BodyTooLarge as error:
        return _refuse(413, f"at most {error.limit} bytes")
    except ReportUnproven:
        return _refuse(401, "the provider's proof")
    except (ReportMalformed, BodyMalformed) as error:
        return _refuse(400, "the provider's own form", reason=str(error))
    try:
        for report in reports:
            apply_tracking(report)
    except (DatabaseError, InterfaceError):
        log.exception("REPORT_NOT_STORED", path=request.path)
        return _refuse(503, "send it again")
    return JsonResponse({"ok": True})


def _refuse(status: int, expected: str, *, reason: str = "") -> HttpResponse:
    log.warning("REPORT_REFUSED", status=status, expected=expected, reason=reason)
    return JsonResponse({"ok": False, "expected": expected}, status=status)
