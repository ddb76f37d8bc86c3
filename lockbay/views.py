"""Pages about the house itself: alive, ready, counted."""

import hmac
from http import HTTPStatus

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from lockbay.observability.health import run_checks
from lockbay.observability.metrics import metrics_text


@require_safe
def show_health(_request: HttpRequest) -> HttpResponse:
    """/health: this process answers. Touches nothing else."""
    return HttpResponse("alive\n", content_type="text/plain")


@require_safe
def show_ready(request: HttpRequest) -> HttpResponse:
    """/ready: every check by name; 200 when all are green, else 503. JSON, or a page for a browser."""
    results = run_checks()
    is_ready = all(result.ok for result in results.values())
    status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    if "text/html" in request.headers.get("Accept", ""):
        response = render(request, "web/ready.html", {"is_ready": is_ready, "results": results}, status=status)
    else:
        checks = {name: {"ok": result.ok, "detail": result.detail} for name, result in results.items()}
        response = JsonResponse({"ready": is_ready, "checks": checks}, status=status)
    response.headers["Cache-Control"] = "no-store"
    response._has_been_logged = True  # type: ignore[attr-defined]  # "not yet" is no error worth a line a second
    return response


@require_safe
def show_metrics(request: HttpRequest) -> HttpResponse:
    """/metrics: this process' counters; in production to `Authorization: Bearer METRICS_TOKEN` only."""
    if not settings.PLAYGROUND:
        given = request.headers.get("Authorization", "").encode()
        wanted = f"Bearer {settings.METRICS_TOKEN}".encode()
        if not settings.METRICS_TOKEN or not hmac.compare_digest(given, wanted):
            raise Http404
    return HttpResponse(metrics_text(), content_type="text/plain; version=0.0.4; charset=utf-8")
