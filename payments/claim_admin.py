"""Pasted transaction ids in the admin: read-only; one can be looked at again, first as a dry run (P4, A2)."""

from django.contrib import admin
from unfold.decorators import display

from lockbay.read_only_admin import ReadOnlyAdmin
from payments.models import ChainClaim

_CLAIM_LABELS = {
    "waiting": "warning",
    "proven": "success",
    "refused": "danger",
    "held": "danger",
    "replaced": "danger",
}


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
