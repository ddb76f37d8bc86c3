"""Our own addresses in the admin: what was seen there, and how far each one was read. Read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from lockbay.read_only_admin import ReadOnlyAdmin
from payments.models import SeenState, SeenTransfer, WatchedAddress

_LABELS = {"waiting": "warning", "claimed": "success", "booked": "info", "suspended": "danger", "void": None}
_UNMATCHED = (SeenState.WAITING, SeenState.SUSPENDED)


class MatchedFilter(admin.SimpleListFilter):
    """Unmatched: no claim and no request's deposit took it."""

    title = _("matched")
    parameter_name = "matched"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("matched")), ("no", _("unmatched"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SeenTransfer]) -> QuerySet[SeenTransfer]:
        if self.value() == "no":
            return queryset.filter(state__in=_UNMATCHED)
        return queryset.exclude(state__in=_UNMATCHED) if self.value() == "yes" else queryset


@admin.register(SeenTransfer)
class SeenTransferAdmin(ReadOnlyAdmin):
    list_display = ["id", "chip", "chain", "txid", "money_text", "recipient", "claim", "block_time", "seen_at"]
    list_filter = [MatchedFilter, "state", "chain", "asset"]
    search_fields = ["txid", "recipient"]
    list_select_related = ["claim"]

    @display(description="state", label=_LABELS, ordering="state")
    def chip(self, seen: SeenTransfer) -> str:
        return str(seen.state)

    @display(description="received")
    def money_text(self, seen: SeenTransfer) -> str:
        return str(seen.money)


@admin.register(WatchedAddress)
class WatchedAddressAdmin(ReadOnlyAdmin):
    list_display = ["id", "chain", "address", "blocks_left", "note", "looked_at"]
    list_filter = ["chain"]
    search_fields = ["address"]
