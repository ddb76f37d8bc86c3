"""Destinations, to look at and to register with a rail, and the stop switch of payouts (W7)."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action, display

from lockbay.read_only_admin import ReadOnlyAdmin
from wallets.actions.destinations import register_destination
from wallets.actions.payout_stops import resume_payouts, stop_payouts
from wallets.assets import DIGITS
from wallets.decision_admin import refusal_text, said, staff_of
from wallets.errors import Refusal, UnknownAsset
from wallets.models import Destination, PayoutStop
from wallets.withdrawal_policy import NEEDS_REGISTRATION, is_house_owner, may_decide
from wallets.withdrawal_states import WithdrawalStatus


@admin.register(Destination)
class DestinationAdmin(ReadOnlyAdmin):
    list_display = ["id", "owner", "rail", "payout_asset", "network", "label", "registered_as", "usable_at", "chip"]
    list_filter = ["rail", "payout_asset", "network"]
    search_fields = ["fingerprint", "owner__username", "owner__telegram_username"]
    list_select_related = ["owner"]
    ordering = ["-id"]
    actions_detail = ["register"]

    @display(description="state", label={"live": "success", "removed": None})
    def chip(self, destination: Destination) -> str:
        return "live" if destination.removed_at is None else "removed"

    @action(description="Register with the rail", url_path="register", permissions=["register"])
    def register(self, request: HttpRequest, object_id: int) -> HttpResponse:
        _require_decider(request)
        destination = get_object_or_404(Destination.objects.select_related("owner"), pk=object_id)
        if request.method == "POST":
            try:
                done = register_destination(
                    actor=staff_of(request),
                    destination_id=destination.pk,
                    registered_as=request.POST.get("registered_as", ""),
                    reason=request.POST.get("reason", ""),
                )
            except Refusal as refusal:
                messages.error(request, refusal_text(refusal))
            else:
                messages.success(request, said("registered", destination=done))
            return redirect(reverse("admin:wallets_destination_change", args=[destination.pk]))
        page = {
            **self.admin_site.each_context(request),
            "destination": destination,
            "waiting": list(destination.withdrawals.filter(status=WithdrawalStatus.AWAITING_REGISTRATION)),
            "opts": self.opts,
            "title": str(destination),
        }
        return TemplateResponse(request, "admin/wallets/register.html", page)

    def has_register_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Only where a rail wants it and nobody has done it."""
        if not may_decide(staff_of(request)):
            return False
        at = request.resolver_match
        if at is None or at.url_name != "wallets_destination_change":
            return True
        waits = Destination.objects.filter(rail__in=sorted(NEEDS_REGISTRATION), registered_as="")
        return waits.filter(pk=object_id).exists()


@admin.register(PayoutStop)
class PayoutStopAdmin(ReadOnlyAdmin):
    list_display = ["asset", "reason", "stopped_at"]
    actions_list = ["switch"]

    @action(description="Stop or resume payouts", url_path="switch", permissions=["switch"])
    def switch(self, request: HttpRequest) -> HttpResponse:
        _require_decider(request)
        if request.method == "POST":
            given = {name: request.POST.get(name, "") for name in ("act", "asset", "reason")}
            act = stop_payouts if given["act"] == "stop" else resume_payouts
            try:
                act(actor=staff_of(request), asset=given["asset"], reason=given["reason"])
            except (Refusal, UnknownAsset) as refusal:
                messages.error(request, refusal_text(refusal))
            else:
                messages.success(request, said("switched", **given))
            return redirect(request.path)
        page = {
            **self.admin_site.each_context(request),
            "stops": list(PayoutStop.objects.order_by("asset")),
            "assets": sorted(DIGITS),
            "is_owner": is_house_owner(staff_of(request)),
            "opts": self.opts,
            "title": self.opts.verbose_name_plural,
        }
        return TemplateResponse(request, "admin/wallets/switch.html", page)

    def has_switch_permission(self, request: HttpRequest) -> bool:
        return may_decide(staff_of(request))


def _require_decider(request: HttpRequest) -> None:
    if not may_decide(staff_of(request)):
        raise PermissionDenied
