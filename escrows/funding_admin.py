"""Money of trades that waits for a decision (E8) or is gone (P7): rows to look at."""

from django.contrib import admin
from unfold.decorators import display

from escrows.models import ShortPayment, VanishedFunding
from lockbay.read_only_admin import ReadOnlyAdmin

_SHORT_CHIPS = {
    "waiting": "warning",
    "asked": "warning",
    "refused": "warning",
    "completed": "success",
    "agreed": "success",
    "taken_back": None,
    "vanished": "danger",
}
_MISSING_CHIPS = {"open": "danger", "restored": "success", "ended": None}


@admin.register(ShortPayment)
class ShortPaymentAdmin(ReadOnlyAdmin):
    """Payments that were too short, and what was decided (E8)."""

    list_display = ["escrow", "chip", "held_text", "choose_by", "opened_at", "closed_at"]
    list_filter = ["state"]
    search_fields = ["escrow__public_id", "reference"]
    list_select_related = ["escrow"]
    ordering = ["-id"]

    @display(description="state", ordering="state", label=_SHORT_CHIPS)
    def chip(self, short: ShortPayment) -> str:
        return str(short.state)

    @display(description="held")
    def held_text(self, short: ShortPayment) -> str:
        return str(short.held)


@admin.register(VanishedFunding)
class VanishedFundingAdmin(ReadOnlyAdmin):
    """Money that live trades relied on and that is gone (P7), and what became of it."""

    list_display = ["escrow", "chip", "taken_text", "missing_text", "reference", "vanished_at", "closed_at"]
    list_filter = ["state"]
    search_fields = ["escrow__public_id", "reference"]
    list_select_related = ["escrow"]
    ordering = ["-id"]

    @display(description="state", ordering="state", label=_MISSING_CHIPS)
    def chip(self, row: VanishedFunding) -> str:
        return str(row.state)

    @display(description="taken from the hold")
    def taken_text(self, row: VanishedFunding) -> str:
        return str(row.taken)

    @display(description="still missing")
    def missing_text(self, row: VanishedFunding) -> str:
        return str(row.missing)
