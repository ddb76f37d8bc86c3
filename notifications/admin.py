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
from unfold.decorators import action, display

from lockbay.read_only_admin import ReadOnlyAdmin
from notifications import incident_admin as incident_admin  # registers its page
from notifications.actions.resend_delivery import RESENDABLE, resend_delivery
from notifications.desk.finding import find_deliveries
from notifications.desk.timeline import tell_story
from notifications.errors import NotResendable, ReasonMissing
from notifications.models import Delivery, DeliveryState


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ["made", "trade", "template", "person", "channel", "chip", "attempts", "told", "error"]
    list_filter = ["state", "channel", "is_uncertain", "template", "priority"]
    search_fields = ["provider_id"]  # the field is there; get_search_results() decides what a text means
    search_help_text = "Trade, person, event, reference, address"
    list_before_template = "admin/notifications/search_help.html"
    list_select_related = ["event", "recipient"]
    ordering = ["-id"]
    fields = [
        "event", "trade", "template", "person", "channel", "chip", "priority", "attempts", "provider_id", "error",
        "created_at", "sent_at", "delivered_at", "opened_at",
    ]  # fmt: skip
    readonly_fields = ["trade", "person", "chip"]
    change_form_outer_before_template = "admin/notifications/delivery.html"
    actions_detail = ["send_again"]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The story of the message, and below it the row."""
        delivery = Delivery.objects.select_related("event__actor").filter(pk=object_id).first()
        story = {"story": tell_story(delivery)} if delivery is not None else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**story, **(extra_context or {})})
        return page

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
        """Needs notifications.change_delivery, though no row can be typed into. The button is where it can apply."""
        if not request.user.has_perm("notifications.change_delivery"):
            return False
        at = request.resolver_match
        if at is None or at.url_name != "notifications_delivery_change":
            return True  # once pressed, the act itself answers
        return Delivery.objects.filter(pk=object_id, state__in=RESENDABLE).exists()

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Whatever the text names, see desk/finding.py."""
        if not search_term.strip():
            return queryset, False
        found = find_deliveries(queryset, search_term)
        if found.is_cut:
            messages.warning(request, render_to_string("admin/notifications/search_cut.txt").strip())
        return found.rows, False


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
