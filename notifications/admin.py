"""Who was told, how and when: read-only rows, honest states, and one button that sends again (N3, N8)."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format
from unfold.admin import TabularInline
from unfold.decorators import action, display

from escrows.models import Escrow
from lockbay.read_only_admin import ReadOnlyAdmin
from notifications.actions.resend_delivery import RESENDABLE, resend_delivery
from notifications.errors import NotResendable, ReasonMissing
from notifications.models import Attempt, Delivery, DeliveryState
from notifications.report_admin import ReportInline


class AttemptInline(TabularInline):
    model = Attempt
    extra = 0
    hide_title = True
    fields = ["number", "started_at", "finished_at", "outcome", "provider_id", "error"]
    readonly_fields = fields
    ordering = ["number"]
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ["made", "trade", "template", "person", "channel", "chip", "attempts", "told", "error"]
    list_filter = ["state", "channel", "is_uncertain", "template", "priority"]
    search_fields = ["audience", "recipient__username", "recipient__telegram_username", "provider_id"]
    search_help_text = "A trade's public id, a username, or the channel's own id"
    list_select_related = ["event", "recipient"]
    ordering = ["-id"]
    inlines = [AttemptInline, ReportInline]
    actions_detail = ["send_again"]

    @display(description="made", ordering="created_at")
    def made(self, delivery: Delivery) -> str:
        return _moment(delivery.created_at)

    @display(description="told", ordering="sent_at")
    def told(self, delivery: Delivery) -> str:
        return _moment(delivery.delivered_at or delivery.sent_at)

    @display(description="trade")
    def trade(self, delivery: Delivery) -> str:
        return str(delivery.event.data.get("public_id", "")) if isinstance(delivery.event.data, dict) else ""

    @display(description="person")
    def person(self, delivery: Delivery) -> str:
        name = delivery.recipient.display_name if delivery.recipient else ""
        side, _, address = delivery.audience.partition(":")
        return f"{name} ({side})" if name else address or side

    @display(
        description="state",
        ordering="state",
        label={"sent": "success", "delivered": "success", "opened": "success", "failed": "danger", "unknown": "warning",
               "sending": "info", "queued": "info", "skipped": None},
    )  # fmt: skip
    def chip(self, delivery: Delivery) -> str:
        is_unknown = delivery.state == DeliveryState.FAILED and delivery.is_uncertain
        return "unknown" if is_unknown else str(delivery.state)

    @action(description="Send again", url_path="send-again", permissions=["send_again"])
    def send_again(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Asks for the reason, then calls the action; never inside a transaction of the admin's."""
        delivery = get_object_or_404(Delivery.objects.select_related("event", "recipient"), pk=object_id)
        if request.method == "POST":
            refusal = _refusal_of_resend(request, delivery)
            if not refusal:
                messages.success(
                    request, render_to_string("admin/notifications/sent_again.txt", {"delivery": delivery}).strip()
                )
                return redirect(reverse("admin:notifications_delivery_change", args=[delivery.pk]))
        else:
            refusal = "" if delivery.state in RESENDABLE else "state"
        page = {
            **self.admin_site.each_context(request),
            "delivery": delivery,
            "refusal": refusal,
            "opts": self.opts,
            "title": str(delivery),
        }
        return TemplateResponse(request, "admin/notifications/send_again.html", page)

    def has_send_again_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Needs notifications.change_delivery, though no row can be typed into."""
        return request.user.has_perm("notifications.change_delivery")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """A trade's public id finds everything that was said about it."""
        escrow_ids = list(Escrow.objects.filter(public_id__iexact=search_term.strip()).values_list("pk", flat=True))
        if escrow_ids:
            return queryset.filter(event__subject_type="escrow", event__subject_id__in=escrow_ids), False
        return super().get_search_results(request, queryset, search_term)


def _moment(at: datetime | None) -> str:
    """Short enough for a column: "22 Nov 14:02:31"."""
    return date_format(at, "j M H:i:s") if at else ""


def _refusal_of_resend(request: HttpRequest, delivery: Delivery) -> str:
    """ "" when it was queued; else the code that the page has words for."""
    if not request.user.is_authenticated:
        raise PermissionDenied
    try:
        resend_delivery(actor=request.user, delivery_id=delivery.pk, reason=request.POST.get("reason", ""))
    except ReasonMissing:
        return "reason"
    except NotResendable:
        return "state"
    return ""
