"""Payouts at the desk: every attempt with what the provider said, what people may do about one that waits, and what
rails hold for us (W5, W6, A1)."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import action, display

from lockbay.read_only_admin import ReadOnlyAdmin
from payments.actions.ask_payout import ask_payout
from payments.actions.record_manual_payout import record_manual_payout
from payments.actions.take_over_payout import take_over_payout
from payments.inbox_admin import readable_body
from payments.models import PayoutAttempt, RailBalance
from payments.payout_models import AttemptOutcome
from wallets.decision_admin import refusal_text, staff_of
from wallets.errors import Refusal
from wallets.withdrawal_policy import may_decide
from wallets.withdrawal_states import WithdrawalStatus

_LABELS = {
    "claimed": "info",
    "calling": "info",
    "not_sent": "warning",
    "accepted": "info",
    "paid": "success",
    "refused": "danger",
    "reversed": "danger",
    "unknown": "danger",
    "by_hand": "warning",
}
_OFFERED: dict[str, frozenset[AttemptOutcome]] = {
    "enter_reference": frozenset({AttemptOutcome.BY_HAND}),
    "take_over": frozenset({AttemptOutcome.BY_HAND, AttemptOutcome.NOT_SENT}),
    "ask": frozenset({AttemptOutcome.UNKNOWN, AttemptOutcome.ACCEPTED, AttemptOutcome.PAID, AttemptOutcome.REFUSED}),
}


@admin.register(PayoutAttempt)
class PayoutAttemptAdmin(ReadOnlyAdmin):
    """Newest first; the buttons are on the page of one."""

    list_display = [
        "id", "reference", "number", "chip", "adapter", "payout_text", "code", "provider_reference", "claimed_at",
        "ask_due_at",
    ]  # fmt: skip
    list_filter = ["outcome", "adapter", "code"]
    search_fields = ["reference", "provider_reference", "correlation_id"]
    list_select_related = ["withdrawal"]
    ordering = ["-id"]
    exclude = ["answer"]
    readonly_fields = ["answer_text"]
    actions_detail = ["enter_reference", "take_over", "ask"]

    @display(description="outcome", label=_LABELS, ordering="outcome")
    def chip(self, attempt: PayoutAttempt) -> str:
        return str(attempt.outcome)

    @display(description="pays out")
    def payout_text(self, attempt: PayoutAttempt) -> str:
        return str(attempt.withdrawal.payout or "")

    @display(description="answer")
    def answer_text(self, attempt: PayoutAttempt) -> str:
        return format_html('<pre class="whitespace-pre-wrap break-all">{}</pre>', readable_body(bytes(attempt.answer)))

    @action(description="Paid by hand", url_path="enter-reference", permissions=["enter_reference"])
    def enter_reference(self, request: HttpRequest, object_id: int) -> HttpResponse:
        def act(attempt: PayoutAttempt) -> None:
            record_manual_payout(
                actor=staff_of(request),
                withdrawal_id=attempt.withdrawal_id,
                provider_reference=request.POST.get("provider_reference", ""),
                reason=request.POST.get("reason", ""),
            )

        return self._act(request, object_id, "enter_reference", act)

    @action(description="Hand over to people", url_path="take-over", permissions=["take_over"])
    def take_over(self, request: HttpRequest, object_id: int) -> HttpResponse:
        def act(attempt: PayoutAttempt) -> None:
            take_over_payout(
                actor=staff_of(request),
                withdrawal_id=attempt.withdrawal_id,
                reason=request.POST.get("reason", ""),
            )

        return self._act(request, object_id, "take_over", act)

    @action(description="Ask the provider", url_path="ask", permissions=["ask"])
    def ask(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Asking is free; what the provider answers counts as always."""

        def act(attempt: PayoutAttempt) -> None:
            ask_payout(actor=staff_of(request), attempt_id=attempt.pk)

        return self._act(request, object_id, "ask", act)

    def has_enter_reference_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return _is_offered(request, object_id, "enter_reference")

    def has_take_over_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return _is_offered(request, object_id, "take_over")

    def has_ask_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return _is_offered(request, object_id, "ask")

    def _act(
        self, request: HttpRequest, object_id: int, name: str, act: Callable[[PayoutAttempt], None]
    ) -> HttpResponse:
        if not may_decide(staff_of(request)):
            raise PermissionDenied
        attempt = get_object_or_404(PayoutAttempt.objects.select_related("withdrawal__destination"), pk=object_id)
        if request.method == "POST":
            try:
                act(attempt)
            except Refusal as refusal:
                messages.error(request, refusal_text(refusal))
            else:
                attempt.refresh_from_db()
                words = render_to_string("admin/payments/payout_done.txt", {"attempt": attempt, "act": name})
                messages.success(request, words.strip())
            return redirect(reverse("admin:payments_payoutattempt_change", args=[attempt.pk]))
        page = {
            **self.admin_site.each_context(request),
            "attempt": attempt,
            "withdrawal": attempt.withdrawal,
            "act": name,
            "is_offered": attempt.outcome in _OFFERED[name],
            "opts": self.opts,
            "title": str(attempt),
        }
        return TemplateResponse(request, "admin/payments/payout_act.html", page)


@admin.register(RailBalance)
class RailBalanceAdmin(ReadOnlyAdmin):
    list_display = ["adapter", "money_text", "chip", "seen_at", "low_since"]
    list_filter = ["adapter", "asset"]

    @display(description="holds for us")
    def money_text(self, row: RailBalance) -> str:
        return str(row.money)

    @display(description="state", label={"enough": "success", "low": "danger"})
    def chip(self, row: RailBalance) -> str:
        return "enough" if row.low_since is None else "low"


def _is_offered(request: HttpRequest, object_id: Any, name: str) -> bool:
    """Whether the button is on the page: where its act can be due. Once pressed, the act itself answers."""
    if not may_decide(staff_of(request)):
        return False
    at = request.resolver_match
    if at is None or at.url_name != "payments_payoutattempt_change":
        return True
    found = PayoutAttempt.objects.filter(pk=object_id, outcome__in=_OFFERED[name])
    if name != "ask":
        found = found.filter(withdrawal__status=WithdrawalStatus.PROCESSING)
    return found.exists()
