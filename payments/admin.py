"""Money in, in the admin: payment requests and deposits, read-only; the desk of payments that match nothing (P12)."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action, display

from lockbay.read_only_admin import ReadOnlyAdmin
from payments import claim_admin, fee_admin, inbox_admin, payout_admin, seen_admin  # noqa: F401  register their pages
from payments.actions.assign_deposit import assign_deposit
from payments.errors import AssignRefused
from payments.models import Deposit, Intent, Verification
from payments.rates import admin as rates_admin  # noqa: F401  registers its pages
from payments.staff import RIGHT
from payments.story_admin import StoryAdmin
from payments.suspense import suggestions_for, unassigned

_INTENT_LABELS = {"requested": "warning", "open": "info", "failed": "danger"}
_DEPOSIT_LABELS = {"pending": "warning", "confirmed": "success", "reverted": "danger"}


@admin.register(Intent)
class IntentAdmin(StoryAdmin):
    story_key = "public_id"
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
class DepositAdmin(StoryAdmin):
    list_display = ["id", "chip", "money_text", "intent", "txid", "is_late", "first_seen_at", "confirmed_at"]
    list_filter = ["state", "is_late", "provider", "asset"]
    search_fields = ["txid", "provider_payment_id", "recipient", "intent__public_id", "intent__reference"]
    list_select_related = ["intent"]
    actions_list = ["unmatched"]
    actions_detail = ["open_log", "assign"]

    def story_key_of(self, row: Deposit) -> str:
        return row.txid or row.provider_payment_id

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
        return bool(request.user.has_perm(RIGHT))


@admin.register(Verification)
class VerificationAdmin(ReadOnlyAdmin):
    """What was asked about payments and what came of it (P11)."""

    list_display = ["started_at", "question", "provider", "chain", "intent", "outcome", "reason", "correlation_id"]
    list_filter = ["question", "outcome", "provider", "chain"]
    search_fields = ["correlation_id", "txid", "address", "intent__public_id", "intent__reference"]
    list_select_related = ["intent"]
    ordering = ["-id"]
