"""The inbox in the admin: read-only; events can be replayed, one or many, first as a dry run (P4, A2)."""

import json
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import action, display

from lockbay.people.models import User
from lockbay.repair_button import RepairButton
from payments.actions.replay_event import ReplayReport, replay_event
from payments.errors import ReplayRefused
from payments.models import InboxEvent
from payments.replaying import Summary, replay_each
from payments.staff import RIGHT
from payments.story_admin import StoryAdmin

_MOST_SELECTED = 100  # more takes longer than a page may; the command line takes any number
_INBOX_LABELS = {
    "pending": "warning",
    "applied": "success",
    "duplicate": "info",
    "ignored": None,
    "parked": "danger",
}


@admin.register(InboxEvent)
class InboxEventAdmin(RepairButton, StoryAdmin):
    repair_subject = "inbox"
    story_key = "event_id"
    list_display = ["id", "chip", "provider", "kind", "payment_ref", "last_outcome", "attempts", "received_at"]
    list_filter = ["status", "provider", "proof", "last_outcome", "kind"]
    search_fields = ["event_id", "payment_ref", "correlation_id"]
    exclude = ["body"]
    readonly_fields = ["body_text"]
    actions = ["replay_selected"]
    actions_detail = ["open_log", "dry_run", "replay", "repair"]

    @display(description="status", label=_INBOX_LABELS, ordering="status")
    def chip(self, row: InboxEvent) -> str:
        return str(row.status)

    @display(description="body")
    def body_text(self, row: InboxEvent) -> str:
        return format_html('<pre class="whitespace-pre-wrap break-all">{}</pre>', readable_body(bytes(row.body)))

    @action(description="Dry run", url_path="dry-run", permissions=["replay"])
    def dry_run(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._page(request, object_id, can_apply=False)

    @action(description="Replay", url_path="replay", permissions=["replay"])
    def replay(self, request: HttpRequest, object_id: int) -> HttpResponse:
        if request.method != "POST":
            return self._page(request, object_id, can_apply=True)
        self._require_replay_permission(request)
        try:
            report = replay_event(
                actor=request.user,  # type: ignore[arg-type]
                inbox_id=object_id,
                dry_run=False,
                reason=request.POST.get("reason", ""),
            )
        except ReplayRefused as refusal:
            messages.error(request, _said(refusal=refusal))
        else:
            messages.success(request, _said(report=report))
        return redirect(reverse("admin:payments_inboxevent_change", args=[object_id]))

    @admin.action(description="Replay selected events", permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[InboxEvent]) -> HttpResponse | None:
        """The dry run of each first; then, with a reason, for real: one by one, so that a bad one stops nobody."""
        inbox_ids = list(queryset.order_by("pk").values_list("pk", flat=True)[: _MOST_SELECTED + 1])
        if len(inbox_ids) > _MOST_SELECTED:
            messages.error(request, _said(too_many=_MOST_SELECTED))
            return None
        reason, is_for_real = request.POST.get("reason", ""), "apply" in request.POST
        if is_for_real and not reason.strip():
            messages.error(request, _said(refusal=ReplayRefused("reason_missing")))
        is_dry_run = not is_for_real or not reason.strip()
        summary, results = Summary(), []
        actor: User = request.user  # type: ignore[assignment]
        for result in replay_each(actor=actor, inbox_ids=inbox_ids, dry_run=is_dry_run, reason=reason):
            summary.add(result)
            results.append(result)
        if not is_dry_run:
            tell = messages.warning if summary.failed or summary.broken else messages.success
            tell(request, _said(summary=summary))
            return None
        page = {
            **self.admin_site.each_context(request),
            "results": results,
            "summary": summary,
            "inbox_ids": inbox_ids,
            "opts": self.opts,
            "title": self.opts.verbose_name_plural,
        }
        return TemplateResponse(request, "admin/payments/replay_selected.html", page)

    def has_replay_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Staff who may change inbox events; nobody may edit one."""
        return bool(request.user.has_perm(RIGHT))

    def _require_replay_permission(self, request: HttpRequest) -> None:
        if not self.has_replay_permission(request):
            raise PermissionDenied

    def _page(self, request: HttpRequest, object_id: int, *, can_apply: bool) -> HttpResponse:
        """What a replay would change, found out by running it and rolling it back."""
        self._require_replay_permission(request)
        try:
            report: ReplayReport = replay_event(
                actor=request.user,  # type: ignore[arg-type]
                inbox_id=object_id,
                dry_run=True,
            )
        except ReplayRefused as refusal:
            raise Http404 from refusal
        page = {
            **self.admin_site.each_context(request),
            "report": report,
            "can_apply": can_apply,
            "opts": self.opts,
            "title": str(object_id),
        }
        return TemplateResponse(request, "admin/payments/replay.html", page)


def readable_body(raw: bytes) -> str:
    """A stored body for human eyes: indented when it is JSON (decimals as text, digit by digit), else as it came."""
    text = raw.decode("utf-8", "backslashreplace")
    try:
        return json.dumps(json.loads(text, parse_float=Decimal), indent=2, ensure_ascii=False, default=str)
    except (ValueError, ArithmeticError, RecursionError):
        return text


def _said(**context: Any) -> str:
    return render_to_string("admin/payments/replayed.txt", context).strip()
