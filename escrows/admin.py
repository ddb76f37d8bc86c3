"""Trades in the admin: read-only rows, the whole story of each, and the few buttons staff have so far (A1, A2).

A button asks for a written reason, shows what would be posted, and calls the same act as the job, with the staff member
as its actor. What the act refuses is said on the page and changes nothing.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action, display

from escrows import affiliate_admin as affiliate_admin  # registers its page
from escrows.actions.complete_release import complete_release
from escrows.actions.end_frozen import end_frozen_escrow
from escrows.actions.expire import expire_escrow
from escrows.actions.refund_unaccepted import refund_unaccepted
from escrows.actions.start_deadline import start_told_deadline
from escrows.errors import EscrowRefusal, NotAllowed, PreviewChanged, SnapshotMalformed, WrongStatus
from escrows.fees import Pricing
from escrows.funding_admin import ShortPaymentAdmin as ShortPaymentAdmin
from escrows.funding_admin import VanishedFundingAdmin as VanishedFundingAdmin
from escrows.missing import missing_of
from escrows.models import Escrow
from escrows.policy import may_act_as_staff
from escrows.preview import Preview, end_frozen_preview, refund_preview, release_preview
from escrows.queries import UNTOLD
from escrows.states import HOLDS_MONEY, PAYABLE, RELEASABLE, Status
from lockbay.events.models import Event
from lockbay.events.recording import broken_links
from lockbay.people.models import User
from lockbay.read_only_admin import ReadOnlyAdmin
from lockbay.repair_button import RepairButton
from wallets.accounts import hold_account
from wallets.models import Operation

_CHIPS = {
    "created": None,
    "payment_pending": "warning",
    "payment_confirmed": "info",
    "active": "info",
    "frozen": "danger",
    "delivered": "info",
    "disputed": "danger",
    "completed": "success",
    "refunded": None,
    "cancelled": None,
    "expired": None,
}


class FrozenFilter(admin.SimpleListFilter):
    """Trades that stand still because money they relied on is missing (P7)."""

    title = "frozen"
    parameter_name = "frozen"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "frozen"), ("no", "not frozen")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Escrow]) -> QuerySet[Escrow]:
        if self.value() not in {"yes", "no"}:
            return queryset
        return queryset.filter(frozen_at__isnull=self.value() == "no")


@admin.register(Escrow)
class EscrowAdmin(RepairButton, ReadOnlyAdmin):
    repair_subject = "escrow"
    list_display = ["public_id", "chip", "price_text", "buyer", "seller", "created_at", "closed_at", "close_reason"]
    list_filter = ["status", FrozenFilter, "fee_payer", "started_by"]
    search_fields = ["public_id", "buyer__username", "seller__username", "deposit_reference"]
    list_select_related = ["buyer", "seller"]
    ordering = ["-id"]
    fields = [
        "public_id", "chip", "description", "buyer", "seller", "started_by", "counterparty_hint", "price_text",
        "agreed_text", "rate_text", "delivery_hours", "inspection_hours", "created_at", "expires_at",
        "payment_confirmed_at", "deposit_reference", "accept_by", "accepted_at", "delivery_deadline", "delivered_at",
        "inspection_ends_at", "release_due_at", "frozen_at", "missing_text", "closed_at",
        "close_reason",
    ]  # fmt: skip
    readonly_fields = ["chip", "price_text", "agreed_text", "rate_text", "missing_text"]
    actions_detail = ["expire_unpaid", "complete_overdue", "refund_silent", "start_clock", "end_frozen", "repair"]
    change_form_outer_after_template = "admin/escrows/story.html"

    @display(description="status", ordering="status", label=_CHIPS)
    def chip(self, escrow: Escrow) -> str:
        return str(escrow.status) if escrow.frozen_at is None else "frozen"

    @display(description="missing")
    def missing_text(self, escrow: Escrow) -> str:
        return f"{missing_of(escrow)} · {escrow.status}" if escrow.frozen_at is not None else "-"

    @display(description="price", ordering="price_minor")
    def price_text(self, escrow: Escrow) -> str:
        return str(escrow.price)

    @display(description="who pays and gets what")
    def agreed_text(self, escrow: Escrow) -> str:
        try:
            pricing = Pricing.of(escrow)
        except SnapshotMalformed as error:
            return _said("agreed", malformed=error.detail)
        return _said("agreed", pricing=pricing)

    @display(description="frozen rate")
    def rate_text(self, escrow: Escrow) -> str:
        return _said("rate", quote=escrow.pricing.get("quote") if isinstance(escrow.pricing, dict) else None)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The row, and below it everything that happened."""
        escrow = Escrow.objects.filter(pk=object_id).first()
        story = story_of(escrow) if escrow is not None else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**story, **(extra_context or {})})
        return page

    @action(description="Expire unpaid", url_path="expire-unpaid", permissions=["expire"])
    def expire_unpaid(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._act(request, object_id, expire_escrow, None)

    @action(description="Complete overdue release", url_path="complete-overdue", permissions=["complete"])
    def complete_overdue(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._act(request, object_id, complete_release, release_preview)

    @action(description="Refund unaccepted", url_path="refund-unaccepted", permissions=["refund"])
    def refund_silent(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._act(request, object_id, refund_unaccepted, refund_preview)

    @action(description="Start the deadline", url_path="start-deadline", permissions=["start_clock"])
    def start_clock(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._act(request, object_id, start_told_deadline, None)

    @action(description="End frozen trade", url_path="end-frozen", permissions=["end_frozen"])
    def end_frozen(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return self._act(request, object_id, _end_frozen, end_frozen_preview)

    def has_expire_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return _is_offered(request, object_id, PAYABLE)

    def has_complete_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return _is_offered(request, object_id, RELEASABLE, frozen_at__isnull=True)

    def has_refund_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return _is_offered(request, object_id, frozenset({Status.PAYMENT_CONFIRMED}), frozen_at__isnull=True)

    def has_start_clock_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Where somebody could not be told: staff told them otherwise, and write down how."""
        return _is_offered(request, object_id, HOLDS_MONEY, UNTOLD, frozen_at__isnull=True)

    def has_end_frozen_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return _is_offered(request, object_id, HOLDS_MONEY, frozen_at__isnull=False)

    def _act(
        self,
        request: HttpRequest,
        object_id: int,
        act: Callable[..., Escrow],
        preview: Callable[[Escrow], Preview] | None,
    ) -> HttpResponse:
        if not may_act_as_staff(request.user):  # type: ignore[arg-type]
            raise PermissionDenied
        escrow = get_object_or_404(Escrow.objects.select_related("buyer", "seller"), pk=object_id)
        if request.method == "POST":
            try:
                act(
                    actor=request.user,
                    escrow_id=escrow.pk,
                    note=request.POST.get("reason", ""),
                    **_digest_for(act, request),
                )
            except (EscrowRefusal, SnapshotMalformed) as refusal:
                messages.error(request, _said("refused", refusal=refusal, **_codes_of(refusal)))
            else:
                messages.success(request, _said("done", escrow=escrow))
            return redirect(reverse("admin:escrows_escrow_change", args=[escrow.pk]))
        page = {
            **self.admin_site.each_context(request),
            "escrow": escrow,
            "act": act.__name__,
            **_shown_of(escrow, preview),
            "opts": self.opts,
            "title": escrow.public_id,
        }
        return TemplateResponse(request, "admin/escrows/act.html", page)


def story_of(escrow: Escrow) -> dict[str, Any]:
    """Events with the proof of their chain, the operations that touched the hold, and how many messages were made."""
    about = Event.objects.filter(subject_type="escrow", subject_id=escrow.pk)
    hold = str(hold_account(escrow.public_id, escrow.asset))
    touching = Operation.objects.filter(entries__account__code=hold)
    paying = Operation.objects.filter(memo=escrow.public_id)
    return {
        "timeline": about.select_related("actor").order_by("seq"),
        "broken": broken_links("escrow", escrow.pk),
        "operations": (touching | paying).distinct().order_by("pk").prefetch_related("entries__account"),
        "deliveries": about.aggregate(count=Count("deliveries"))["count"],
    }


def _end_frozen(*, actor: User, escrow_id: int, note: str, digest: str = "") -> Escrow:
    return end_frozen_escrow(actor=actor, escrow_id=escrow_id, reason=note, digest=digest)


def _is_offered(request: HttpRequest, object_id: Any, where: frozenset[Status], *also: Q, **more: Any) -> bool:
    """Whether the button is on the trade's page: where its act can be due. Once pressed, the act itself answers."""
    if not may_act_as_staff(request.user):  # type: ignore[arg-type]
        return False
    at = request.resolver_match
    if at is None or at.url_name != "escrows_escrow_change":
        return True
    return Escrow.objects.filter(*also, pk=object_id, status__in=sorted(where), **more).exists()


def _digest_for(act: Callable[..., Escrow], request: HttpRequest) -> dict[str, str]:
    """The one act whose preview can change under the page is told what was shown (E5)."""
    return {"digest": request.POST.get("digest", "")} if act is _end_frozen else {}


def _shown_of(escrow: Escrow, preview: Callable[[Escrow], Preview] | None) -> dict[str, Any]:
    try:
        shown = None if preview is None else preview(escrow)
    except SnapshotMalformed:
        shown = None  # the act itself will refuse, and say so
    return {"lines": shown.lines if shown else (), "digest": shown.digest if shown else ""}


def _codes_of(refusal: Exception) -> dict[str, Any]:
    if isinstance(refusal, NotAllowed):
        return {"kind": "not_allowed", "reason": refusal.reason.value, "until": refusal.until}
    if isinstance(refusal, WrongStatus):
        return {"kind": "wrong_status", "current": refusal.current}
    if isinstance(refusal, PreviewChanged):
        return {"kind": "preview_changed"}
    return {"kind": "malformed" if isinstance(refusal, SnapshotMalformed) else "other"}


def _said(template: str, **context: Any) -> str:
    return render_to_string(f"admin/escrows/{template}.txt", context).strip()
