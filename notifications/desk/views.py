"""The desk's pages that are no list of rows: how the channels do, and how every notice reads."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from lockbay import clock
from notifications.desk.channel_rates import DAY, WEEK, rates_of_channels
from notifications.desk.charts import OPTIONS, chart_of
from notifications.desk.previews import preview, routes_like
from notifications.latency import latencies
from notifications.models import Delivery
from notifications.routing import ROUTES

ROUTES_ON_A_PAGE = 8


@require_safe
def show_channels(request: HttpRequest) -> HttpResponse:
    """/admin/channels/?hours=24 or 168: what each channel took, refused and lost, and how long people waited."""
    _require_reader(request)
    hours = WEEK if request.GET.get("hours") == str(WEEK) else DAY
    now = clock.real_now()
    waits = latencies(window=timedelta(hours=hours))
    rows = [
        {
            "rates": rates,
            "week": rates.tally(now, WEEK),
            "windows": [("day", rates.tally(now, DAY)), ("week", rates.tally(now, WEEK))],
            "chart": chart_of(rates, now, hours),
            "waits": [wait for wait in waits if wait.channel == rates.channel],
        }
        for rates in rates_of_channels(now)
    ]
    page = {"rows": rows, "hours": hours, "now": now, "chart_options": OPTIONS, "windows": (DAY, WEEK)}
    return _answer(request, "admin/notifications/channels.html", page)


@require_safe
def show_previews(request: HttpRequest) -> HttpResponse:
    """/admin/previews/?kind=…&template=…&form=…&language=…: every entry of the routing table in every channel."""
    _require_reader(request)
    kind, template, form = (request.GET.get(name, "") for name in ("kind", "template", "form"))
    wanted = request.GET.get("language", "")
    language = wanted if wanted in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    entries = Paginator(routes_like(kind=kind, template=template), ROUTES_ON_A_PAGE).get_page(request.GET.get("page"))
    now = clock.now()
    page = {
        "entries": entries,
        "previews": [preview(one, route, language=language, now=now, form=form) for one, route in entries],
        "kinds": [one.value for one, routes in ROUTES.items() if routes],
        "kind": kind,
        "template": template,
        "language": language,
        "languages": settings.LANGUAGES,
    }
    return _answer(request, "admin/notifications/previews.html", page)


def _require_reader(request: HttpRequest) -> None:
    if not request.user.has_perm("notifications.view_delivery"):
        raise PermissionDenied


def _answer(request: HttpRequest, template: str, page: dict[str, Any]) -> HttpResponse:
    shared = {**admin.site.each_context(request), "opts": Delivery._meta, "title": ""}
    return TemplateResponse(request, template, {**shared, **page})
