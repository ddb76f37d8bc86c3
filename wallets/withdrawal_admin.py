"""The desk of money out: the queue of withdrawals, oldest first, and the whole story of each (W8, A1)."""

from typing import Any

from django.contrib import admin
from django.db.models import Case, Count, F, Q, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.utils.timesince import timesince
from unfold.decorators import display

from lockbay import clock
from lockbay.events.models import Event
from lockbay.events.recording import broken_links
from wallets.decision_admin import DecidingAdmin, review_context, said
from wallets.models import Decision, Operation, Withdrawal
from wallets.withdrawal_events import tail_of
from wallets.withdrawal_policy import needs_two
from wallets.withdrawal_states import OPEN, PENDING, WithdrawalStatus

_CHIPS = {
    "pending_approval": "warning",
    "awaiting_registration": "warning",
    "processing": "info",
    "sent": "info",
    "unknown": "danger",
    "completed": "success",
    "reversed": "danger",
    "rejected": None,
    "cancelled": None,
    "failed": "danger",
}


@admin.register(Withdrawal)
class WithdrawalAdmin(DecidingAdmin):
    """The queue: what waits comes first, the oldest at the top; what is closed follows, the newest first."""

    list_display = [
        "public_id", "chip", "amount_text", "payout_text", "to_text", "owner", "age", "approvals_text", "history_text",
    ]  # fmt: skip
    list_filter = ["status", "rail", "payout_asset"]
    search_fields = ["public_id", "owner__username", "owner__telegram_username", "provider_reference"]
    list_select_related = ["owner", "destination"]
    list_per_page = 50
    fields = [
        "public_id", "chip", "owner", "amount_text", "fees_text", "payout_text", "rate_text", "details_text", "rail",
        "revision", "requested_at", "approved_at", "processing_since", "sent_at", "closed_at", "provider_reference",
        "reason",
    ]  # fmt: skip
    readonly_fields = ["chip", "amount_text", "fees_text", "payout_text", "rate_text", "details_text"]
    change_form_outer_after_template = "admin/wallets/withdrawal.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Withdrawal]:
        """With what the list says of each row, in the one query."""
        of_revision = Q(approvals__revision=F("revision"), approvals__decision=Decision.APPROVE)
        completed = Q(owner__withdrawals__status=WithdrawalStatus.COMPLETED)
        rows: QuerySet[Withdrawal] = super().get_queryset(request)
        return rows.annotate(
            agreed=Count("approvals", filter=of_revision, distinct=True),
            completed_before=Count("owner__withdrawals", filter=completed, distinct=True),
        )

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """What waits for people, what is on its way, what is closed."""
        rank = Case(When(status__in=sorted(PENDING), then=0), When(status__in=sorted(OPEN), then=1), default=2)
        return [rank, Case(When(status__in=sorted(OPEN), then=F("pk")), default=-F("pk"))]

    @display(description="status", label=_CHIPS)
    def chip(self, withdrawal: Withdrawal) -> tuple[str, str]:
        return str(withdrawal.status), said("list_status", status=str(withdrawal.status))

    @display(description="amount", ordering="amount_minor")
    def amount_text(self, withdrawal: Withdrawal) -> str:
        return _in_one_line(str(withdrawal.amount))

    @display(description="pays out")
    def payout_text(self, withdrawal: Withdrawal) -> str:
        return _in_one_line(str(withdrawal.payout) if withdrawal.payout else f"≈ {withdrawal.estimate}")

    @display(description="to")
    def to_text(self, withdrawal: Withdrawal) -> str:
        return _in_one_line(f"{withdrawal.rail} {tail_of(withdrawal.details)}")

    @display(description="waits for")
    def age(self, withdrawal: Withdrawal) -> str:
        if withdrawal.status not in OPEN:
            return ""
        return timesince(withdrawal.processing_since or withdrawal.requested_at, clock.now())

    @display(description="approvals")
    def approvals_text(self, withdrawal: Withdrawal) -> str:
        return f"{withdrawal.agreed} / {2 if needs_two(withdrawal) else 1}"  # type: ignore[attr-defined]

    @display(description="history")
    def history_text(self, withdrawal: Withdrawal) -> str:
        is_new = withdrawal.requested_at - withdrawal.destination.created_at
        return said("list_history", completed=withdrawal.completed_before, days=is_new.days)  # type: ignore[attr-defined]

    @display(description="fees")
    def fees_text(self, withdrawal: Withdrawal) -> str:
        return f"{withdrawal.fee} + {withdrawal.network_fee}"

    @display(description="rate")
    def rate_text(self, withdrawal: Withdrawal) -> str:
        return f"{withdrawal.rate} ({withdrawal.rate_source}, {withdrawal.rate_at:%Y-%m-%d %H:%M} UTC)"

    @display(description="goes to")
    def details_text(self, withdrawal: Withdrawal) -> str:
        return said("details", details=withdrawal.details, destination=withdrawal.destination)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The row, then history and hints, what was decided, everything that happened and all money that moved."""
        found = self._found(object_id)
        more = {**review_context(found, request), **_story_of(found)} if found else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**more, **(extra_context or {})})
        return page

    def _found(self, object_id: str) -> Withdrawal | None:
        return Withdrawal.objects.select_related("owner", "destination").filter(pk=object_id).first()


def _in_one_line(text: str) -> str:
    return text.replace(" ", "\u00a0")


def _story_of(withdrawal: Withdrawal) -> dict[str, Any]:
    about = Event.objects.filter(subject_type="withdrawal", subject_id=withdrawal.pk)
    operations = Operation.objects.filter(reference=withdrawal.public_id)
    return {
        "timeline": about.select_related("actor").order_by("seq"),
        "broken": broken_links("withdrawal", withdrawal.pk),
        "operations": operations.order_by("pk").prefetch_related("entries__account"),
        "deliveries": about.aggregate(count=Count("deliveries"))["count"],
    }
