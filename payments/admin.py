"""Money in, in the admin: payment requests and deposits, read-only; the desk of payments that match nothing (P12)."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action, display

from lockbay.people.roles import runs_the_house
from lockbay.read_only_admin import ReadOnlyAdmin
from lockbay.repair_button import RepairButton
from payments import claim_admin, fee_admin, inbox_admin, payout_admin, seen_admin  # noqa: F401  register their pages
from payments.models import Deposit, Intent, Verification
from payments.rates import admin as rates_admin  # noqa: F401  registers its pages
from payments.story_admin import StoryAdmin
from payments.suspense import suggestions_for, unassigned

_INTENT_LABELS = {"requested": "warning", "open": "info", "failed": "danger"}
_DEPOSIT_LABELS = {"pending": "warning", "confirmed": "success", "reverted": "danger"}


@admin.register(Intent)
class IntentAdmin(RepairButton, StoryAdmin):
    repair_subject = "intent"
    actions_detail = ["open_log", "repair"]
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
class DepositAdmin(RepairButton, StoryAdmin):
    repair_subject = "deposit"
    list_display = ["id", "chip", "money_text", "intent", "txid", "is_late", "by_hand", "first_seen_at", "confirmed_at"]
    list_filter = ["state", "is_late", "provider", "asset"]
    search_fields = ["txid", "provider_payment_id", "recipient", "intent__public_id", "intent__reference"]
    list_select_related = ["intent"]
    actions_list = ["unmatched"]
    actions_detail = ["open_log", "assign", "repair"]

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
        """Leads to the repair, with the request that was chosen at the desk."""
        if not self.has_assign_permission(request):
            raise PermissionDenied
        start = reverse("admin:wallets_repair_start", args=["deposit", object_id])
        chosen = {"kind": "assign_deposit", "intent": request.GET["intent"]} if request.GET.get("intent") else {}
        return redirect(f"{start}?{urlencode(chosen)}" if chosen else start)

    def has_assign_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Those who repair may say whose a payment is."""
        return runs_the_house(request.user)


@admin.register(Verification)
class VerificationAdmin(ReadOnlyAdmin):
    """What was asked about payments and what came of it (P11)."""

    list_display = ["started_at", "question", "provider", "chain", "intent", "outcome", "reason", "correlation_id"]
    list_filter = ["question", "outcome", "provider", "chain"]
    search_fields = ["correlation_id", "txid", "address", "intent__public_id", "intent__reference"]
    list_select_related = ["intent"]
    ordering = ["-id"]
