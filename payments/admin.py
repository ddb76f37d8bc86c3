"""Money in, in the admin: read-only everywhere; an inbox event can be replayed, first as a dry run (P4, A2)."""

import json
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import action, display

from lockbay.read_only_admin import ReadOnlyAdmin
from payments.actions.assign_deposit import assign_deposit
from payments.actions.replay_event import ReplayReport, replay_event
from payments.errors import AssignRefused, ReplayRefused
from payments.models import ChainClaim, Deposit, InboxEvent, Intent
from payments.rates import admin as rates_admin  # noqa: F401  registers its pages
from payments.suspense import suggestions_for, unassigned

_INBOX_LABELS = {
    "pending": "warning",
    "applied": "success",
    "duplicate": "info",
    "ignored": None,
    "parked": "danger",
}
_INTENT_LABELS = {"requested": "warning", "open": "info", "failed": "danger"}
_CLAIM_LABELS = {
    "waiting": "warning",
    "proven": "success",
    "refused": "danger",
    "held": "danger",
    "replaced": "danger",
}
_DEPOSIT_LABELS = {"pending": "warning", "confirmed": "success", "reverted": "danger"}


@admin.register(Intent)
class IntentAdmin(ReadOnlyAdmin):
    list_display = ["public_id", "chip", "purpose", "reference", "payer", "price_text", "pay_text", "expires_at"]
    list_filter = ["status", "provider", "purpose", "pay_asset"]
    search_fields = ["public_id", "reference", "provider_payment_id", "address"]
    list_select_related = ["payer"]

    @display(description="status", label=_INTENT_LABELS, ordering="status")
    def chip(self, intent: Intent) -> str:
        return str(intent.status)

    @display(description="price")
    def price_text(self, intent: Intent) -> str:
        return str(intent.price)

    @display(description="to pay")
    def pay_text(self, intent: Intent) -> str:
        return f"{intent.pay_amount} ({intent.network})"


@admin.register(Deposit)
class DepositAdmin(ReadOnlyAdmin):
    list_display = ["id", "chip", "money_text", "intent", "txid", "is_late", "first_seen_at", "confirmed_at"]
    list_filter = ["state", "is_late", "provider", "asset"]
    search_fields = ["txid", "provider_payment_id", "recipient", "intent__public_id", "intent__reference"]
    list_select_related = ["intent"]
    actions_list = ["unmatched"]
    actions_detail = ["assign"]

    @display(description="state", label=_DEPOSIT_LABELS, ordering="state")
    def chip(self, deposit: Deposit) -> str:
        return str(deposit.state)

    @display(description="received")
    def money_text(self, deposit: Deposit) -> str:
        return str(deposit.money)

    @action(description="Unmatched deposits", url_path="unmatched")
    def unmatched(self, request: HttpRequest) -> HttpResponse:
        """The desk (P12): what waits in suspense, each with the requests it may belong to."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = [(deposit, suggestions_for(deposit)) for deposit in unassigned()]
        page = {
            **self.admin_site.each_context(request),
            "rows": rows,
            "can_assign": self.has_assign_permission(request),
            "opts": self.opts,
            "title": self.opts.verbose_name_plural,
        }
        return TemplateResponse(request, "admin/payments/unmatched.html", page)

    @action(description="Assign", url_path="assign", permissions=["assign"])
    def assign(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The exact entries first; then, with a reason and the digest of what was shown, for real."""
        if not self.has_assign_permission(request):
            raise PermissionDenied
        given = request.POST if request.method == "POST" else request.GET
        intent_key, is_for_real = given.get("intent", ""), request.method == "POST"
        report = refusal = None
        try:
            if intent_key:
                report = assign_deposit(
                    actor=request.user,  # type: ignore[arg-type]
                    deposit_id=object_id,
                    intent_key=intent_key,
                    dry_run=not is_for_real,
                    reason=given.get("reason", ""),
                    digest=given.get("digest", ""),
                )
        except AssignRefused as error:
            refusal = error
        if is_for_real and refusal is None:
            messages.success(request, render_to_string("admin/payments/assigned.txt", {"report": report}).strip())
            return redirect(reverse("admin:payments_deposit_change", args=[object_id]))
        deposit = get_object_or_404(Deposit, pk=object_id)
        page = {
            **self.admin_site.each_context(request),
            "deposit": deposit,
            "suggestions": suggestions_for(deposit) if deposit.intent_id is None else [],
            "report": report,
            "refusal": refusal,
            "intent_key": intent_key,
            "opts": self.opts,
            "title": str(deposit),
        }
        return TemplateResponse(request, "admin/payments/assign.html", page)

    def has_assign_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Those who may replay an event may say whose a payment is."""
        return bool(request.user.has_perm("payments.change_inboxevent"))


@admin.register(ChainClaim)
class ChainClaimAdmin(ReadOnlyAdmin):
    list_display = ["id", "chip", "chain", "txid", "intent", "checks", "confirmations", "attempts", "looked_at"]
    list_filter = ["state", "chain"]
    search_fields = ["txid", "correlation_id", "intent__public_id", "intent__reference"]
    list_select_related = ["intent"]

    @display(description="state", label=_CLAIM_LABELS, ordering="state")
    def chip(self, claim: ChainClaim) -> str:
        return str(claim.state)

    @display(description="failed checks")
    def checks(self, claim: ChainClaim) -> str:
        return ", ".join(claim.failed)


@admin.register(InboxEvent)
class InboxEventAdmin(ReadOnlyAdmin):
    list_display = ["id", "chip", "provider", "kind", "payment_ref", "last_outcome", "attempts", "received_at"]
    list_filter = ["status", "provider", "proof", "last_outcome", "kind"]
    search_fields = ["event_id", "payment_ref", "correlation_id"]
    exclude = ["body"]
    readonly_fields = ["body_text"]
    actions_detail = ["dry_run", "replay"]

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

    def has_replay_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Staff who may change inbox events; nobody may edit one."""
        return bool(request.user.has_perm("payments.change_inboxevent"))

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
