"""Pasted transaction ids in the admin: read-only; one can be looked at again, first as a dry run (P4, A2)."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action, display

from lockbay.people.models import User
from payments.actions.look_again import look_again
from payments.errors import LookRefused
from payments.models import ChainClaim
from payments.staff import RIGHT
from payments.story_admin import StoryAdmin

_CLAIM_LABELS = {
    "waiting": "warning",
    "proven": "success",
    "refused": "danger",
    "held": "danger",
    "replaced": "danger",
}


@admin.register(ChainClaim)
class ChainClaimAdmin(StoryAdmin):
    story_key = "txid"
    list_display = ["id", "chip", "chain", "txid", "intent", "checks", "confirmations", "attempts", "looked_at"]
    list_filter = ["state", "chain"]
    search_fields = ["txid", "correlation_id", "intent__public_id", "intent__reference"]
    list_select_related = ["intent"]
    actions_detail = ["open_log", "look_again"]

    @display(description="state", label=_CLAIM_LABELS, ordering="state")
    def chip(self, claim: ChainClaim) -> str:
        return str(claim.state)

    @display(description="failed checks")
    def checks(self, claim: ChainClaim) -> str:
        return ", ".join(claim.failed)

    @action(description="Look again", url_path="look-again", permissions=["look"])
    def look_again(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """What the checks say now, and what would change; then, with a reason, for real."""
        if not self.has_look_permission(request):
            raise PermissionDenied
        claim = get_object_or_404(ChainClaim.objects.select_related("intent"), pk=object_id)
        actor: User = request.user  # type: ignore[assignment]
        if request.method == "POST":
            try:
                report = look_again(
                    actor=actor, claim_id=claim.pk, dry_run=False, reason=request.POST.get("reason", "")
                )
            except LookRefused as refusal:
                messages.error(request, _said(refusal=refusal))
            else:
                messages.success(request, _said(report=report))
            return redirect(reverse("admin:payments_chainclaim_change", args=[claim.pk]))
        page = {
            **self.admin_site.each_context(request),
            "claim": claim,
            "report": look_again(actor=actor, claim_id=claim.pk, dry_run=True),
            "opts": self.opts,
            "title": str(claim),
        }
        return TemplateResponse(request, "admin/payments/look_again.html", page)

    def has_look_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Those who may replay an event may have a transaction looked at again."""
        return bool(request.user.has_perm(RIGHT))


def _said(**context: Any) -> str:
    return render_to_string("admin/payments/looked_again.txt", context).strip()
